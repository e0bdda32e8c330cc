"""How predictions are scored, with torchmetrics; independent of batch size, padding and number of processes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from torch import Tensor, nn
from torchmetrics import MeanMetric
from torchmetrics.classification import MulticlassConfusionMatrix


@dataclass(frozen=True)
class Report:
    """What one evaluation found."""

    metrics: dict[str, float]
    """accuracy and macro_f1 in [0, 1], and the mean cross-entropy as loss."""
    confusion_matrix: list[list[int]]
    """Rows are true labels."""

    def per_class(self, label_names: list[str]) -> list[dict[str, Any]]:
        """Precision, recall, F1 and support of each label."""
        matrix = torch.tensor(self.confusion_matrix)
        precision, recall, f1 = precision_recall_f1(matrix)
        return [
            {
                "label": name,
                "precision": float(precision[i]),
                "recall": float(recall[i]),
                "f1": float(f1[i]),
                "support": int(matrix[i].sum()),
            }
            for i, name in enumerate(label_names)
        ]


def precision_recall_f1(matrix: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Per class, from a confusion matrix [true, predicted]; 0 where a class was never predicted or never true."""
    hits = matrix.diag().double()
    predicted, true = matrix.sum(0), matrix.sum(1)
    return hits / predicted.clamp_min(1), hits / true.clamp_min(1), 2 * hits / (predicted + true).clamp_min(1)


class Scores(nn.Module):
    """Accumulates predictions over batches and, under a distributed strategy, over processes."""

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

    def reset(self) -> None:
        """Forget everything."""
        self.confusion.reset()
        self.loss.reset()


@torch.inference_mode()
def evaluate(
    predict: Callable[[Mapping[str, Tensor]], Tensor], batches: Iterable[Mapping[str, Tensor]], num_labels: int
) -> Report:
    """Score ``predict`` (inputs -> logits [batch, labels]) on batches that hold ``labels``."""
    scores = Scores(num_labels)
    for batch in batches:
        scores.update(predict({k: v for k, v in batch.items() if k != "labels"}), batch["labels"])
    return scores.compute()
