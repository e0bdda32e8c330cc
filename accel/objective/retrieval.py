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
from torch import Tensor

from accel.behaviour.kept import Kept
from accel.behaviour.places import Places
from accel.core.metric import LOSS, OF_RETRIEVAL, Metric
from accel.core.objective import Answering
from accel.data import Split
from accel.data.tokenized import Example, Tokenized, tokenize
from accel.data.tokens import Encoded, Ragged
from accel.errors import DataError
from accel.objective._rankings import RankingScores, by_words
from accel.objective.answers import VectorAnswers
from accel.objective.scores import Report, Scores
from accel.ops.distill.losses import full
from accel.ops.embedder import AutoEmbedder
from accel.ops.parallel.gather import gathered

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedTokenizerBase

    from accel.data import Dataset

TEMPERATURE = 0.05
MOST_TEXTS = 2**31


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

    def simple_models(self, dataset: Dataset, seed: int) -> Iterator[tuple[str, Report, int]]:
        """BM25, which learns nothing but how rare a word is, of the passages that it ranks."""
        del seed
        report = by_words(dataset.test.texts, dataset.test.labels)
        yield "BM25", report, len({told for _, told in dataset.test.labels})

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
