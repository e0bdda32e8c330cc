"""The book: per-sample clipped gradients in one backward pass, without per-sample gradients ("book-keeping").

Every trainable layer keeps its input and the gradient of its output while backward computes input gradients only. From
the two follow each sample's gradient norm (by Gram matrices where the sequence is short, else by instantiation) and,
once the clipping factors are known, the sum of all clipped gradients in one matrix product per layer: the work of an
ordinary backward pass, plus the norms.

Reference: Bu et al. 2023, "Differentially private optimization on large model at small cost" (arXiv 2210.00038); Li et
al. 2022 (arXiv 2110.05679) for the norms by Gram matrices.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from accel.dp.clipping import Clip
from accel.dp.layers import freeze_unsampled, patch, refuse_mixing
from accel.dp.pages import EmbeddingPage, Grams, LinearPage, Page, page_dtype, rows_of
from accel.dp.sums import Sums
from accel.dp.tied_page import TiedPage
from accel.errors import RefusedError


class Book(Sums):
    """Patches the trainable layers of a model so that backward fills pages instead of gradients.

    Args:
        model: its trainable parameters must all belong to linear, embedding or normalization layers; what acts on all
            samples at once (T5's relative positions) is frozen.

    Raises:
        RefusedError: a trainable parameter whose per-sample gradient is not known.
    """

    def __init__(self, model: nn.Module) -> None:
        refuse_mixing(model)
        freeze_unsampled(model)
        super().__init__([])
        self.pages: dict[int, Page] = {}
        inside: set[nn.Module] = set()
        for module in model.modules():  # outer ones first
            if module not in inside:
                inside.update(patch(module, self, self.page))
        covered = {id(p) for page in self.pages.values() for p in page.parameters()}
        missing = [name for name, p in model.named_parameters() if p.requires_grad and id(p) not in covered]
        if missing:
            raise RefusedError(
                f"privacy=dpsgd knows no per-sample gradient of {', '.join(missing[:3])}. Use tuning=lora or "
                f"tuning=head, which leave it frozen."
            )
        self.parameters = [p for page in self.pages.values() for p in page.parameters()]

    def page(self, kind: type[Page], weight: Tensor | None, bias: Tensor | None) -> Page:
        """Where a layer notes its uses; layers that share a weight share the page in the book.

        Raises:
            RefusedError: the weight is shared by layers of which no sum of gradients is known.
        """
        weight, bias = (p if p is not None and p.requires_grad else None for p in (weight, bias))
        key = id(weight) if weight is not None else id(bias)
        found = self.pages.setdefault(key, kind(weight, bias))
        if type(found) is kind:
            return found
        tied = found if isinstance(found, TiedPage) else _tied(found, kind(weight, bias))
        self.pages[key] = tied
        return tied.table if kind is EmbeddingPage else tied.head

    def discard(self) -> None:
        for page in self.pages.values():
            page.clear()

    @torch.no_grad()
    def flush(
        self,
        clip: Clip,
        real: Tensor,
        *,
        per_layer: bool = False,
        records: Tensor | None = None,
        scattered: Page | None = None,
    ) -> Tensor:
        """As ``Sums.flush``.

        Args:
            scattered: the page whose sums all processes bring together now, where they are sharded; by default of all.
        """
        used = [page for page in self.pages.values() if page.used]
        merged = [page.merged() for page in used]
        if records is not None:
            rows = rows_of(records)
            merged = [entry.of_records(rows) for entry in merged]
        grams: Grams = {}
        squares = torch.stack([page.squared_norms(e, grams) for page, e in zip(used, merged, strict=True)])
        grams.clear()
        norms = _at_least_fp32(squares).sum(0).sqrt()
        finite = norms.isfinite()
        if not finite.all():
            merged = [entry.without(~finite) for entry in merged]
        keep = real * finite
        root = len(self.pages) ** 0.5
        shared = clip(norms)
        self.discard()
        noted = {id(page): found for page, *found in zip(used, merged, squares, strict=True)}
        del merged
        for page in self.pages.values():
            if id(page) in noted:
                entry, square = noted.pop(id(page))  # each entry is freed as its sum grows
                factors = clip(square.sqrt() * root) if per_layer else shared
                page.add_weighted(entry, torch.where(keep > 0, factors, 0.0).to(page_dtype(page)))
            if scattered is None or page is scattered:
                page.scatter()  # one that noted nothing too: another process may have something for it
        return norms


def _tied(first: Page, second: Page) -> TiedPage:
    for table, head in ((first, second), (second, first)):
        if isinstance(table, EmbeddingPage) and isinstance(head, LinearPage):
            return TiedPage(table, head)
    raise RefusedError(
        f"privacy=dpsgd: a weight is shared between layers of different kinds ({type(first).__name__}, "
        f"{type(second).__name__}), whose per-sample norm is not known. Use tuning=lora, which leaves it frozen."
    )


def _at_least_fp32(norms: Tensor) -> Tensor:
    return norms.to(torch.promote_types(norms.dtype, torch.float32))
