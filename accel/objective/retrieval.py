"""Vectors for texts, so that a query's is near those of its passages: the network, its loss, its scores.

An example is a pair. The network reads the two texts apart, so a batch of n pairs has 2 n rows: the queries, then their
passages. ``labels`` are the numbers of the texts: equal texts have equal numbers. In training an example may have h
hard negatives, passages that are not right; then a batch has (2 + h) n rows, the hard negatives last: the first of each
example, then the second of each.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
import torchmetrics
from torch import Tensor
from torchmetrics.utilities import dim_zero_cat

from accel.behaviour.kept import Kept
from accel.behaviour.places import FIRST, Places
from accel.core.metric import LOSS, OF_RETRIEVAL, Metric
from accel.core.objective import Answering
from accel.data import Split
from accel.data.tokenized import Example, Tokenized, tokenize
from accel.data.tokens import Encoded, Ragged
from accel.errors import DataError
from accel.objective.answers import VectorAnswers
from accel.objective.scores import Report, Scores
from accel.ops.distill.losses import full
from accel.ops.embedder import AutoEmbedder
from accel.ops.parallel.gather import gathered
from accel.ops.ranking import Ranked

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedTokenizerBase

    from accel.data import Dataset

TEMPERATURE = 0.05
MOST_TEXTS = 2**31
AT_ONCE = 256
"""Queries that are ranked together."""
EQUAL = 1e-6
"""Similarities are rounded to this before they are ranked: the same text padded otherwise differs by less."""


@dataclass(frozen=True)
class Retrieval(Answering):
    """A vector for a text."""

    temperature: float = TEMPERATURE
    known: Tensor = field(default_factory=lambda: torch.empty(0, dtype=torch.long), compare=False, repr=False)
    """int64, ascending: the true pairs of training, as ``pair_keys`` writes them."""
    hard_negatives: int = 0
    """Of each pair of training."""
    label_names: Sequence[str] = ()

    name: ClassVar[str] = VectorAnswers.name
    metrics: ClassVar[tuple[Metric, ...]] = OF_RETRIEVAL
    keeps: ClassVar[type[Kept] | None] = Places
    evaluation_tokens: ClassVar[int] = 4096
    unit: ClassVar[str] = "queries"
    instead_of_explaining: ClassVar[str] = (
        "This model answers with a vector, of which no single number says anything, so there is nothing to explain. "
        "accel search shows which stored texts are near."
    )

    @classmethod
    def for_labels(cls, label_names: Sequence[str]) -> Retrieval:
        del label_names
        return cls()

    @classmethod
    def of_pairs(cls, pairs: Sequence[Sequence[int]], temperature: float) -> Retrieval:
        """Of training on pairs of numbers of texts; behind them stand those of hard negatives, as many for each."""
        queries, passages, *others = torch.tensor(pairs).unbind(1)
        return cls(temperature, pair_keys(queries, passages).unique(), len(others))

    def auto_class(self) -> Any:
        return AutoEmbedder

    def configured(self, config: PretrainedConfig) -> PretrainedConfig:
        return config

    def texts_together(self, num_columns: int) -> int:
        del num_columns
        return 1

    def encode(self, split: Split, tokenizer: PreTrainedTokenizerBase, max_length: int) -> Encoded:
        """All texts one after the other, each with its special tokens; ``targets`` say which text a token is of."""
        sides = [tokenize(_side(split, n), tokenizer, max_length) for n in range(len(split.texts[0]))]
        examples = list(zip(*(side.input_ids for side in sides), strict=True))
        return Encoded(
            Ragged.of([np.concatenate(texts) for texts in examples]),
            None,
            sum(side.num_truncated for side in sides),
            Ragged.of([np.repeat(range(len(sides)), [len(text) for text in texts]) for texts in examples]),
        )

    def rows(self, examples: Sequence[Example]) -> Sequence[Example]:
        """The queries, then their passages, then the first hard negative of each, and so on."""
        return [
            {"input_ids": e["input_ids"][e["targets"] == side], "label": e["label"][side]}
            for side in range(len(examples[0]["label"]))
            for e in examples
        ]

    def targets(self, examples: Sequence[Example], input_ids: Tensor, mask: Tensor) -> Tensor:
        """[rows]: the numbers of the texts."""
        del input_ids, mask
        return torch.tensor([example["label"] for example in examples])

    def counts(self, lengths: np.ndarray) -> np.ndarray:
        return np.ones(len(lengths))

    def predictions(self, logits: Tensor, mask: Tensor) -> Tensor:
        del mask
        return logits

    def loss(self, outputs: Any, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """InfoNCE both ways: every other pair's texts are negatives, those of all processes' batches together.

        A mean over this process's pairs. Hard negatives are negatives of every query. Texts that are known to belong
        together are never negatives of each other.
        """
        queries, passages, *hard = full(outputs.logits).chunk(2 + self.hard_negatives)
        asked, told, *hard_told = batch["labels"].chunk(2 + self.hard_negatives)
        (all_queries, start), (all_passages, _) = gathered(queries), gathered(passages)
        (all_asked, _), (all_told, _) = gathered(asked), gathered(told)
        true = torch.cat([self.known.to(asked.device), pair_keys(all_asked, all_told)]).unique()
        answers = torch.cat([all_passages, *(gathered(some)[0] for some in hard)])
        answers_told = torch.cat([all_told, *(gathered(some)[0] for some in hard_told)])
        forth = contrast(
            queries, answers, start, holds(pair_keys(asked[:, None], answers_told), true), self.temperature
        )
        back = contrast(
            passages, all_queries, start, holds(pair_keys(all_asked, told[:, None]), true), self.temperature
        )
        return {"loss": (forth + back).mean() / 2}

    def scores(self, split: Tokenized) -> Scores:
        return RankingScores(self.temperature, split.labels)

    def parts_of_quality(self, kept: Kept, split: Tokenized) -> np.ndarray | None:
        del split
        assert isinstance(kept, Places)
        return np.stack([kept.gains, np.ones(len(kept.gains))], axis=1)

    def details(self, report: Report) -> dict[str, Any]:
        del report
        return {}

    def settings(self) -> dict[str, Any]:
        return {"temperature": self.temperature}

    def data_facts(self, dataset: Dataset) -> dict[str, Any]:
        """How many different texts are ranked."""
        asked, told = (len(set(numbers)) for numbers in zip(*dataset.test.labels, strict=True))
        return {**super().data_facts(dataset), "ranked": {"queries": asked, "passages": told}}

    def baselines(self, dataset: Dataset) -> list[dict[str, Any]]:
        """All passages are equally near."""
        found = RankingScores(self.temperature, dataset.test.labels)
        pairs = torch.tensor(dataset.test.labels)
        found.update(torch.ones(2 * len(pairs), 1), pairs.T.flatten())
        metrics = {name: value for name, value in found.compute().metrics.items() if name != LOSS.key}
        return [{"name": "random order", "metrics": metrics}]

    def answer(self, logits: Tensor, mask: Tensor) -> dict[str, Any]:
        """The vector."""
        del mask
        return VectorAnswers(()).answer_to((), logits.numpy(), ())

    def explained(self, logits: Tensor, mask: Tensor) -> tuple[int, ...]:
        raise DataError(self.instead_of_explaining)

    def imitation(self, student: Tensor, teacher: Tensor, temperature: float) -> Tensor:
        """Squared distance of the vectors; of the similarities in the batch, where the widths differ."""
        del temperature
        ours, theirs = full(student), full(teacher)
        if ours.shape != theirs.shape:
            return F.mse_loss(ours @ ours.T, theirs @ theirs.T)
        return (ours - theirs).square().sum(1).mean()

    def divergence(self, found: Tensor, expected: Tensor) -> Tensor:
        return (found.double() - expected.double()).square().sum()


def _side(split: Split, number: int) -> Split:
    return Split([(texts[number],) for texts in split.texts], [])


def pair_keys(queries: Tensor, passages: Tensor) -> Tensor:
    """One number for each pair of numbers of texts; of [n, 1] and [m] those of all n m pairs."""
    return queries * MOST_TEXTS + passages


def holds(keys: Tensor, ascending: Tensor) -> Tensor:
    """Which keys are among the others."""
    place = torch.searchsorted(ascending, keys).clamp(max=len(ascending) - 1)
    return ascending[place] == keys


def contrast(
    own: Tensor, others: Tensor, start: int, related: Tensor, temperature: float, handicap: Tensor | float = 0.0
) -> Tensor:
    """[n]: -log of the softmax of each vector's partner among all others that are not related to it.

    Args:
        start: the partner of vector i is ``others[start + i]``.
        related: bool [n, others].
        handicap: [others], taken from the logits: of one that is met more often than others.
    """
    partner = torch.arange(start, start + len(own), device=own.device)
    logits = own @ others.T / temperature - handicap
    partners = F.one_hot(partner, len(others)).bool()
    return F.cross_entropy(logits.masked_fill(related & ~partners, -torch.inf), partner, reduction="none")


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


class RankingScores(Scores):
    """Of every query's ranking of all passages of the split but its own text, unless that is right.

    Where turns of a talk are queries and passages, a text would be its own nearest passage; so they are scored in BEIR
    too (Thakur et al. 2021, arXiv 2104.08663).

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
        """Each text counts once. The loss is that of a query's passage among all that are no others of its own."""
        queries, passages, asked, told = self.vectors.compute()
        numbers = asked.unique(), told.unique()
        (queries, asked), (passages, told) = _once(queries, asked), _once(passages, told)
        ranked, losses, shown = [], [], []
        for start, scores, relevant in _ranked_at_once(queries, passages, asked, told):
            itself = numbers[0][start : start + len(scores), None] == numbers[1]
            answers = scores.masked_fill(itself & ~relevant, -torch.inf)
            rounded = (answers / EQUAL).round()
            ranked.append(Ranked.of(rounded, relevant))
            losses.append(_losses(answers / self.temperature, relevant))
            best = rounded.topk(min(FIRST, len(passages)), dim=1)
            shown.append(numbers[1][best.indices].masked_fill(best.values.isinf(), -1))
        found, (ndcg, first, ten, mrr, loss) = Ranked.together(ranked), (metric.key for metric in OF_RETRIEVAL)
        return Report(
            {
                ndcg: found.ndcg(FIRST),
                first: found.recall(1),
                ten: found.recall(FIRST),
                mrr: found.mrr(),
                loss: float(torch.cat(losses).mean()),
            },
            kept=self._kept(found, numbers[0].tolist(), torch.cat(shown).numpy()),
        )

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


