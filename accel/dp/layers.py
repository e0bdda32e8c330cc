"""Which layers can be booked, and how their forward is replaced; the only file that knows other libraries' layers."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from accel.dp.pages import EmbeddingPage, LinearPage, Page, SamplePage
from accel.dp.recording import RecordAdapted, RecordEmbedding, RecordLayerNorm, RecordLinear, RecordScale
from accel.dp.sums import Sums
from accel.errors import RefusedError, RunError
from accel.ops.low_rank import Adapted, is_replaced
from accel.ops.quantize.fake_quantize import RoundedEmbedding, RoundedLinear

PageOf = Callable[[type[Page], Tensor | None, Tensor | None], Page]
"""Where a layer with such parameters notes its uses."""

UNSAMPLED = ("relative_attention_bias",)
"""Modules whose input has no batch dimension: T5's table of relative positions."""


def unsampled(model: nn.Module) -> list[str]:
    """Names of the parameters that act on all samples at once."""
    return [name for name, _ in model.named_parameters() if any(f".{part}." in f".{name}" for part in UNSAMPLED)]


def freeze_unsampled(model: nn.Module) -> None:
    """Freeze what has no gradient of a sample by itself."""
    for name in unsampled(model):
        model.get_parameter(name).requires_grad_(False)


def refuse_mixing(model: nn.Module) -> None:
    """Object to layers whose output for one record depends on the others of its batch.

    Raises:
        RefusedError: naming the layer.
    """
    for name, module in model.named_modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            raise RefusedError(
                f"privacy=dpsgd: {name} is a {type(module).__name__}, which mixes the records of a batch, so no record "
                f"has a gradient of its own. Use a model with layer normalization, or privacy=none."
            )


def patch(module: nn.Module, book: Sums, page_of: PageOf) -> Collection[nn.Module]:
    """Replace the forward of a layer with trainable parameters of its own; any other module stays as it is.

    Returns:
        Layers inside of it that are not called any more.
    """
    parts = module.low_rank() if isinstance(module, Adapted) else None
    if parts is not None and not is_replaced(parts.base) and parts.learns_by_its_factors:
        factors = parts.first, parts.second
        pages = [page_of(SamplePage, f.weight, None) if f.weight.requires_grad else None for f in factors]
        module.forward = partial(_forward, partial(_adapted, pages), module.forward, module, None, book)
        return factors
    own = [p for p in module.parameters(recurse=False) if p.requires_grad]
    if not own:
        return ()
    for wanted, kind, forward in BOOKED:
        if wanted(module):
            page = page_of(kind, module.weight, getattr(module, "bias", None))  # type: ignore[arg-type]
            original = module.forward
            module.forward = partial(_forward, forward, original, module, page, book)
            break
    return ()


def booked_layers(model: nn.Module) -> int:
    """How many layers have a forward that keeps the book."""
    return sum(isinstance(m.__dict__.get("forward"), partial) for m in model.modules())


def unpatch(model: nn.Module) -> None:
    """Give every layer its own forward back."""
    for module in model.modules():
        if isinstance(module.__dict__.get("forward"), partial):
            del module.__dict__["forward"]
    for parameter in model.parameters():
        for name in ("clipped_sum", "clipped_part"):
            if hasattr(parameter, name):
                delattr(parameter, name)


def _forward(recorded: Any, original: Any, module: nn.Module, page: Page | None, book: Sums, x: Tensor) -> Tensor:
    return recorded(module, page, book, x) if torch.is_grad_enabled() else original(x)


def _linear(module: Any, page: Page, book: Sums, x: Tensor) -> Tensor:
    _check(module, x, book)
    weight = module.weight
    if isinstance(module, RoundedLinear):  # rounding passes gradients straight through, so they are the weight's
        x, weight = module.input_rounder(x), module.rounded(weight)
    bias = module.bias.detach() if module.bias is not None else None
    return RecordLinear.apply(x, weight.detach(), bias, page, book.dummy)  # type: ignore[return-value]


def _embedding(module: Any, page: Page, book: Sums, ids: Tensor) -> Tensor:
    if len(ids) == 1 and book.batch_size > 1:  # positions and token types come once for the whole batch
        ids = ids.expand(book.batch_size, -1)
    _check(module, ids, book)
    y = RecordEmbedding.apply(ids, module.weight.detach(), module.padding_idx, page, book.dummy)
    return module.weight_rounder(y) if isinstance(module, RoundedEmbedding) else y


def _adapted(pages: Sequence[Page | None], module: Any, page: None, book: Sums, x: Tensor) -> Tensor:
    del page  # one for each factor
    _check(module, x, book)
    parts = module.low_rank()
    if parts is None:
        raise RunError(f"privacy=dpsgd: a {type(module).__name__} was changed after its gradients began to be clipped.")
    return RecordAdapted.apply(x, parts, *pages, book.dummy)  # type: ignore[return-value]


def _layer_norm(module: Any, page: Page, book: Sums, x: Tensor) -> Tensor:
    _check(module, x, book)
    x = x.to(module.weight.dtype)  # under autocast, as torch's own layer norm does
    return RecordLayerNorm.apply(x, module, page, book.dummy)  # type: ignore[return-value]


def _rms_norm(module: Any, page: Page, book: Sums, x: Tensor) -> Tensor:
    _check(module, x, book)
    eps = module.variance_epsilon if hasattr(module, "variance_epsilon") else module.eps
    normed = x * torch.rsqrt(x.float().pow(2).mean(-1, keepdim=True) + eps).to(x.dtype)
    return RecordScale.apply(normed, module.weight.detach(), page, book.dummy)  # type: ignore[return-value]


def _check(module: nn.Module, x: Tensor, book: Sums) -> None:
    """Every row must be one sample, or norms would be those of something else."""
    if x.dim() not in (2, 3) or len(x) != book.batch_size:
        raise RunError(
            f"privacy=dpsgd: a {type(module).__name__} was given {list(x.shape)} for {book.batch_size} samples; its "
            f"rows are not samples, so the norms would be wrong. Use tuning=lora or tuning=head."
        )


def _is_rms_norm(module: nn.Module) -> bool:
    return type(module).__name__.endswith(("RMSNorm", "T5LayerNorm")) and not hasattr(module, "bias")


BOOKED = (
    (lambda m: isinstance(m, nn.Linear), LinearPage, _linear),
    (lambda m: isinstance(m, nn.Embedding), EmbeddingPage, _embedding),
    (lambda m: isinstance(m, nn.LayerNorm), SamplePage, _layer_norm),
    (_is_rms_norm, SamplePage, _rms_norm),
)
"""(which layers, their page, their forward); a subclass counts as its base."""
