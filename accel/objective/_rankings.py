"""How good rankings of a split's passages are, whoever ranks them: the network's vectors, or words alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
import torchmetrics
from torch import Tensor
from torchmetrics.utilities import dim_zero_cat

from accel.behaviour.places import FIRST, Places
from accel.core.metric import OF_RETRIEVAL
from accel.data.bm25 import scored
from accel.objective.scores import Report, Scores
from accel.ops.ranking import Ranked

AT_ONCE = 256
"""Queries that are ranked together."""
EQUAL = 1e-6
"""Similarities are rounded to this before they are ranked: the same text padded otherwise differs by less."""


class Near(Protocol):
    """How near each passage is to some queries: [last - first, passages], in the order of their numbers."""

    def __call__(self, first: int, last: int) -> Tensor: ...


@dataclass(frozen=True)
class Rankings:
    """Of every query's ranking of all passages of a split but its own text, unless that is right.

    Where turns of a talk are queries and passages, a text would be its own nearest passage; so they are scored in BEIR
    too (Thakur et al. 2021, arXiv 2104.08663). Each text counts once.
    """

    asked: Tensor
    """int64 [pairs]: the numbers of the queries' texts."""
    told: Tensor
    """int64 [pairs]: those of the passages' texts."""
    pairs: Sequence[Sequence[int]]
    """The same numbers in the order of the split, of which nothing is missing."""

    @property
    def numbers(self) -> tuple[Tensor, Tensor]:
        """Of the queries and of the passages that are ranked, ascending."""
        return self.asked.unique(), self.told.unique()

    def report(self, near: Near, temperature: float | None = None) -> Report:
        """Figures by name, and the first places of each query.

        Args:
            temperature: adds the loss, that of a query's passage among all that are no others of its own.
        """
        ranked, losses, shown = [], [], []
        queries, passages = self.numbers
        for answers, relevant in self._at_once(near):
            rounded = (answers / EQUAL).round()
            ranked.append(Ranked.of(rounded, relevant))
            best = rounded.topk(min(FIRST, len(passages)), dim=1)
            shown.append(passages[best.indices].masked_fill(best.values.isinf(), -1))
            if temperature is not None:
                losses.append(_losses(answers / temperature, relevant))
        found, (ndcg, first, ten, mrr, loss) = Ranked.together(ranked), (metric.key for metric in OF_RETRIEVAL)
        metrics = {ndcg: found.ndcg(FIRST), first: found.recall(1), ten: found.recall(FIRST), mrr: found.mrr()}
        if losses:
            metrics[loss] = float(torch.cat(losses).mean())
        return Report(metrics, kept=self._kept(found, queries.tolist(), torch.cat(shown).numpy()))

    def _at_once(self, near: Near) -> Iterator[tuple[Tensor, Tensor]]:
        """(how near, whether a pair is true), [some queries, passages] each."""
        queries, passages = self.numbers
        row, column = torch.searchsorted(queries, self.asked), torch.searchsorted(passages, self.told)
        for first in range(0, len(queries), AT_ONCE):
            some = queries[first : first + AT_ONCE]
            relevant = torch.zeros(len(some), len(passages), dtype=torch.bool)
            mine = (row >= first) & (row < first + len(some))
            relevant[row[mine] - first, column[mine]] = True
            itself = some[:, None] == passages
            yield near(first, first + len(some)).masked_fill(itself & ~relevant, -torch.inf), relevant

    def _kept(self, found: Ranked, queries: Sequence[int], shown: np.ndarray) -> Places:
        """A row for each query, at the first example of the split that asks it; always as many places."""
        row_of = {number: row for row, number in enumerate(queries)}
        asking: dict[int, int] = {}
        for example, (query, _) in enumerate(self.pairs):
            asking.setdefault(query, example)
        examples = [(example, row_of[query]) for query, example in asking.items() if query in row_of]
        places, rows = np.array(examples, np.int64).reshape(-1, 2).T
        ten = np.pad(shown, ((0, 0), (0, FIRST - shown.shape[1])), constant_values=-1)
        truths = np.array([self.pairs[example][1] for example in places.tolist()], np.int64)
        return Places(places, truths, found.ndcgs(FIRST).numpy()[rows], found.hits(FIRST).numpy()[rows], ten[rows])


class RankingScores(Scores):
    """Of the rankings by vectors, whichever batches and processes they come from.

    Args:
        pairs: the numbers of the split's texts, in its order.
    """

    keeps: ClassVar[bool] = True

    def __init__(self, temperature: float, pairs: Sequence[Sequence[int]]) -> None:
        super().__init__()
        self.vectors, self.temperature, self.pairs = Vectors(), temperature, pairs

    def update(self, logits: Tensor, labels: Tensor) -> None:
        self.vectors.update(logits, labels)

    def compute(self) -> Report:
        queries, passages, asked, told = self.vectors.compute()
        queries, passages = _once(queries, asked), _once(passages, told)

        def near(first: int, last: int) -> Tensor:
            return queries[first:last] @ passages.T

        return Rankings(asked, told, self.pairs).report(near, self.temperature)


class Vectors(torchmetrics.Metric):
    """Both vectors of all pairs of all batches and processes."""

    full_state_update = False
    rows: list[Tensor]

    def __init__(self) -> None:
        super().__init__()
        self.add_state("rows", [], dist_reduce_fx="cat")

    def update(self, logits: Tensor, labels: Tensor) -> None:
        parts = [*logits.double().chunk(2), *labels.double()[:, None].chunk(2)]
        self.rows.append(torch.cat(parts, 1).detach())

    def compute(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """(queries, passages, the numbers of either), a row for each pair; float64 and int64."""
        found = dim_zero_cat(self.rows).cpu()
        queries, passages = found[:, :-2].chunk(2, 1)
        return queries, passages, found[:, -2].long(), found[:, -1].long()


def by_words(texts: Sequence[Sequence[str]], pairs: Sequence[Sequence[int]]) -> Report:
    """What BM25 reaches, which counts the words that two texts share.

    Args:
        texts: (query, passage) of each pair.
    """
    asked, told = torch.tensor(pairs).T.contiguous()
    rankings = Rankings(asked, told, pairs)
    text_of = [
        dict(zip(numbers.tolist(), side, strict=True))
        for numbers, side in zip((asked, told), zip(*texts, strict=True), strict=True)
    ]
    queries, passages = ([of[int(n)] for n in numbers] for of, numbers in zip(text_of, rankings.numbers, strict=True))
    rows = scored(queries, passages)

    def near(first: int, last: int) -> Tensor:
        found = torch.zeros(last - first, len(passages), dtype=torch.float64)
        for row in found:
            places, scores = next(rows)
            row[torch.from_numpy(places).long()] = torch.from_numpy(scores)
        return found

    return rankings.report(near)


def _once(vectors: Tensor, numbers: Tensor) -> Tensor:
    """The mean vector of every number, of length 1."""
    different, place = numbers.unique(return_inverse=True)
    totals = vectors.new_zeros(len(different), vectors.shape[1]).index_add(0, place, vectors)
    return F.normalize(totals, dim=1)


def _losses(logits: Tensor, relevant: Tensor) -> Tensor:
    """[true pairs]: -log of the softmax over the passage and those that are not relevant."""
    query, passage = relevant.nonzero(as_tuple=True)
    others = logits.masked_fill(relevant, -torch.inf).logsumexp(1)
    own = logits[query, passage]
    return torch.logaddexp(others[query], own) - own
