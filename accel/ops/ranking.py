"""How good rankings are, of scores [queries, candidates]; what is equally good stands in random order.

Scores that are equal are no ranking: each figure is its mean over all orders of theirs, computed exactly, so that a
network that says the same of everything is as good as chance, however the candidates were listed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Ranked:
    """Where relevant candidates stand."""

    query: Tensor
    """int64 [relevant], counted from 0: whose each is."""
    above: Tensor
    """int64 [relevant]: candidates with a higher score."""
    level: Tensor
    """int64 [relevant]: candidates with the same score, itself among them."""
    num_queries: int

    @classmethod
    def of(cls, scores: Tensor, relevant: Tensor) -> Ranked:
        """Of scores and a bool of the same shape; every query has something relevant."""
        query, candidate = relevant.nonzero(as_tuple=True)
        rows, own = scores[query], scores[query, candidate][:, None]
        return cls(query, (rows > own).sum(1), (rows == own).sum(1), len(scores))

    @classmethod
    def together(cls, parts: list[Ranked]) -> Ranked:
        """Of queries one after the other."""
        starts = torch.tensor([0, *(part.num_queries for part in parts[:-1])]).cumsum(0).tolist()
        return cls(
            torch.cat([part.query + start for part, start in zip(parts, starts, strict=True)]),
            torch.cat([part.above for part in parts]),
            torch.cat([part.level for part in parts]),
            sum(part.num_queries for part in parts),
        )

    @property
    def counts(self) -> Tensor:
        """[queries]: relevant candidates of each."""
        return torch.bincount(self.query, minlength=self.num_queries)

    def recall(self, k: int) -> float:
        """Share of the relevant ones among the first ``k``, of as many as there is room for: mean over queries."""
        inside = (k - self.above).clamp(min=0).minimum(self.level) / self.level
        return float((self._sums(inside) / self.counts.clamp(max=k)).mean())

    def ndcg(self, k: int) -> float:
        """Discounted by ``1 / log2(1 + place)`` over the first ``k``, as a share of the best ranking's."""
        gains = 1 / (torch.arange(1, k + 1).double() + 1).log2()
        so_far = torch.cat([torch.zeros(1, dtype=torch.float64), gains.cumsum(0)])
        first, last = self.above.clamp(max=k), (self.above + self.level).clamp(max=k)
        found = (so_far[last] - so_far[first]) / self.level
        return float((self._sums(found) / so_far[self.counts.clamp(max=k)]).mean())

    def mrr(self) -> float:
        """One over the place of the first relevant one: mean over queries."""
        firsts = torch.full((self.num_queries,), torch.iinfo(torch.long).max)
        firsts = firsts.scatter_reduce(0, self.query, self.above, "amin")
        mine = self.above == firsts[self.query]
        level = torch.zeros(self.num_queries, dtype=torch.long).scatter_reduce(
            0, self.query[mine], self.level[mine], "amax"
        )
        good = torch.bincount(self.query[mine], minlength=self.num_queries)
        places = zip(firsts.tolist(), level.tolist(), good.tolist(), strict=True)
        return math.fsum(_mean_reciprocal(*place) for place in places) / self.num_queries

    def _sums(self, values: Tensor) -> Tensor:
        return torch.zeros(self.num_queries, dtype=torch.float64).index_add(0, self.query, values.double())


def _mean_reciprocal(above: int, level: int, good: int) -> float:
    """Of the first place of ``good`` candidates among ``level`` equal ones, in random order behind ``above``."""
    total, left = 0.0, 1.0
    for step in range(level - good + 1):
        hit = good / (level - step)
        total += left * hit / (above + step + 1)
        left *= 1 - hit
    return total
