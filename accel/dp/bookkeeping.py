"""Per-sample clipped gradients in one backward pass, without per-sample gradients ("book-keeping").

Every trainable layer keeps its input and the gradient of its output while backward computes input gradients only. From
the two follow each sample's gradient norm (by Gram matrices where the sequence is short, else by instantiation) and,
once the clipping factors are known, the sum of all clipped gradients in one matrix product per layer: the work of an
ordinary backward pass, plus the norms.

Reference: Bu et al. 2023, "Differentially private optimization on large model at small cost" (arXiv 2210.00038); Li et
al. 2022 (arXiv 2110.05679) for the norms by Gram matrices.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from torch import Tensor, nn

from accel.ops.parallel.shards import is_sharded, local, part_of_sum, zeros_of_whole

Clip = Callable[[Tensor], Tensor]
"""Norms [batch] -> factors [batch]."""
Grams = dict[tuple[int, torch.Size], Tensor]
"""Products of a layer's input with itself, by where the input lies in memory."""


def flat(max_grad_norm: float) -> Clip:
    """Abadi et al. 2016 (arXiv 1607.00133): longer gradients are shortened to ``max_grad_norm``."""
    return lambda norms: (max_grad_norm / (norms + 1e-6)).clamp(max=1.0)


def automatic(max_grad_norm: float, stability: float = 0.01) -> Clip:
    """Bu et al. 2023, AUTO-S (arXiv 2206.07136): every gradient gets nearly the length ``max_grad_norm``."""
    return lambda norms: max_grad_norm / (norms + stability)


@dataclass
class Entry:
    """One use of a layer in a forward pass: its input (or weight gradient) and the gradient of its output."""

    x: Tensor
    g: Tensor

    def of_records(self, rows: Tensor) -> Entry:
        """The same with one row for each record: the rows of a record as one longer sequence.

        Args:
            rows: [records, most rows of one], numbers of the rows; past the end where a record has fewer.
        """
        return Entry(*(_beside_each_other(t, rows) for t in (self.x, self.g)))

    def without(self, bad: Tensor) -> Entry:
        """The same with zeros for some samples: zero times infinity is not zero."""
        rows = bad.nonzero().flatten()
        return Entry(self.x.index_fill(0, rows, 0), self.g.index_fill(0, rows, 0))


def _beside_each_other(values: Tensor, rows: Tensor) -> Tensor:
    """[rows, tokens, ...] -> [records, most rows * tokens, ...]; zeros, which add nothing, where there is no row."""
    more = torch.cat([values, values.new_zeros(1, *values.shape[1:])])
    return more[rows].flatten(1, 2)


def rows_of(records: Tensor) -> Tensor:
    """[records, most rows of one]: the numbers of each record's rows; the number of all rows where it has fewer.

    Args:
        records: int64 [rows], never falling, from 0 without a gap.
    """
    counts = records.bincount()
    starts = counts.cumsum(0) - counts
    column = torch.arange(int(counts.max()), device=records.device)
    return torch.where(column < counts[:, None], starts[:, None] + column, len(records))


@dataclass
class Page(ABC):
    """A layer's page in the book: its trainable parameters, their sums, and what backward noted."""

    weight: Tensor | None
    bias: Tensor | None
    entries: list[Entry] = field(default_factory=list)

    @property
    def used(self) -> bool:
        """Whether backward noted anything."""
        return bool(self.entries)

    def clear(self) -> None:
        """Forget what backward noted."""
        self.entries.clear()

    def add(self, x: Tensor, g: Tensor) -> None:
        """Note one use, in the format of the parameters: norms of half-precision gradients need more digits."""
        dtype = page_dtype(self)
        self.entries.append(Entry(x.to(dtype) if x.is_floating_point() else x, g.to(dtype)))

    def merged(self) -> Any:
        """All uses as one: a layer used twice sees one longer sequence, whose contributions add up before the norm."""
        if len(self.entries) == 1:
            return self.entries[0]
        return Entry(torch.cat([e.x for e in self.entries], 1), torch.cat([e.g for e in self.entries], 1))

    @property
    def sharded(self) -> bool:
        """Whether each process holds a part of the parameters."""
        return any(is_sharded(p) for p in self.parameters())

    def scatter(self) -> None:
        """Bring the sums of all processes together, of which each keeps its part; nothing where none is sharded."""
        for parameter in self.parameters():
            if is_sharded(parameter):
                scatter(parameter)

    @abstractmethod
    def squared_norms(self, entry: Any, grams: Grams) -> Tensor:
        """[batch], of what ``merged`` gave."""

    @abstractmethod
    def add_weighted(self, entry: Any, factors: Tensor) -> None:
        """Add the sum over samples of ``factors[i] * gradient[i]`` to the parameters' sums."""

    def parameters(self) -> Iterable[Tensor]:
        """The trainable ones."""
        return [p for p in (self.weight, self.bias) if p is not None]


