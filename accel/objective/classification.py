"""One of several labels: its head, its loss, its scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from torch import Tensor
from torchmetrics import MeanMetric
from torchmetrics.classification import MulticlassConfusionMatrix

from accel.core.metric import LOSS, OF_CLASSES, Metric
from accel.core.objective import Labelled
from accel.data.tokenized import Example, Tokenized, tokenize
from accel.objective._choices import Choices
from accel.objective.answers import LabelAnswers
from accel.objective.scores import Report, Scores, precision_recall_f1
from accel.ops.distill.losses import full
from accel.ops.inputs import IMPORTANCE

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedTokenizerBase

    from accel.data import Dataset, Split
    from accel.data.tokens import Encoded


@dataclass(frozen=True)
class Classification(Choices, Labelled):
    """One of several labels for a text or a pair of texts."""

    label_names: Sequence[str]

    name: ClassVar[str] = LabelAnswers.name
    chooses_one: ClassVar[bool] = True
    metrics: ClassVar[tuple[Metric, ...]] = OF_CLASSES
    evaluation_tokens: ClassVar[int] = 4096
    unit: ClassVar[str] = "texts"

    @classmethod
    def for_labels(cls, label_names: Sequence[str]) -> Classification:
        return cls(label_names)

    def auto_class(self) -> Any:
        from transformers import AutoModelForSequenceClassification

        return AutoModelForSequenceClassification

    def configured(self, config: PretrainedConfig) -> PretrainedConfig:
        config.num_labels = len(self.label_names)
        config.id2label = dict(enumerate(self.label_names))
        config.label2id = {name: i for i, name in enumerate(self.label_names)}
        config.problem_type = "single_label_classification"
        return config

    def encode(self, split: Split, tokenizer: PreTrainedTokenizerBase, max_length: int) -> Encoded:
        return tokenize(split, tokenizer, max_length)

    def targets(self, examples: Sequence[Example], input_ids: Tensor, mask: Tensor) -> Tensor:
        """[batch]: indices of labels."""
        del input_ids, mask
        return torch.tensor([example["label"] for example in examples])

    def counts(self, lengths: np.ndarray) -> np.ndarray:
        return np.ones(len(lengths))

    def predictions(self, logits: Tensor, mask: Tensor) -> Tensor:
        del mask
        return logits

    def loss(self, outputs: Any, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        logits, importance = full(outputs.logits), batch.get(IMPORTANCE)
        if importance is None:
            return {"loss": F.cross_entropy(logits, batch["labels"])}
        return {"loss": (F.cross_entropy(logits, batch["labels"], reduction="none") * importance).mean()}

    def scored(self, logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        return logits, labels, torch.arange(len(labels))

    def scores(self, split: Tokenized) -> Scores:
        del split
        return self._scores()

    def _scores(self) -> Scores:
        return ClassScores(len(self.label_names))

    def answer(self, logits: Tensor, mask: Tensor) -> dict[str, Any]:
        """The likeliest label, its probability, and those of all labels."""
        del mask
        return LabelAnswers(self.label_names).answer_to((), logits.numpy(), ())

    def explained(self, logits: Tensor, mask: Tensor) -> tuple[int, ...]:
        del mask
        return (int(logits.argmax()),)

    def margins(self, logits: Tensor, labels: Sequence[Any]) -> Tensor:
        """The true labels' log-odds."""
        which = torch.tensor(labels)[:, None]
        return logits.gather(1, which)[:, 0] - logits.scatter(1, which, -torch.inf).logsumexp(1)

    def data_facts(self, dataset: Dataset) -> dict[str, Any]:
        """The labels, and how many examples each has."""
        splits = {"train": dataset.train, "test": dataset.test}
        size = len(self.label_names)
        counts = {name: np.bincount(split.labels, minlength=size).tolist() for name, split in splits.items()}
        return {"labels": list(self.label_names), "label_counts": counts}

    def baselines(self, dataset: Dataset) -> list[dict[str, Any]]:
        """Always the most frequent label of training; it gives no probabilities, so it has no loss."""
        common = int(np.bincount(dataset.train.labels).argmax())
        found = self._scores()
        labels = torch.tensor(dataset.test.labels)
        found.update(F.one_hot(torch.full_like(labels, common), len(self.label_names)).float(), labels)
        metrics = {name: value for name, value in found.compute().metrics.items() if name != LOSS.key}
        return [{"name": f"always {self.label_names[common]}", "metrics": metrics}]

    def details(self, report: Report) -> dict[str, Any]:
        return {
            "per_class": report.per_class(list(self.label_names)),
            "confusion_matrix": report.confusion_matrix,
        }


class ClassScores(Scores):
    """Of one label per example."""

    def __init__(self, num_labels: int) -> None:
        super().__init__()
        self.confusion = MulticlassConfusionMatrix(num_labels)
        self.loss = MeanMetric()

    def update(self, logits: Tensor, labels: Tensor) -> None:
        """Add a batch: logits [batch, labels], labels [batch]."""
        self.confusion.update(logits.argmax(-1), labels)
        self.loss.update(F.cross_entropy(logits.float(), labels, reduction="none"))

    def compute(self) -> Report:
        """Accuracy, macro-F1 over the labels that occur or were predicted, mean loss, confusion matrix."""
        matrix = self.confusion.compute().cpu()
        f1 = precision_recall_f1(matrix)[2]
        seen = (matrix.sum(0) + matrix.sum(1)) > 0
        metrics = {
            "accuracy": float(matrix.diag().sum() / matrix.sum().clamp_min(1)),
            "macro_f1": float(f1[seen].mean()) if bool(seen.any()) else 0.0,
            "loss": float(self.loss.compute()),
        }
        return Report(metrics=metrics, confusion_matrix=matrix.tolist())
