"""Adapters through PEFT, injected into the model itself so that it stays the module it was. The only file with PEFT."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from accel.core.family import HEADS
from accel.core.logs import quiet_import
from accel.errors import NoEffectError
from accel.ops.body import is_of_body
from accel.ops.low_rank import LowRank, is_plain, is_replaced, of_input, product
from accel.ops.quantize.fake_quantize import RoundedLinear
from accel.ops.quantize.quantized_layers import LEAVE, replace
from accel.ops.structured.structure import find_blocks

with quiet_import():
    from peft import AdaLoraConfig, LoraConfig, PeftConfig, inject_adapter_in_model
    from peft.tuners.adalora import RankAllocator
    from peft.tuners.lora import Linear as PeftLinear
    from peft.tuners.lora import LoraLayer

ADAPTER = "accel"
FIRST, SECOND, MAGNITUDE, SINGULAR = (
    f".{part}.{ADAPTER}" for part in ("lora_A", "lora_B", "lora_magnitude_vector", "lora_E")
)
"""What a parameter's name holds that is an adapter's: the matrix that the input meets, the one that makes the output,
the lengths of the weight's rows, the singular values between the two matrices (AdaLoRA)."""
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
    attention_only: bool = False,
) -> nn.Module:
    """Freeze the body and add an adapter to each of its linear layers; the head trains in full. Idempotent.

    Args:
        rslora: scale by alpha / sqrt(rank), not alpha / rank.
        pissa: begin with each weight's largest singular values, and leave the rest of the weight frozen.
        dora: learn the length of each row of the weight by itself.
        trains_first: whether the matrix that the input meets learns too.
        attention_only: whether queries and values alone have adapters.

    Raises:
        NoEffectError: the body has no such layer.
    """
    if any(isinstance(m, LoraLayer) for m in model.modules()):
        return model
    config = LoraConfig(
        r=rank,
        lora_alpha=alpha,  # type: ignore[arg-type]
        lora_dropout=dropout,
        target_modules=_queries_and_values(model) if attention_only else _targets(model, "lora"),
        use_rslora=rslora,
        use_dora=dora,
        init_lora_weights="pissa" if pissa else True,
    )
    if not dora:
        config._register_custom_module({nn.Linear: AdaptedLinear})
    _inject(model, config, (*([FIRST] if trains_first else []), SECOND, MAGNITUDE))
    for layer in (m for m in model.modules() if isinstance(m, LoraLayer)):
        for part in (layer.lora_A[ADAPTER], layer.lora_B[ADAPTER]):
            setattr(part, LEAVE, True)
        setattr(layer, BEGINNING, layer.lora_B[ADAPTER].weight.detach().clone())  # type: ignore[operator]
    return model


def _targets(model: nn.Module, tuning: str) -> list[str]:
    """The linear layers of the body, by their full names."""
    vocabulary = model.get_output_embeddings()  # type: ignore[operator] - of a model that writes: its table of pieces
    layers = ((name, m) for name, m in model.named_modules() if isinstance(m, nn.Linear) and m is not vocabulary)
    found = [name for name, _ in layers if is_of_body(model, name)]
    if not found:
        raise NoEffectError(f"tuning={tuning} found no linear layer in this model's body: use tuning=full.")
    return found


def _queries_and_values(model: nn.Module) -> list[str]:
    """The layers that make them; where one layer makes keys too, that one."""
    blocks = [block for block in find_blocks(model) if block.kind == HEADS]
    if not blocks:
        raise NoEffectError("tuning.targets=attention: accel does not know this model's attention: use all.")
    return [path for block in blocks for path in (block.inputs if block.fused > 1 else block.inputs[::2])]


