"""Any number of labels at once: its head, its loss, its thresholds, its scores.

The graph ends in logits; whether a label holds is decided by its own threshold on their sigmoid, which is chosen on the
validation split after training and goes with the exported model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from torch import Tensor

from accel.core.metric import LOSS, MACRO_F1, Metric
from accel.core.objective import Labelled
from accel.data.tokenized import Example, Tokenized, tokenize
from accel.objective.answers import HALF, LabelSetAnswers
from accel.objective.scores import GatheredScores, Report, Scores
from accel.ops.distill.losses import full

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedTokenizerBase

    from accel.core.meta import Meta
    from accel.data import Dataset, Split
    from accel.data.tokens import Encoded

UNKNOWN = -1
"""Target of a label of which nobody knows whether it holds."""
MICRO_F1, MEAN_PRECISION = Metric("micro_f1", "micro F1"), Metric("map", "mAP")
EXACT = Metric("exact_match", "exact match", share_of_right=True)


@dataclass(frozen=True)
class MultiLabel(Labelled):
    """Those of several labels that hold for a text or a pair of texts."""

    label_names: Sequence[str]
    thresholds: tuple[float, ...] | None = None
    """By label, from which probability on it holds; None until the trained network was seen."""

    name: ClassVar[str] = LabelSetAnswers.name
    metrics: ClassVar[tuple[Metric, ...]] = (MACRO_F1, MICRO_F1, MEAN_PRECISION, EXACT, LOSS)
    evaluation_tokens: ClassVar[int] = 4096

    @classmethod
    def for_labels(cls, label_names: Sequence[str]) -> Self:
        return cls(label_names)

    @classmethod
    def of(cls, meta: Meta) -> Self:
        return cls(meta.label_names, LabelSetAnswers.of(meta).thresholds)

    @property
    def is_fitted(self) -> bool:
        return self.thresholds is not None

    def fitted(self, logits: Tensor, labels: Tensor) -> Self:
        """With thresholds that have the best F1 of each label."""
        sides = zip(logits.sigmoid().T, labels.T, strict=True)
        return replace(self, thresholds=tuple(best_threshold(p[y != UNKNOWN], y[y != UNKNOWN] == 1) for p, y in sides))

    def answering(self) -> dict[str, Any]:
        return {"thresholds": list(self.thresholds)} if self.thresholds is not None else {}

    def _answers(self) -> LabelSetAnswers:
        return LabelSetAnswers(self.label_names, self.thresholds or (HALF,) * len(self.label_names))

    def auto_class(self) -> Any:
        from transformers import AutoModelForSequenceClassification

        return AutoModelForSequenceClassification

    def configured(self, config: PretrainedConfig) -> PretrainedConfig:
        config.num_labels = len(self.label_names)
        config.id2label = dict(enumerate(self.label_names))
        config.label2id = {name: i for i, name in enumerate(self.label_names)}
        config.problem_type = "multi_label_classification"
        return config

    def encode(self, split: Split, tokenizer: PreTrainedTokenizerBase, max_length: int) -> Encoded:
        return tokenize(split, tokenizer, max_length)

    def targets(self, examples: Sequence[Example], input_ids: Tensor, mask: Tensor) -> Tensor:
        """[batch, labels]: 1, 0 or ``UNKNOWN``."""
        del input_ids, mask
        return _targets([example["label"] for example in examples])

    def counts(self, lengths: np.ndarray) -> np.ndarray:
        """Each example counts once, however many of its labels are known: what it adds depends on no other one."""
        return np.ones(len(lengths))

    def predictions(self, logits: Tensor, mask: Tensor) -> Tensor:
        del mask
        return logits

    def loss(self, outputs: Any, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return {"loss": losses(full(outputs.logits), batch["labels"]).mean()}

    def scores(self, split: Tokenized) -> Scores:
        del split
        return LabelSetScores(self.label_names, self._answers().thresholds)

    def answer(self, logits: Tensor, mask: Tensor) -> dict[str, Any]:
        """The labels that hold, and the probability of every one."""
        del mask
        return self._answers().answer_to((), logits.numpy(), ())

    def explained(self, logits: Tensor, mask: Tensor) -> tuple[int, ...]:
        """The likeliest label."""
        del mask
        return (int(logits.argmax()),)

    def to_explain(
        self,
        text: Sequence[str],
        logits: Tensor,
        mask: Tensor,
        offsets: Sequence[tuple[int, int]],
        asked: Sequence[str] = (),
        columns: Sequence[int | None] = (),
    ) -> list[tuple[str, tuple[int, ...]]]:
        """Each label that holds, where none is asked for; the likeliest one where none holds."""
        return super().to_explain(text, logits, mask, offsets, asked or self.answer(logits, mask)["labels"])

    def margins(self, logits: Tensor, labels: Sequence[Any]) -> Tensor:
        """The log-odds of the truth, on average over the known labels."""
        targets = _targets(labels)
        signs = torch.where(targets == UNKNOWN, 0.0, 2 * targets - 1)
        return (signs * logits).sum(1) / signs.abs().sum(1)

    def imitation(self, student: Tensor, teacher: Tensor, temperature: float) -> Tensor:
        """Of each label's own odds, on average over labels; also of those that nobody knows."""
        ours, theirs = full(student) / temperature, full(teacher) / temperature
        return _divergences(ours, theirs).mean() * temperature**2

    def divergence(self, found: Tensor, expected: Tensor) -> Tensor:
        return _divergences(found.double(), expected.double()).sum()

    def data_facts(self, dataset: Dataset) -> dict[str, Any]:
        """The labels, and how many examples have each."""
        splits = {"train": dataset.train, "test": dataset.test}
        counts = {name: (_targets(split.labels) == 1).sum(0).tolist() for name, split in splits.items()}
        return {"labels": list(self.label_names), "label_counts": counts}

    def baselines(self, dataset: Dataset) -> list[dict[str, Any]]:
        """Every label for every text: of what guesses without reading, that has the best F1 of rare labels."""
        targets = _targets(dataset.test.labels)
        found = LabelSetScores(self.label_names, (HALF,) * len(self.label_names))
        found.update(torch.ones_like(targets), targets)
        metrics = {name: value for name, value in found.compute().metrics.items() if name != LOSS.key}
        return [{"name": "always every label", "metrics": metrics}]

    def details(self, report: Report) -> dict[str, Any]:
        return {"per_class": report.classes}


