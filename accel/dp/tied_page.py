"""The page of a weight that is a table of embeddings and the head of a language model at once."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from accel.dp.pages import EmbeddingPage, Entry, Grams, LinearPage, Page


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