class LinearPage(Page):
    """x: [batch, tokens, in] and g: [batch, tokens, out]."""

    def squared_norms(self, entry: Entry, grams: Grams) -> Tensor:
        x, g = entry.x, entry.g
        total = torch.zeros(len(x), dtype=g.dtype, device=g.device)
        if self.weight is not None:
            total = total + self._weight_norms(x, g, grams)
        if self.bias is not None:
            total = total + g.sum(1).pow(2).sum(1)
        return total

    @staticmethod
    def _weight_norms(x: Tensor, g: Tensor, grams: Grams) -> Tensor:
        tokens, inputs, outputs = x.shape[1], x.shape[2], g.shape[2]
        if tokens == 1:  # the gradient is an outer product
            return x.pow(2).sum((1, 2)) * g.pow(2).sum((1, 2))
        if 2 * tokens**2 > inputs * outputs:
            return torch.bmm(g.transpose(1, 2), x).pow(2).sum((1, 2))
        key = x.data_ptr(), x.shape
        if key not in grams:  # query, key and value have the same input
            grams[key] = torch.bmm(x, x.transpose(1, 2))
        return (grams[key] * torch.bmm(g, g.transpose(1, 2))).sum((1, 2))

    def add_weighted(self, entry: Entry, factors: Tensor) -> None:
        g = (entry.g * factors[:, None, None]).flatten(0, 1)  # not in place: a residual sum shares g between layers
        if self.weight is not None:
            sum_of(self.weight).addmm_(g.t(), entry.x.flatten(0, 1))
        if self.bias is not None:
            sum_of(self.bias).add_(g.sum(0))


