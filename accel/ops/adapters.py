"""Adapters through PEFT, injected into the model itself so that it stays the module it was. The only file with PEFT."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from accel.core.logs import quiet_import
from accel.errors import NoEffectError
from accel.ops.quantize.fake_quantize import RoundedLinear
from accel.ops.quantize.quantized_layers import LEAVE, replace

with quiet_import():
    from peft import LoraConfig, inject_adapter_in_model
    from peft.tuners.lora import LoraLayer

ADAPTER = "accel"
FIRST, SECOND, MAGNITUDE = (f".{part}.{ADAPTER}" for part in ("lora_A", "lora_B", "lora_magnitude_vector"))
"""What a parameter's name holds that is an adapter's: the matrix that the input meets, the one that makes the output,
the lengths of the weight's rows."""
BEGINNING = "accel_beginning"
"""Attribute of an adapter: its second matrix before it learned."""


def add_lora(
    model: nn.Module,
    *,
    rank: int,
    alpha: float,
    dropout: float,
    rslora: bool = False,
    pissa: bool = False,
    dora: bool = False,
    trains_first: bool = True,
) -> nn.Module:
    """Freeze the body and add an adapter to each of its linear layers; the head trains in full. Idempotent.

    Args:
        rslora: scale by alpha / sqrt(rank), not alpha / rank.
        pissa: begin with each weight's largest singular values, and leave the rest of the weight frozen.
        dora: learn the length of each row of the weight by itself.
        trains_first: whether the matrix that the input meets learns too.

    Raises:
        NoEffectError: the body has no linear layer.
    """
    if any(isinstance(m, LoraLayer) for m in model.modules()):
        return model
    prefix = str(model.base_model_prefix)
    body = getattr(model, prefix)
    targets = [f"{prefix}.{name}" for name, m in body.named_modules() if isinstance(m, nn.Linear)]
    if not targets:
        raise NoEffectError("tuning=lora found no linear layer in this model's body: use tuning=full.")
    head = [name for name, p in model.named_parameters() if not name.startswith(f"{prefix}.") and p.requires_grad]
    config = LoraConfig(
        r=rank,
        lora_alpha=alpha,  # type: ignore[arg-type]
        lora_dropout=dropout,
        target_modules=targets,
        use_rslora=rslora,
        use_dora=dora,
        init_lora_weights="pissa" if pissa else True,
    )
    inject_adapter_in_model(config, model, adapter_name=ADAPTER)
    for layer in (m for m in model.modules() if isinstance(m, LoraLayer)):
        for part in (layer.lora_A[ADAPTER], layer.lora_B[ADAPTER]):
            setattr(part, LEAVE, True)
        setattr(layer, BEGINNING, layer.lora_B[ADAPTER].weight.detach().clone())  # type: ignore[operator]
    parts = (*([FIRST] if trains_first else []), SECOND, MAGNITUDE)
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(name in head or any(part in name for part in parts))
    return model


def second_matrices(model: nn.Module) -> list[nn.Parameter]:
    """Every adapter's matrix that makes the output."""
    return [parameter for name, parameter in model.named_parameters() if SECOND in name]


class MergedLora(nn.Module):
    """An adapter that is added to its rounded layer's weight at every step, so that the sum is what is rounded.

    The weight that is stored in the end is round(W + s B A); the usual adapter would train s B A beside round(W).
    """

    def __init__(self, adapter: LoraLayer) -> None:
        super().__init__()
        self.adapter: nn.Module = adapter  # type: ignore[assignment] - every LoraLayer is a module too

    @property
    def weight(self) -> Tensor:
        """The frozen one; T5 asks for its dtype."""
        return self.adapter.get_base_layer().weight  # type: ignore[operator]

    def forward(self, x: Tensor) -> Tensor:
        base = self.adapter.get_base_layer()  # type: ignore[operator]
        with torch.autocast(x.device.type, enabled=False):  # the sum must be the one that merging gives
            weight = self._scaled(base.weight + self.adapter.get_delta_weight(ADAPTER))  # type: ignore[operator]
        return base.multiply(x, weight)

    def _scaled(self, weight: Tensor) -> Tensor:
        """With rows of the length that was learned, where it was; to the gradient their norm is a constant."""
        if ADAPTER not in self.adapter.lora_magnitude_vector:  # type: ignore[operator]
            return weight
        length = self.adapter.lora_magnitude_vector[ADAPTER].weight  # type: ignore[index]
        return (length / weight.detach().norm(dim=1)).unsqueeze(1) * weight


def merge_in_the_loop(model: nn.Module) -> None:
    """Let every adapter of a rounded layer be added to its weight before that is rounded, in place. Idempotent."""
    nested = {id(m.adapter) for m in model.modules() if isinstance(m, MergedLora)}
    replace(model, lambda m: _is_rounded(m) and id(m) not in nested, MergedLora)


def _is_rounded(module: nn.Module) -> bool:
    return isinstance(module, LoraLayer) and isinstance(module.get_base_layer(), RoundedLinear)


def merge(model: nn.Module) -> nn.Module:
    """Add every adapter to its weight and leave plain layers behind, in place."""
    replace(model, lambda m: isinstance(m, MergedLora), lambda merged: merged.adapter)
    for parent in list(model.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, LoraLayer):
                child.merge(safe_merge=True)  # type: ignore[operator] - refuses a merge that is not finite
                setattr(parent, name, child.get_base_layer())  # type: ignore[operator]
    if hasattr(model, "peft_config"):
        del model.peft_config
    return model.requires_grad_(True)


def adapter_norms(model: nn.Module) -> dict[str, float]:
    """How far each adapter's second matrix has moved from its beginning: zero means that it never learned."""
    return {
        name: float((module.lora_B[ADAPTER].weight.detach() - _beginning(module)).abs().max())  # type: ignore[operator]
        for name, module in model.named_modules()
        if isinstance(module, LoraLayer) and ADAPTER in module.lora_B
    }


def factors(model: nn.Module) -> Iterator[tuple[Tensor, Tensor]]:
    """(A, B) of every adapter: [rank, inputs] and [outputs, rank]."""
    for module in model.modules():
        if isinstance(module, LoraLayer) and ADAPTER in module.lora_B:
            yield module.lora_A[ADAPTER].weight, module.lora_B[ADAPTER].weight  # type: ignore[misc]


def _beginning(layer: LoraLayer) -> Tensor:
    return getattr(layer, BEGINNING).to(layer.lora_B[ADAPTER].weight)  # type: ignore[operator]
