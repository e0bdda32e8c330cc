"""A number for a text: its head, its loss, its scores; and the same where numbers are levels of a scale.

A network predicts standardised numbers, so that a learning rate suits every unit: the mean and the standard deviation
go with the exported model, and whatever is scored or answered is in the unit of the data.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from torch import Tensor

from accel.behaviour.kept import Kept
from accel.behaviour.numbers import Numbers
from accel.core.metric import LOSS, MAE, PEARSON, R2, RMSE, SPEARMAN, Metric
from accel.core.objective import Labelled, Objective
from accel.data.tokenized import Example, Tokenized, tokenize
from accel.objective.answers import LevelAnswers, NumberAnswers
from accel.objective.scores import GatheredScores, Report, Scores
from accel.ops.distill.losses import full

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedTokenizerBase

    from accel.core.meta import Meta
    from accel.data import Dataset, Split
    from accel.data.tokens import Encoded

KAPPA = Metric("quadratic_kappa", "quadratic kappa")


@dataclass(frozen=True)
class Regression(Labelled):
    """A number for a text or a pair of texts."""

    label_names: Sequence[str] = ()
    """Nothing, or the levels in ascending order."""
    mean: float = 0.0
    """What a prediction of 0 means, in the unit of the data."""
    std: float = 1.0
    """What a difference of 1 means."""

    name: ClassVar[str] = NumberAnswers.name
    answers: ClassVar[type[NumberAnswers]] = NumberAnswers
    keeps: ClassVar[type[Kept] | None] = Numbers
    unit: ClassVar[str] = "texts"
    metrics: ClassVar[tuple[Metric, ...]] = (SPEARMAN, PEARSON, RMSE, MAE, R2, LOSS)
    evaluation_tokens: ClassVar[int] = 4096

    @classmethod
    def for_labels(cls, label_names: Sequence[str]) -> Self:
        return cls(tuple(label_names))

    @classmethod
    def of(cls, meta: Meta) -> Self:
        found = cls.answers.of(meta)
        return cls(tuple(meta.label_names), found.mean, found.std)

    def answering(self) -> dict[str, Any]:
        return {"mean": self.mean, "std": self.std}

    def may_imitate(self, teacher: Objective) -> bool:
        return teacher.answering() == self.answering()

    def auto_class(self) -> Any:
        from transformers import AutoModelForSequenceClassification

        return AutoModelForSequenceClassification

    def configured(self, config: PretrainedConfig) -> PretrainedConfig:
        config.num_labels, config.problem_type = 1, "regression"
        return config

    def encode(self, split: Split, tokenizer: PreTrainedTokenizerBase, max_length: int) -> Encoded:
        return tokenize(split, tokenizer, max_length)

    def targets(self, examples: Sequence[Example], input_ids: Tensor, mask: Tensor) -> Tensor:
        """[batch]: standardised numbers."""
        del input_ids, mask
        return self._standardised([example["label"] for example in examples])

    def _standardised(self, numbers: Sequence[float]) -> Tensor:
        return torch.tensor([(number - self.mean) / self.std for number in numbers])

    def counts(self, lengths: np.ndarray) -> np.ndarray:
        return np.ones(len(lengths))

    def predictions(self, logits: Tensor, mask: Tensor) -> Tensor:
        del mask
        return logits

    def loss(self, outputs: Any, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return {"loss": F.mse_loss(full(outputs.logits)[:, 0], full(batch["labels"]))}

    def scores(self, split: Tokenized) -> Scores:
        del split
        return self._scores()

    def _scores(self) -> NumberScores:
        return NumberScores(self.mean, self.std)

    def kept(self, logits: Tensor, labels: Tensor, examples: np.ndarray) -> Numbers:
        found, true = ((values.double() * self.std + self.mean).numpy() for values in (logits[:, 0], labels))
        return Numbers(examples, true, found)

    def details(self, report: Report) -> dict[str, Any]:
        del report
        return {}

    def data_facts(self, dataset: Dataset) -> dict[str, Any]:
        """The scale, and where the numbers lie."""
        numbers = dataset.train.labels
        targets = {**self.answering(), "min": min(numbers), "max": max(numbers)}
        return {**super().data_facts(dataset), "targets": targets}

    def baselines(self, dataset: Dataset) -> list[dict[str, Any]]:
        """Always the mean of training."""
        found = self._scores()
        mean = float(np.mean(dataset.train.labels))
        guesses = self._standardised([mean] * len(dataset.test))
        found.update(guesses[:, None], self._standardised(dataset.test.labels))
        return [{"name": "always the mean of training", "metrics": found.compute().metrics}]

    def answer(self, logits: Tensor, mask: Tensor) -> dict[str, Any]:
        """The number, in the unit of the data."""
        del mask
        return self.answers(self.label_names, self.mean, self.std).answer_to((), logits.numpy(), ())

    def explained(self, logits: Tensor, mask: Tensor) -> tuple[int, ...]:
        del logits, mask
        return (0,)

    def margins(self, logits: Tensor, labels: Sequence[Any]) -> Tensor:
        """How near the numbers are: the squared error, negated."""
        return -(logits[:, 0] - self._standardised(labels)).square()

    def imitation(self, student: Tensor, teacher: Tensor, temperature: float) -> Tensor:
        del temperature
        return F.mse_loss(full(student), full(teacher))

    def divergence(self, found: Tensor, expected: Tensor) -> Tensor:
        return (found.double() - expected.double()).square().sum()


@dataclass(frozen=True)
class OrdinalRegression(Regression):
    """One of several numbers whose order and distance count, such as stars: the level that is nearest to a number."""

    name: ClassVar[str] = LevelAnswers.name
    answers: ClassVar[type[NumberAnswers]] = LevelAnswers
    metrics: ClassVar[tuple[Metric, ...]] = (KAPPA, *Regression.metrics)

    def _scores(self) -> NumberScores:
        return LevelScores(self.mean, self.std, [float(level) for level in self.label_names])

    def data_facts(self, dataset: Dataset) -> dict[str, Any]:
        """The levels too, and how many examples each has."""
        splits = {"train": dataset.train, "test": dataset.test}
        counts = {
            name: [split.labels.count(float(level)) for level in self.label_names] for name, split in splits.items()
        }
        return {**super().data_facts(dataset), "labels": list(self.label_names), "label_counts": counts}

    def details(self, report: Report) -> dict[str, Any]:
        return {"confusion_matrix": report.confusion_matrix}


class NumberScores(GatheredScores):
    """Of numbers, in their own unit.

    A correlation with what is always the same is undefined, and 0 here: it says nothing of the order.
    """

    def __init__(self, mean: float, std: float) -> None:
        super().__init__()
        self.mean, self.std = mean, std

    def report(self, logits: Tensor, labels: Tensor) -> Report:
        """Args: both are [examples, 1], standardised."""
        loss = (logits - labels).square().mean()
        found, true = (values[:, 0] * self.std + self.mean for values in (logits, labels))
        return Report({**errors(found, true), "loss": float(loss)})


class LevelScores(NumberScores):
    """The same, and of the levels that are nearest to them."""

    def __init__(self, mean: float, std: float, levels: Sequence[float]) -> None:
        super().__init__(mean, std)
        self.levels = (torch.tensor(levels, dtype=torch.float64) - mean) / std

    def report(self, logits: Tensor, labels: Tensor) -> Report:
        found, true = ((values - self.levels).abs().argmin(1) for values in (logits, labels))
        count = len(self.levels)
        matrix = torch.bincount(true * count + found, minlength=count**2).view(count, count)
        plain = super().report(logits, labels)
        return Report({KAPPA.key: quadratic_kappa(found, true), **plain.metrics}, confusion_matrix=matrix.tolist())


def errors(found: Tensor, true: Tensor) -> dict[str, float]:
    """How far predictions [examples] are from the truth, and how well they follow it; float64."""
    squares = (found - true).square().sum()
    spread = (true - true.mean()).square().sum()
    return {
        SPEARMAN.key: pearson(ranks(found), ranks(true)),
        PEARSON.key: pearson(found, true),
        RMSE.key: float((squares / len(true)).sqrt()),
        MAE.key: float((found - true).abs().mean()),
        R2.key: float(1 - squares / spread) if spread > 0 else 0.0,
    }


def ranks(values: Tensor) -> Tensor:
    """From 1; equal values have the mean of theirs."""
    _, which, counts = torch.unique(values, return_inverse=True, return_counts=True)
    return (counts.cumsum(0) - (counts - 1) / 2)[which].double()


def pearson(x: Tensor, y: Tensor) -> float:
    """The correlation; 0 where either is always the same."""
    if bool((x == x[0]).all() or (y == y[0]).all()):
        return 0.0
    x, y = x - x.mean(), y - y.mean()
    return float((x * y).sum() / (x.square().sum() * y.square().sum()).sqrt())


def quadratic_kappa(found: Tensor, true: Tensor) -> float:
    """Cohen's kappa with quadratic weights, of numbers of levels [examples].

    One minus the mean squared distance over that of predictions and truths paired at random. Cohen 1968.
    """
    found, true = found.double(), true.double()
    by_chance = found.var(correction=0) + true.var(correction=0) + (found.mean() - true.mean()).square()
    return float(1 - (found - true).square().mean() / by_chance) if by_chance > 0 else 0.0
