"""How predictions are scored, with torchmetrics; independent of batch size, padding and number of processes."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, Protocol

import torch
from torch import Tensor, nn
from torchmetrics import Metric
from torchmetrics.utilities import dim_zero_cat

from accel.behaviour.kept import Kept


@dataclass(frozen=True)
class Report:
    """What one evaluation found."""

    metrics: dict[str, float]
    """By key, as the objective's metrics have it."""
    confusion_matrix: list[list[int]] = field(default_factory=list)
    """Rows are true labels; empty where there are no labels."""
    classes: list[dict[str, Any]] = field(default_factory=list)
    """Of each type what was found, where parts of a text have types."""
    kept: Kept | None = field(default=None, compare=False, repr=False)
    """The predictions one by one, where the objective keeps them."""

    def figures(self) -> dict[str, Any]:
        """What JSON can hold of it."""
        return {f.name: getattr(self, f.name) for f in fields(self) if f.compare}

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

    keeps: ClassVar[bool] = False
    """Whether its reports hold the predictions one by one, which otherwise the objective keeps of each batch."""

    @abstractmethod
    def update(self, logits: Tensor, labels: Tensor) -> None:
        """Add a batch: a network's logits, and the batch's ``labels``."""

    def observe(self, model: nn.Module, batch: Mapping[str, Tensor]) -> None:
        """Look at the same batch with the whole network, for what no single pass shows; nothing by default."""

    @abstractmethod
    def compute(self) -> Report:
        """The metrics of everything added."""

    def reset(self) -> None:
        """Forget everything."""
        for metric in self.children():
            metric.reset()  # type: ignore[operator] - every child is a metric


class Gathering(Protocol):
    """Gathers answers, see ``Objective.gathering``."""

    def update(self, logits: Tensor, labels: Tensor) -> None:
        """Add a batch: a network's logits, and the batch's ``labels``."""
        ...

    def compute(self) -> tuple[Tensor, Tensor]:
        """(logits, labels) as ``Objective.fitted`` reads them."""
        ...


class Gathered(Metric):
    """All predictions of all batches and processes, for what is no sum over examples."""

    full_state_update = False
    rows: list[Tensor]

    def __init__(self) -> None:
        super().__init__()
        self.choices = 0
        self.add_state("rows", [], dist_reduce_fx="cat")

    def update(self, logits: Tensor, labels: Tensor) -> None:
        """Add a batch: logits [batch, choices], and one or several labels for each."""
        self.choices = logits.shape[1]
        self.rows.append(torch.cat([logits.double(), labels.double().view(len(logits), -1)], 1).detach())

    def compute(self) -> tuple[Tensor, Tensor]:
        """(logits, labels), both [examples, …] in float64."""
        rows = dim_zero_cat(self.rows).cpu()
        return rows[:, : self.choices], rows[:, self.choices :]


class GatheredScores(Scores):
    """Scores that look at all predictions at once."""

    def __init__(self) -> None:
        super().__init__()
        self.gathered = Gathered()

    def update(self, logits: Tensor, labels: Tensor) -> None:
        self.gathered.update(logits, labels)

    def compute(self) -> Report:
        return self.report(*self.gathered.compute())

    @abstractmethod
    def report(self, logits: Tensor, labels: Tensor) -> Report:
        """The metrics of all predictions; both are [examples, choices], in float64."""


@torch.inference_mode()
def evaluate(
    predict: Callable[[Mapping[str, Tensor]], Tensor],
    batches: Iterable[Mapping[str, Tensor]],
    scores: Scores,
    keep: Callable[[Tensor, Tensor], None] = lambda logits, labels: None,
    model: nn.Module | None = None,
) -> Report:
    """Score ``predict`` (inputs -> logits) on batches that hold ``labels``; ``keep`` is given each batch too.

    Args:
        model: the whole network, where it is at hand.
    """
    for batch in batches:
        logits = predict({k: v for k, v in batch.items() if k != "labels"})
        scores.update(logits, batch["labels"])
        if model is not None:
            scores.observe(model, batch)
        keep(logits, batch["labels"])
    return scores.compute()
