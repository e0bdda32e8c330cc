"""A layer's page in the book: what backward notes of its uses, their norms, and the sum of their gradients."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from accel.dp.sums import scatter, sum_of
from accel.ops.parallel.shards import is_sharded

Grams = dict[tuple[int, torch.Size], Tensor]
"""Products of a layer's input with itself, by where the input lies in memory."""


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
        return self._each(lambda t: _beside_each_other(t, rows))

    def without(self, bad: Tensor) -> Entry:
        """The same with zeros for some samples: zero times infinity is not zero."""
        rows = bad.nonzero().flatten()
        return self._each(lambda t: t.index_fill(0, rows, 0))

    def _each(self, change: Callable[[Tensor], Tensor]) -> Entry:
        """Once where both are one tensor."""
        x = change(self.x)
        return Entry(x, x if self.g is self.x else change(self.g))


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
        x = torch.cat([e.x for e in self.entries], 1)
        return Entry(x, x if all(e.g is e.x for e in self.entries) else torch.cat([e.g for e in self.entries], 1))

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


class SamplePage(Page):
    """x and g: the per-sample gradients of weight and bias themselves, [batch, 1, numbers]; they are small."""

    def squared_norms(self, entry: Entry, grams: Grams) -> Tensor:
        del grams
        parts = [
            part.sum(1).pow(2).sum(1) for part, p in ((entry.x, self.weight), (entry.g, self.bias)) if p is not None
        ]
        return torch.stack(parts).sum(0)

    def add_weighted(self, entry: Entry, factors: Tensor) -> None:
        for part, parameter in ((entry.x, self.weight), (entry.g, self.bias)):
            if parameter is not None:
                sum_of(parameter).add_((factors @ part.sum(1)).view_as(parameter))


def page_dtype(page: Page) -> torch.dtype:
    """Of the page's parameters."""
    return next(iter(page.parameters())).dtype


def rows_of(records: Tensor) -> Tensor:
    """[records, most rows of one]: the numbers of each record's rows; the number of all rows where it has fewer.

    Args:
        records: int64 [rows], never falling, from 0 without a gap.
    """
    counts = records.bincount()
    starts = counts.cumsum(0) - counts
    column = torch.arange(int(counts.max()), device=records.device)
    return torch.where(column < counts[:, None], starts[:, None] + column, len(records))


def _beside_each_other(values: Tensor, rows: Tensor) -> Tensor:
    """[rows, tokens, ...] -> [records, most rows * tokens, ...]; zeros, which add nothing, where there is no row."""
    more = torch.cat([values, values.new_zeros(1, *values.shape[1:])])
    return more[rows].flatten(1, 2)
