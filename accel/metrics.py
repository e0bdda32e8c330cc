"""How predictions are scored, with torchmetrics; independent of batch size, padding and number of processes."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from torch import Tensor, nn
from torchmetrics import MeanMetric, SumMetric
from torchmetrics.classification import MulticlassConfusionMatrix

IGNORED = -100
"""Label of a position that is not predicted."""
LARGEST_EXPONENT = 700.0
"""Of e: beyond it the perplexity of an untrained model is no float."""


@dataclass(frozen=True)
class Report:
    """What one evaluation found."""

    metrics: dict[str, float]
    """accuracy and macro_f1 in [0, 1], and the mean cross-entropy as loss."""
    confusion_matrix: list[list[int]] = field(default_factory=list)
    """Rows are true labels; empty where there are no labels."""

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

    @abstractmethod
    def update(self, logits: Tensor, labels: Tensor) -> None:
        """Add a batch: a network's logits, and the batch's ``labels``."""

    @abstractmethod
    def compute(self) -> Report:
        """The metrics of everything added."""

    def reset(self) -> None:
        """Forget everything."""
        for metric in self.children():
            metric.reset()  # type: ignore[operator] - every child is a metric


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


class TokenScores(Scores):
    """Of every next token: the mean cross-entropy and its exponential, the share of right guesses, bits per byte.

    Args:
        num_bytes: of the texts whose tokens are scored, in UTF-8: bits per byte compare models whatever their pieces.
    """

    def __init__(self, num_bytes: int) -> None:
        super().__init__()
        self.num_bytes = num_bytes
        self.loss, self.hits, self.tokens = (SumMetric().set_dtype(torch.float64) for _ in range(3))

    def update(self, logits: Tensor, labels: Tensor) -> None:
        """Add a batch: logits [batch, tokens, pieces], labels [batch, tokens] with ``IGNORED`` at padding."""
        for row, true in zip(logits[:, :-1], labels[:, 1:], strict=True):  # one by one: the logits are large
            losses = F.cross_entropy(row.float(), true, reduction="none", ignore_index=IGNORED)
            self.loss.update(losses.double().sum())
            self.hits.update((row.argmax(-1) == true).sum())
            self.tokens.update((true != IGNORED).sum())

    def compute(self) -> Report:
        """Loss in nats per token, perplexity, accuracy in [0, 1], bits per byte."""
        total, tokens = float(self.loss.compute()), max(1.0, float(self.tokens.compute()))
        loss = total / tokens
        return Report(
            {
                "accuracy": float(self.hits.compute()) / tokens,
                "loss": loss,
                "perplexity": math.exp(min(loss, LARGEST_EXPONENT)),
                "bits_per_byte": total / math.log(2) / max(1, self.num_bytes),
            }
        )


@torch.inference_mode()
def evaluate(
    predict: Callable[[Mapping[str, Tensor]], Tensor], batches: Iterable[Mapping[str, Tensor]], scores: Scores
) -> Report:
    """Score ``predict`` (inputs -> logits) on batches that hold ``labels``."""
    for batch in batches:
        scores.update(predict({k: v for k, v in batch.items() if k != "labels"}), batch["labels"])
    return scores.compute()