class EmbeddingPage(Page):
    """x: token ids [batch, tokens] and g: [batch, tokens, width]; rows of padding are zero."""

    def squared_norms(self, entry: Entry, grams: Grams) -> Tensor:
        """A token that occurs twice in a sample adds up before the square."""
        del grams
        assert self.weight is not None
        ids, g = entry.x, entry.g
        batch, rows = len(ids), len(self.weight)
        keyed = ids + torch.arange(batch, device=ids.device)[:, None] * rows
        keys, slot = torch.unique(keyed, return_inverse=True)
        summed = torch.zeros(len(keys), g.shape[-1], dtype=g.dtype, device=g.device)
        summed.index_add_(0, slot.flatten(), g.flatten(0, 1))
        norms = torch.zeros(batch, dtype=g.dtype, device=g.device)
        return norms.index_add_(0, keys // rows, summed.pow(2).sum(1))

    def add_weighted(self, entry: Entry, factors: Tensor) -> None:
        assert self.weight is not None
        g = entry.g * factors[:, None, None]
        sum_of(self.weight).index_add_(0, entry.x.flatten(), g.flatten(0, 1))


class NormPage(Page):
    """x and g: the per-sample gradients of weight and bias themselves, [batch, 1, width]; they are small."""

    def squared_norms(self, entry: Entry, grams: Grams) -> Tensor:
        del grams
        parts = [
            part.sum(1).pow(2).sum(1) for part, p in ((entry.x, self.weight), (entry.g, self.bias)) if p is not None
        ]
        return torch.stack(parts).sum(0)

    def add_weighted(self, entry: Entry, factors: Tensor) -> None:
        for part, parameter in ((entry.x, self.weight), (entry.g, self.bias)):
            if parameter is not None:
                sum_of(parameter).add_(factors @ part.sum(1))


@dataclass
class TiedEntry:
    """The uses of one weight: as a table of embeddings, and as the head that gives every token a logit."""

    table: Entry | None
    head: Entry | None

    def of_records(self, rows: Tensor) -> TiedEntry:
        """As ``Entry.of_records``, for both."""
        return TiedEntry(*(e and e.of_records(rows) for e in (self.table, self.head)))

    def without(self, bad: Tensor) -> TiedEntry:
        """As ``Entry.without``, for both."""
        return TiedEntry(*(e and e.without(bad) for e in (self.table, self.head)))


class TiedPage(Page):
    """An embedding and a linear layer with the same weight, as most language models have for their head.

    The gradient is a sum of two, so the square of its norm has a cross term. With ``e`` the gradient of an embedded
    token and ``x``, ``g`` input and output gradient of the head, it is ``2 sum_t,s g_s[id_t] <e_t, x_s>``.

    Args:
        table: page of the embedding.
        head: page of the linear layer.
    """

    def __init__(self, table: EmbeddingPage, head: LinearPage) -> None:
        super().__init__(table.weight, head.bias)
        self.table, self.head = table, head

    @property
    def used(self) -> bool:
        return self.table.used or self.head.used

    def clear(self) -> None:
        self.table.clear()
        self.head.clear()

    def merged(self) -> TiedEntry:
        return TiedEntry(*(page.merged() if page.used else None for page in (self.table, self.head)))

    def squared_norms(self, entry: TiedEntry, grams: Grams) -> Tensor:
        squares = [page.squared_norms(part, grams) for page, part in self._parts(entry)]
        cross = _cross_term(entry.table, entry.head) if entry.table and entry.head else 0.0
        return torch.stack(squares).sum(0) + 2 * cross

    def add_weighted(self, entry: TiedEntry, factors: Tensor) -> None:
        for page, part in self._parts(entry):
            page.add_weighted(part, factors)

    def _parts(self, entry: TiedEntry) -> list[tuple[Page, Entry]]:
        pairs: list[tuple[Page, Entry | None]] = [(self.table, entry.table), (self.head, entry.head)]
        return [(page, part) for page, part in pairs if part is not None]


def _cross_term(table: Entry, head: Entry) -> Tensor:
    """[batch]: the scalar product of a sample's two gradients of the shared weight, without making either."""
    ids = table.x[:, None].expand(-1, head.g.shape[1], -1)
    return (head.g.gather(2, ids) * torch.bmm(head.x, table.g.transpose(1, 2))).sum((1, 2))


def sum_of(parameter: Tensor) -> Tensor:
    """Where the clipped gradients of a parameter add up: over a step, or over one batch where it is sharded."""
    found = getattr(parameter, "clipped_sum", None)
    if found is None:  # made late, when backward has freed what forward kept
        found = parameter.clipped_sum = zeros_of_whole(parameter)  # type: ignore[attr-defined]
    return found


def part_of(parameter: Tensor) -> Tensor:
    """What this process holds of a parameter's sum over a step: all that was scattered, or its whole sum."""
    if not is_sharded(parameter):
        return sum_of(parameter)
    found = getattr(parameter, "clipped_part", None)
    if found is None:
        found = parameter.clipped_part = torch.zeros_like(local(parameter.detach()))  # type: ignore[attr-defined]
    return found


def scatter(parameter: Tensor) -> None:
    """Add up a batch's sums of all processes, each of which keeps its part, and free the whole; all must call it."""
    part_of(parameter).add_(part_of_sum(sum_of(parameter), parameter))
    parameter.clipped_sum = None  # type: ignore[attr-defined]


def forget(parameter: Tensor) -> None:
    """Begin again at zero."""
    parameter.clipped_sum = parameter.clipped_part = None  # type: ignore[attr-defined]


class Sums(ABC):
    """Where the clipped gradients of a step add up, whoever computes them.

    Args:
        parameters: the trainable ones.
    """

    def __init__(self, parameters: list[Tensor]) -> None:
        self.parameters = parameters
        self.batch_size = 0
        self.dummy = torch.zeros(1, requires_grad=True)

    def zero(self) -> None:
        """Begin a step."""
        for parameter in self.parameters:
            forget(parameter)
        self.discard()

    @abstractmethod
    def discard(self) -> None:
        """Forget what backward noted."""

    @abstractmethod
    def flush(self, clip: Clip, real: Tensor, *, per_layer: bool = False, records: Tensor | None = None) -> Tensor:
        """Clip what backward noted and add it to the sums.

        Args:
            clip: from norms to factors.
            real: [records], 0 for those that only fill the batch.
            per_layer: every layer is clipped by its own norm, to ``max_grad_norm / sqrt(layers)``.
            records: int64 [rows], whose rows they are, never falling; each row is a record when absent.

        Returns:
            The norm of each record's whole gradient, [records]; those with one that is not finite are left out.
        """


def page_dtype(page: Page) -> torch.dtype:
    """Of the page's parameters."""
    return next(iter(page.parameters())).dtype


class RecordLinear(torch.autograd.Function):
    """``F.linear`` whose backward computes the input's gradient only and notes the rest."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, page: Page, dummy: Tensor) -> Tensor:
        del dummy  # requires grad, so that backward comes here although neither ids nor weights do
        ctx.page = page
        ctx.save_for_backward(x, weight)
        return F.linear(x, weight, bias)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Any, ...]:
        (x, weight), g = ctx.saved_tensors, grads[0]
        ctx.page.add(*(t[:, None] if t.dim() == 2 else t for t in (x.detach(), g)))
        grad_x = g @ weight.to(g.dtype) if ctx.needs_input_grad[0] else None
        return grad_x, None, None, None, None


class RecordEmbedding(torch.autograd.Function):
    """``F.embedding`` whose backward notes the rows' gradients."""

    @staticmethod
    def forward(ctx: Any, ids: Tensor, weight: Tensor, padding: int | None, page: Page, dummy: Tensor) -> Tensor:
        del dummy
        ctx.page, ctx.padding = page, padding
        ctx.save_for_backward(ids)
        return F.embedding(ids, weight)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Any, ...]:
        (ids,), g = ctx.saved_tensors, grads[0]
        if ctx.padding is not None:
            g = g * (ids != ctx.padding)[..., None]
        ctx.page.add(ids, g)
        return None, None, None, None, None


