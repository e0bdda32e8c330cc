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
        return float((self._sums(self._inside(k)) / self.counts.clamp(max=k)).mean())

    def hits(self, k: int) -> Tensor:
        """float64 [queries]: how likely something relevant is among the first ``k``."""
        inside = self._inside(k)
        edge = (inside > 0) & (inside < 1)  # of a query all of these are equally good, and only some have room
        level, room = self._of_queries(self.level, edge)[:, None], (k - self._of_queries(self.above, edge))[:, None]
        good = torch.bincount(self.query[edge], minlength=self.num_queries)[:, None]
        drawn = torch.arange(k)
        misses = ((level - good - drawn).clamp(min=0) / (level - drawn).clamp(min=1)).double()
        missed = torch.where((drawn < room) & (good > 0), misses, 1.0).prod(1)
        return torch.where(self._of_queries(self.level, inside == 1) > 0, 1.0, 1 - missed)

    def ndcg(self, k: int) -> float:
        """Discounted by ``1 / log2(1 + place)`` over the first ``k``, as a share of the best ranking's."""
        return float(self.ndcgs(k).mean())

    def ndcgs(self, k: int) -> Tensor:
        """float64 [queries]: the same of each."""
        gains = 1 / (torch.arange(1, k + 1).double() + 1).log2()
        so_far = torch.cat([torch.zeros(1, dtype=torch.float64), gains.cumsum(0)])
        first, last = self.above.clamp(max=k), (self.above + self.level).clamp(max=k)
        found = (so_far[last] - so_far[first]) / self.level
        return self._sums(found) / so_far[self.counts.clamp(max=k)]

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

    def _of_queries(self, values: Tensor, some: Tensor) -> Tensor:
        """[queries]: the largest of some relevant ones' values; 0 where there is none."""
        found = torch.zeros(self.num_queries, dtype=torch.long)
        return found.scatter_reduce(0, self.query[some], values[some], "amax")

    def _inside(self, k: int) -> Tensor:
        """[relevant]: how likely each is among the first ``k``."""
        return (k - self.above).clamp(min=0).minimum(self.level) / self.level

    def _sums(self, values: Tensor) -> Tensor:
        return torch.zeros(self.num_queries, dtype=torch.float64).index_add(0, self.query, values.double())


def among_first(scores: Tensor, k: int) -> Tensor:
    """float64 [queries, candidates]: how likely each is among the first ``k``; the sum of a query's is ``k``.

    Args:
        scores: -inf is never among them.
    """
    last = scores.topk(min(k, scores.shape[1]), 1).values[:, -1:]
    higher, level = scores > last, (scores == last) & scores.isfinite()
    room = k - higher.sum(1, keepdim=True)
    share = (room / level.sum(1, keepdim=True).clamp(min=1)).clamp(max=1).double()
    return torch.where(higher, 1.0, torch.where(level, share, 0.0))


def _mean_reciprocal(above: int, level: int, good: int) -> float:
    """Of the first place of ``good`` candidates among ``level`` equal ones, in random order behind ``above``."""
    total, left = 0.0, 1.0
    for step in range(level - good + 1):
        hit = good / (level - step)
        total += left * hit / (above + step + 1)
        left *= 1 - hit
    return total