def _targets(labels: Sequence[Sequence[float | None]]) -> Tensor:
    return torch.tensor([[UNKNOWN if label is None else float(label) for label in row] for row in labels])


def losses(logits: Tensor, labels: Tensor) -> Tensor:
    """[examples]: each one's mean binary cross entropy over its known labels."""
    known = labels != UNKNOWN
    each = F.binary_cross_entropy_with_logits(logits, labels.clamp_min(0).to(logits.dtype), reduction="none")
    return (each * known).sum(1) / known.sum(1).clamp_min(1)


def _divergences(found: Tensor, expected: Tensor) -> Tensor:
    """Kullback-Leibler divergence of every label's odds, in nats; 0 exactly where both are the same."""
    odds = expected.sigmoid()
    return odds * (F.logsigmoid(expected) - F.logsigmoid(found)) + (1 - odds) * (
        F.logsigmoid(-expected) - F.logsigmoid(-found)
    )


def ranked(odds: Tensor, true: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """(odds, hits, answers): what saying yes from each of the different odds on gives, from the highest one down."""
    values, order = odds.sort(descending=True)
    last = torch.cat([values[1:] < values[:-1], torch.tensor([True])])
    return values[last], true[order].cumsum(0)[last].double(), torch.arange(1, len(values) + 1)[last].double()


def best_threshold(odds: Tensor, true: Tensor) -> float:
    """From which of a label's odds [examples] on saying yes has the best F1: in the middle between two of them.

    A half where that is as good, and where no example has the label: then nothing is known.
    """
    if not bool(true.any()):
        return HALF
    values, hits, answers = ranked(odds, true)
    f1 = 2 * hits / (answers + true.sum())
    yes = odds >= HALF
    if 2 * (yes & true).sum() / (yes.sum() + true.sum()) >= f1.max():
        return HALF
    middles = (values + torch.cat([values[1:], torch.zeros(1, dtype=values.dtype)])) / 2
    best = middles[f1 == f1.max()]
    return float(best[(best - HALF).abs().argmin()])


def average_precision(odds: Tensor, true: Tensor) -> float:
    """The area under precision by recall as steps; equal odds are one step."""
    _, hits, answers = ranked(odds, true)
    return float((hits.diff(prepend=torch.zeros(1)) * hits / answers).sum() / hits[-1])


class LabelSetScores(GatheredScores):
    """Of any number of labels per example; labels that nobody knows count nowhere."""

    def __init__(self, label_names: Sequence[str], thresholds: Sequence[float]) -> None:
        super().__init__()
        self.names = list(label_names)
        self.thresholds = torch.tensor(thresholds, dtype=torch.float64)

    def report(self, logits: Tensor, labels: Tensor) -> Report:
        """Macro F1 is a mean over labels that occur or were predicted, mAP over those that occur."""
        odds, known, true = logits.sigmoid(), labels != UNKNOWN, labels == 1
        found = odds >= self.thresholds
        hits, answers, support = ((side & known).sum(0).double() for side in (found & true, found, true))
        f1 = 2 * hits / (answers + support).clamp_min(1)
        seen, occurs = answers + support > 0, support > 0
        areas = [average_precision(odds[known[:, i], i], true[known[:, i], i]) for i in occurs.nonzero()[:, 0].tolist()]
        metrics = {
            MACRO_F1.key: float(f1[seen].mean()) if bool(seen.any()) else 0.0,
            MICRO_F1.key: float(2 * hits.sum() / (answers + support).sum().clamp_min(1)),
            MEAN_PRECISION.key: float(np.mean(areas)) if areas else 0.0,
            EXACT.key: float(((found == true) | ~known).all(1).double().mean()),
            LOSS.key: float(losses(logits, labels).mean()),
        }
        rates = zip(hits / answers.clamp_min(1), hits / support.clamp_min(1), f1, support, strict=True)
        classes = [
            {"label": name, "precision": float(p), "recall": float(r), "f1": float(f), "support": int(n)}
            for name, (p, r, f, n) in zip(self.names, rates, strict=True)
        ]
        return Report(metrics, classes=classes)