class AdaptedLinear(PeftLinear):
    """PEFT's layer, with the adapter's product added to the layer's own where it stands, forward and backward.

    PEFT's own forward writes the adapter's output, multiplies it by its scale and adds it, and autograd adds two
    gradients of the input: four passes over a whole activation, for a product of low rank.
    """

    def forward(self, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        if self.disable_adapters or self.merged:
            return super().forward(x, *args, **kwargs)
        parts = self.low_rank()
        if parts is not None and not any(map(is_replaced, (parts.base, parts.first, parts.second))) and _in_fp32(x):
            base, a, b = parts.base, parts.first.weight, parts.second.weight
            return _Adapted.apply(x, base.weight, base.bias, a, b, parts.scale)  # type: ignore[return-value]
        first, second, dropout = self.lora_A[ADAPTER], self.lora_B[ADAPTER], self.lora_dropout[ADAPTER]
        y, scale = self.base_layer(x), self.scaling[ADAPTER]
        return y + second(first(dropout(x.to(first.weight.dtype))) * scale).to(y.dtype)  # type: ignore[arg-type]

    def low_rank(self) -> LowRank | None:
        """Its parts, where calling the layer means this product alone."""
        base, first, second = self.base_layer, self.lora_A[ADAPTER], self.lora_B[ADAPTER]
        more = self.disable_adapters or self.merged or isinstance(self.lora_dropout[ADAPTER], nn.Dropout)
        if more or not all(map(is_plain, (base, first, second))):
            return None
        return LowRank(base, first, second, self.scaling[ADAPTER])  # type: ignore[arg-type] - plain layers


def _in_fp32(x: Tensor) -> bool:
    return x.dtype in (torch.float32, torch.float64) and not torch.is_autocast_enabled(x.device.type)


class _Adapted(torch.autograd.Function):
    """x W' + b + s x A' B', where W and b are frozen."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, a: Tensor, b: Tensor, scale: float) -> Tensor:
        rows = x.reshape(-1, x.shape[-1])
        y, narrow = product(rows, weight, bias, a, b, scale)
        ctx.save_for_backward(rows if ctx.needs_input_grad[3] else None, narrow, weight, a, b)
        ctx.scale, ctx.shape = scale, x.shape
        return y.view(*x.shape[:-1], len(weight))

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        rows, narrow, weight, a, b = ctx.saved_tensors
        above = grads[0].reshape(-1, len(weight))
        below = ctx.scale * (above @ b)
        of_x = of_a = None
        if ctx.needs_input_grad[0]:
            of_x = of_input(above, below, weight, a).view(ctx.shape)
        if ctx.needs_input_grad[3]:
            of_a = below.T @ rows
        of_b = ctx.scale * (above.T @ narrow) if ctx.needs_input_grad[4] else None
        return of_x, None, None, of_a, of_b, None


def _inject(model: nn.Module, config: PeftConfig, parts: Sequence[str]) -> None:
    """Add the adapters; of the body their named parts alone learn, and the head in full."""
    head = [name for name, p in model.named_parameters() if not is_of_body(model, name) and p.requires_grad]
    inject_adapter_in_model(config, model, adapter_name=ADAPTER)  # type: ignore[arg-type]
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(name in head or any(part in name for part in parts))


@dataclass(frozen=True, kw_only=True)
class Budget:
    """How AdaLoRA's ranks are dealt out: from ``initial_rank`` each to ``rank`` on average, by steps of the optimizer.

    Zhang et al. 2023 (arXiv 2303.10512).
    """

    rank: int
    initial_rank: int
    begin_step: int
    """Up to it all adapters keep their rank; from ``end_step`` on they keep what they have then."""
    end_step: int
    every_steps: int
    total_steps: int
    memory: float = 0.85
    """Of the running means of a value's sensitivity, and of how uncertain that is: PEFT's defaults."""

    @classmethod
    def of(cls, total_steps: int, begin: float, end: float, **settings: int) -> Budget:
        """From shares of all steps; the first step is needed for a sensitivity, and one more for a choice."""
        begin_step = max(1, int(begin * total_steps))
        end_step = max(begin_step + 1, int(end * total_steps))
        return cls(begin_step=begin_step, end_step=end_step, total_steps=max(total_steps, end_step), **settings)

    def config(self) -> AdaLoraConfig:
        """As PEFT has it, which counts the last steps from the end."""
        return AdaLoraConfig(
            target_r=self.rank,
            init_r=self.initial_rank,
            tinit=self.begin_step,
            tfinal=self.total_steps - self.end_step,
            deltaT=self.every_steps,
            total_step=self.total_steps,
            beta1=self.memory,
            beta2=self.memory,
        )


def add_adalora(model: nn.Module, *, initial_rank: int, alpha: float, dropout: float) -> nn.Module:
    """As ``add_lora``, with a singular value for each rank, of which a ``RankAllocation`` leaves the important ones."""
    if any(isinstance(m, LoraLayer) for m in model.modules()):
        return model
    config = AdaLoraConfig(
        init_r=initial_rank,
        lora_alpha=alpha,  # type: ignore[arg-type]
        lora_dropout=dropout,
        target_modules=_targets(model, "adalora"),
        total_step=1,  # PEFT wants a schedule here; the one that counts is the allocation's
    )
    _inject(model, config, (FIRST, SECOND, SINGULAR))
    return model


class RankAllocation:
    """Decides after each step of the optimizer which ranks stay, by the gradients that the step has used.

    ``inject_adapter_in_model`` drops PEFT's allocator and nothing stores what it has learned; so both are held here.
    """

    def __init__(self, model: nn.Module, budget: Budget) -> None:
        self.end_step = budget.end_step
        self.allocator = RankAllocator(model, budget.config(), ADAPTER)
        self.kept: dict[str, list[bool]] = {}
        """By singular values' name, which ones stay to the end; empty until that is decided."""

    def after_step(self, model: nn.Module, step: int) -> None:
        """Weigh the ranks, and zero the singular values of those that go."""
        if step < self.end_step:
            self.allocator.update_and_allocate(model, step)
        elif step == self.end_step:
            _, kept = self.allocator.update_and_allocate(model, step, force_mask=True)
            self.kept = kept or {}
        else:
            self.allocator.mask_using_rank_pattern(model, self.kept)

    def state(self) -> dict[str, Any]:
        """What a checkpoint needs."""
        return {**{name: getattr(self.allocator, name) for name in _REMEMBERED}, "kept": self.kept}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from ``state``."""
        self.kept = state["kept"]
        for name in _REMEMBERED:
            setattr(self.allocator, name, state[name])


_REMEMBERED = ("ipt", "exp_avg_ipt", "exp_avg_unc")
"""PEFT's attributes that change from step to step."""


def ranks(model: nn.Module) -> dict[str, int]:
    """By layer, how many singular values of AdaLoRA's are not zero."""
    return {
        name.split(SINGULAR)[0]: int(parameter.count_nonzero())
        for name, parameter in model.named_parameters()
        if SINGULAR in name
    }


def orthogonality(model: nn.Module) -> Tensor:
    """How far the singular vectors of AdaLoRA's adapters are from being orthonormal: a mean over all matrices.

    PEFT has this term in a forward pass that is given labels, and adds it in silence; accel's losses are its own.
    """
    grams = [p @ p.T if FIRST in name else p.T @ p for name, p in model.named_parameters() if _is_singular_vector(name)]
    return torch.stack([torch.linalg.norm(gram - torch.eye(len(gram)).to(gram)) for gram in grams]).mean()


def _is_singular_vector(name: str) -> bool:
    return FIRST in name or SECOND in name


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