def _once(vectors: Tensor, numbers: Tensor) -> tuple[Tensor, Tensor]:
    """(the mean vector of every number, of length 1; the place of each row's number among them)."""
    different, place = numbers.unique(return_inverse=True)
    totals = vectors.new_zeros(len(different), vectors.shape[1]).index_add(0, place, vectors)
    return F.normalize(totals, dim=1), place


def _ranked_at_once(
    queries: Tensor, passages: Tensor, asked: Tensor, told: Tensor
) -> Iterator[tuple[int, Tensor, Tensor]]:
    """(the first query, similarities, whether a pair is true), the latter [some queries, passages] each."""
    for start in range(0, len(queries), AT_ONCE):
        some = queries[start : start + AT_ONCE]
        relevant = torch.zeros(len(some), len(passages), dtype=torch.bool)
        mine = (asked >= start) & (asked < start + len(some))
        relevant[asked[mine] - start, told[mine]] = True
        yield start, some @ passages.T, relevant


def _losses(logits: Tensor, relevant: Tensor) -> Tensor:
    """[true pairs]: -log of the softmax over the passage and those that are not relevant."""
    query, passage = relevant.nonzero(as_tuple=True)
    others = logits.masked_fill(relevant, -torch.inf).logsumexp(1)
    own = logits[query, passage]
    return torch.logaddexp(others[query], own) - own
