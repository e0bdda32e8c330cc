"""The same clipped sums by Opacus' per-sample gradients; the only file that touches Opacus' hooks.

Slower and hungrier for memory than our own book, and written by others: to compare with, and to check ours by.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from accel.core.logs import quiet_import
from accel.dp.clipping import Clip
from accel.dp.layers import freeze_unsampled, refuse_mixing
from accel.dp.sums import Sums, sum_of
from accel.errors import RefusedError

with quiet_import():
    from opacus.grad_sample.grad_sample_module import GradSampleHooks

HOOKS = "accel_opacus_hooks"


class OpacusBook(Sums):
    """Reads ``grad_sample`` of every trainable parameter after backward.

    Args:
        model: in train mode; every trainable layer must be of a kind that Opacus knows.
    """

    def __init__(self, model: nn.Module) -> None:
        refuse_mixing(model)
        freeze_unsampled(model)
        super().__init__([p for p in model.parameters() if p.requires_grad])
        embeddings = [m for m in model.modules() if isinstance(m, nn.Embedding)]
        self._refuse_tied_padding(model, embeddings)
        self.paddings = {id(m.weight): m.padding_idx for m in embeddings if m.padding_idx is not None}
        expanding = [m.register_forward_pre_hook(self._expand) for m in embeddings]
        hooks = GradSampleHooks(model, batch_first=True, loss_reduction="sum", strict=False)
        model.__dict__[HOOKS] = (hooks, expanding)

    @staticmethod
    def _refuse_tied_padding(model: nn.Module, embeddings: list[nn.Embedding]) -> None:
        """The embedding never trains its row of padding, the head does, and Opacus gives the sum of both."""
        padded = {id(m.weight) for m in embeddings if m.padding_idx is not None}
        if any(isinstance(m, nn.Linear) and id(m.weight) in padded for m in model.modules()):
            raise RefusedError(
                "privacy.engine=opacus_hooks: the head is tied to the embedding, which has a padding row, and "
                "Opacus does not support the two together. Use privacy.engine=bookkeeping."
            )

    def _expand(self, module: nn.Module, args: tuple[Tensor, ...]) -> Any:
        """Positions and token types come once for the whole batch; Opacus would take them for one sample's."""
        del module
        ids = args[0]
        one_for_all = torch.is_grad_enabled() and len(ids) == 1 and self.batch_size > 1
        return (ids.expand(self.batch_size, -1),) if one_for_all else None

    def discard(self) -> None:
        for parameter in self.parameters:
            parameter.grad = None
            parameter.grad_sample = None  # type: ignore[attr-defined]

    @torch.no_grad()
    def flush(self, clip: Clip, real: Tensor, *, per_layer: bool = False, records: Tensor | None = None) -> Tensor:
        """As ``Book.flush``; per layer means per parameter here."""
        samples = [(p, self._of_records(self._sample(p, self.batch_size), records)) for p in self.parameters]
        for parameter, grads in samples:
            if id(parameter) in self.paddings:  # its row is never trained, which Opacus does not know
                grads[:, self.paddings[id(parameter)]] = 0
        squares = torch.stack([g.flatten(1).square().sum(1) for _, g in samples])
        norms = squares.sum(0).sqrt()
        keep = real * norms.isfinite()
        root = len(samples) ** 0.5
        for (parameter, grads), square in zip(samples, squares, strict=True):
            factors = torch.where(keep > 0, clip(square.sqrt() * root) if per_layer else clip(norms), 0.0)
            grads = torch.where(keep.view(-1, *[1] * (grads.dim() - 1)) > 0, grads, 0.0)
            sum_of(parameter).add_(torch.einsum("b,b...->...", factors.to(grads.dtype), grads))
        self.discard()
        return norms

    @staticmethod
    def _of_records(grads: Tensor, records: Tensor | None) -> Tensor:
        """[records, ...]: the rows of a record are added up."""
        if records is None:
            return grads
        nothing = grads.new_zeros(int(records.max()) + 1, *grads.shape[1:])
        return nothing.index_add(0, records, grads)

    @staticmethod
    def _sample(parameter: Tensor, batch: int) -> Tensor:
        found = getattr(parameter, "grad_sample", None)
        if isinstance(found, list):
            found = sum(found[1:], found[0]) if found else None
        if found is None or len(found) != batch:
            raise RefusedError(
                "privacy.engine=opacus_hooks: Opacus knows no per-sample gradient of one of the trained layers. Use "
                "privacy.engine=bookkeeping."
            )
        return found


def detach(model: nn.Module) -> None:
    """Take Opacus' hooks off again, if there are any."""
    hooks, expanding = model.__dict__.pop(HOOKS, (None, ()))
    for handle in expanding:
        handle.remove()
    if hooks is not None:
        hooks.remove_hooks()
        for parameter in model.parameters():
            for name in ("grad_sample", "_forward_counter", "_current_grad_sample"):
                if hasattr(parameter, name):
                    delattr(parameter, name)
