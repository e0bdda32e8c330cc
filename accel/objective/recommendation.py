"""Vectors for histories and items, so that a history's is near those of the items to come: the loss and the scores.

It is retrieval among all items but those that a user has taken. A batch of training is what retrieval's is. To be
scored, users and items are examples of their own: the whole catalogue is in each split.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import torch
from torch import Tensor

from accel.behaviour.places import FIRST, Places
from accel.core.metric import LOSS, OF_RECOMMENDATION, Metric
from accel.data.interactions import NOBODY, RankingDataset
from accel.data.tokenized import Example, Tokenized
from accel.objective._rankings import AT_ONCE, EQUAL
from accel.objective.answers import TasteAnswers
from accel.objective.retrieval import Retrieval, contrast, holds, pair_keys
from accel.objective.scores import GatheredScores, Report, Scores
from accel.ops.distill.losses import full
from accel.ops.parallel.gather import gathered
from accel.ops.ranking import Ranked, among_first
from accel.ops.recommend.counted import Recommend, Taken
from accel.ops.recommend.simple import simple_recommenders

if TYPE_CHECKING:
    from accel.core.meta import Meta
    from accel.data import Dataset

WEIGHED = (0.5, 0.7, 1, 1.4, 2, 2.8, 4, 5.7, 8, 16, 32)
"""Times the temperature of training; at the last one hardly anything but popularity counts."""


@dataclass(frozen=True)
class Recommendation(Retrieval):
    """A vector for a history or an item."""

    priors: Mapping[str, float] = field(default_factory=dict, compare=False, repr=False)
    """By the text of an item: log of how likely anybody takes it."""
    log_shares: Tensor = field(default_factory=lambda: torch.zeros(1), compare=False, repr=False)
    """float64 [items]: the same by the number of an item."""

    held: Held | None = field(default=None, compare=False, repr=False)
    """Of validation, by which ``weighed_at`` is chosen."""
    weighed_at: float | None = None
    """The temperature at which similarities count beside how likely an item is for anybody; none is chosen yet."""

    name: ClassVar[str] = TasteAnswers.name
    metrics: ClassVar[tuple[Metric, ...]] = OF_RECOMMENDATION
    unit: ClassVar[str] = "users"

    @classmethod
    def of(cls, meta: Meta) -> Recommendation:
        found = TasteAnswers.of(meta)
        return cls(priors=found.priors, weighed_at=found.temperature)

    @classmethod
    def of_interactions(cls, dataset: RankingDataset, temperature: float) -> Recommendation:
        """Of training on who took what; what nobody took counts as taken once, as all others do once more."""
        known = pair_keys(*map(torch.from_numpy, (dataset.users, dataset.items))).unique()
        counts = 1 + np.bincount(dataset.items, minlength=dataset.num_items)
        texts = [
            text for (_, text), label in zip(dataset.test.texts, dataset.test.labels, strict=True) if _is_item(label)
        ]
        priors = dict[str, float]()
        for text, share in zip(texts, counts / counts.sum(), strict=True):
            priors[text] = float(np.logaddexp(priors.get(text, -np.inf), np.log(share)))
        shares = torch.tensor([priors[text] for text in texts], dtype=torch.float64)
        held = Held.of(dataset.validation.labels)
        return cls(temperature, known, priors=priors, log_shares=shares, held=held)

    @property
    def is_fitted(self) -> bool:
        return self.weighed_at is not None or self.held is None

    def fitted(self, logits: Tensor, labels: Tensor) -> Self:
        """At which temperature items to come of the validation split are likeliest: who is unsure trusts popularity."""
        assert self.held is not None
        choices = {self.temperature * times: 0.0 for times in WEIGHED}
        for temperature in choices:
            recommend = tastes(logits, labels, self.log_shares, temperature)
            choices[temperature] = self.held.report(recommend, logits=True).metrics[LOSS.key]
        return replace(self, weighed_at=min(choices, key=lambda temperature: choices[temperature]))

    def answering(self) -> dict[str, Any]:
        return {"temperature": self.weighed_at or self.temperature, "priors": dict(self.priors)}

    def rows(self, examples: Sequence[Example]) -> Sequence[Example]:
        """The users' histories, then the items; an example may lack a side."""
        return [
            {"input_ids": e["input_ids"][e["targets"] == side], "label": _marked(e["label"][side], side)}
            for side in (0, 1)
            for e in examples
            if e["label"][side] != NOBODY
        ]

    def loss(self, outputs: Any, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """-log of the softmax of what a user took next among the items of all processes' batches.

        A mean over this process's pairs. What a user took at any time of training is no negative of his. Popular items
        are in many batches, so similarities say how much likelier an item is for a user than for anybody; how likely it
        is for anybody is counted, and added where items are ranked.
        """
        users, items = full(outputs.logits).chunk(2)
        asked, told = batch["labels"][: len(users)], _unmarked(batch["labels"][len(users) :])
        (all_items, start), (all_told, _) = gathered(items), gathered(told)
        related = holds(pair_keys(asked[:, None], all_told), self.known.to(asked.device))
        return {"loss": contrast(users, all_items, start, related, self.temperature).mean()}

    def scores(self, split: Tokenized) -> Scores:
        return TasteScores(Held.of(split.labels), self.log_shares, self.weighed_at or self.temperature)

    def data_facts(self, dataset: Dataset) -> dict[str, Any]:
        """Who is ranked for, and what is ranked."""
        assert isinstance(dataset, RankingDataset)
        ranked = {"users": len(Held.of(dataset.test.labels)), "items": dataset.num_items}
        return {"labels": [], "label_counts": {}, "ranked": ranked, "interactions": len(dataset.users)}

    def baselines(self, dataset: Dataset) -> list[dict[str, Any]]:
        """All items are equally near."""
        assert isinstance(dataset, RankingDataset)
        found = Held.of(dataset.test.labels).report(lambda users, history: torch.zeros(history.shape).double())
        return [{"name": "random order", "metrics": found.metrics}]

    def simple_models(self, dataset: Dataset, seed: int) -> Iterator[tuple[str, Report, int]]:
        """What who took what alone says, of training; a user's history is what the network reads of."""
        assert isinstance(dataset, RankingDataset)
        users, items = torch.from_numpy(dataset.users), torch.from_numpy(dataset.items)
        times = None if dataset.times is None else torch.from_numpy(dataset.times)
        taken = Taken(users, items, dataset.num_users, dataset.num_items, times)
        validated, tested = (Held.of(split.labels) for split in (dataset.validation, dataset.test))

        def quality(recommend: Recommend) -> float:
            return validated.ndcg(recommend)

        for name, recommend in simple_recommenders(taken, quality, seed):
            yield name, tested.report(recommend), len(taken.users)


def _is_item(label: Sequence[Any]) -> bool:
    """Of an example that is scored: whether it is an item, without a user."""
    return label[0] == NOBODY


def _marked(number: int, side: int) -> int:
    """One number for both sides: items are below 0."""
    return -1 - number if side else number


def _unmarked(numbers: Tensor) -> Tensor:
    return -1 - numbers


@dataclass(frozen=True)
class Held:
    """What is held out of whom, as a split's labels say it."""

    users: Tensor
    """int64 [users]: their numbers."""
    to_come: Sequence[Sequence[int]]
    """The items of each."""
    before: Sequence[Sequence[int]]
    """The items that each has taken, which are not recommended again."""
    num_items: int

    @classmethod
    def of(cls, labels: Sequence[Sequence[Any]]) -> Held:
        users = [label for label in labels if not _is_item(label)]
        items = sum(map(_is_item, labels))
        return cls(torch.tensor([u[0] for u in users]), [u[2] for u in users], [u[3] for u in users], items)

    def __len__(self) -> int:
        return len(self.users)

    def ndcg(self, recommend: Recommend) -> float:
        """The quality alone."""
        return Ranked.together([self._ranks(start, recommend)[0] for start in self._starts()]).ndcg(FIRST)

    def report(self, recommend: Recommend, *, logits: bool = False) -> Report:
        """Of what scores all items for a user; the loss only where scores are ``logits``."""
        parts = [self._ranked(start, recommend) for start in self._starts()]
        ranked, losses, first, missing = zip(*parts, strict=True)
        found = Ranked.together(list(ranked))
        gains, hits = found.ndcgs(FIRST), found.hits(FIRST)
        shown = 1 - torch.stack(missing).prod(0)
        values = (gains.mean(), found.recall(FIRST), hits.mean(), found.mrr(), shown.mean(), torch.cat(losses).mean())
        metrics = {metric.key: float(value) for metric, value in zip(OF_RECOMMENDATION, values, strict=True)}
        if not logits:
            del metrics[LOSS.key]
        truths = np.array([items[0] for items in self.to_come])
        kept = Places(np.arange(len(self)), truths, gains.numpy(), hits.numpy(), torch.cat(first).numpy())
        return Report(metrics, kept=kept)

    def _starts(self) -> range:
        return range(0, len(self), AT_ONCE)

    def _ranks(self, start: int, recommend: Recommend) -> tuple[Ranked, Tensor, Tensor]:
        """Of some users: where the items to come stand, all scores, and which items are to come."""
        some = slice(start, start + AT_ONCE)
        history, relevant = self._table(self.before[some]), self._table(self.to_come[some])
        scores = recommend(self.users[some], history).masked_fill(history, -torch.inf)
        return Ranked.of(scores, relevant), scores, relevant

    def _ranked(self, start: int, recommend: Recommend) -> tuple[Ranked, Tensor, Tensor, Tensor]:
        """Likewise: the ranks, the losses, what is shown first, and how likely each item is shown to nobody."""
        ranked, scores, relevant = self._ranks(start, recommend)
        order = torch.sort(scores, dim=1, descending=True, stable=True)
        first = order.indices[:, :FIRST].masked_fill(order.values[:, :FIRST].isinf(), -1)
        losses = scores.logsumexp(1)[:, None].sub(scores)[relevant]
        return ranked, losses, first, (1 - among_first(scores, FIRST)).prod(0)

    def _table(self, items: Sequence[Sequence[int]]) -> Tensor:
        """bool [users, items]."""
        found = torch.zeros(len(items), self.num_items, dtype=torch.bool)
        for row, numbers in zip(found, items, strict=True):
            row[numbers] = True
        return found


class TasteScores(GatheredScores):
    """Of every user's ranking of the whole catalogue."""

    keeps: ClassVar[bool] = True

    def __init__(self, held: Held, log_shares: Tensor, temperature: float) -> None:
        super().__init__()
        self.held, self.log_shares, self.temperature = held, log_shares, temperature

    def report(self, logits: Tensor, labels: Tensor) -> Report:
        """Args: vectors, and whose they are, [rows, 1]."""
        return self.held.report(tastes(logits, labels, self.log_shares, self.temperature), logits=True)


def tastes(vectors: Tensor, numbers: Tensor, log_shares: Tensor, temperature: float) -> Recommend:
    """How likely each item is for a user, but for a constant: by their vectors, and by how likely it is for anybody."""
    numbers = numbers.flatten().long()
    users, items = numbers >= 0, numbers < 0
    table = torch.zeros(len(log_shares), vectors.shape[1], dtype=torch.float64)
    table[_unmarked(numbers[items])] = vectors[items].double()
    who, place = numbers[users].sort()
    own = vectors[users][place].double()

    def recommend(asked: Tensor, history: Tensor) -> Tensor:
        del history
        similar = own[torch.searchsorted(who, asked)] @ table.T
        return (similar / EQUAL).round() * EQUAL / temperature + log_shares

    return recommend