class RecordLayerNorm(torch.autograd.Function):
    """Layer normalization whose backward notes the per-sample gradients of weight and bias."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, layer: nn.LayerNorm, page: Page, dummy: Tensor) -> Tensor:
        del dummy
        weight, bias = (p.detach() if p is not None else None for p in (layer.weight, layer.bias))
        y, mean, rstd = torch.native_layer_norm(x, layer.normalized_shape, weight, bias, layer.eps)
        ctx.page, ctx.layer = page, layer
        ctx.save_for_backward(x, mean, rstd)
        return y

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Any, ...]:
        (x, mean, rstd), layer, g = ctx.saved_tensors, ctx.layer, grads[0].contiguous()
        grad_x, _, _ = torch.ops.aten.native_layer_norm_backward(
            g, x, layer.normalized_shape, mean, rstd, layer.weight, layer.bias, [True, False, False]
        )
        dims = tuple(range(1, x.dim() - 1))
        weight, bias = g * (x - mean) * rstd, g
        weight, bias = (t.sum(dims, keepdim=False) if dims else t for t in (weight, bias))
        ctx.page.add(weight[:, None], bias[:, None])
        return grad_x, None, None, None


class RecordScale(torch.autograd.Function):
    """``x * weight`` over the last dimension, for normalizations without a bias."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, page: Page, dummy: Tensor) -> Tensor:
        del dummy
        ctx.page = page
        ctx.save_for_backward(x, weight)
        return x * weight

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Any, ...]:
        (x, weight), g = ctx.saved_tensors, grads[0]
        dims = tuple(range(1, x.dim() - 1))
        found = g * x
        found = (found.sum(dims) if dims else found)[:, None]
        ctx.page.add(found, found)
        return g * weight, None, None, None
