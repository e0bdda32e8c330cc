"""What benchmarks score by first where it is neither the accuracy nor Spearman's correlation.

The networks and the answers are those of classification and regression, and an exported model is one of these.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import torch

from accel.behaviour.decisions import Decisions
from accel.behaviour.kept import Kept
from accel.core.metric import F1 as F1_SCORE
from accel.core.metric import MATTHEWS, OF_F1, OF_MATTHEWS, OF_SIMILARITY, Metric
from accel.data.tokenized import Tokenized
from accel.objective.classification import Classification, ClassScores
from accel.objective.regression import Regression
from accel.objective.scores import Report, Scores, precision_recall_f1

POSITIVE = 1
"""The label that an F1 is of."""


@dataclass(frozen=True)
class F1(Classification):
    """One of two labels, of which the second is the one that is looked for: by the F1 of it."""

    metrics: ClassVar[tuple[Metric, ...]] = OF_F1

    def _scores(self) -> Scores:
        return F1Scores(len(self.label_names))

    def parts_of_quality(self, kept: Kept, split: Tokenized) -> np.ndarray | None:
        """Twice the hits; what was found and what there is."""
        assert isinstance(kept, Decisions)
        parts = np.zeros((len(split), 2))
        found, true = kept.choices == POSITIVE, kept.truths == POSITIVE
        np.add.at(parts, kept.examples, np.stack([2.0 * (found & true), found * 1.0 + true], 1))
        return parts


@dataclass(frozen=True)
class Matthews(Classification):
    """One of several labels, by Matthews' correlation: 0 whatever a guess without looking says."""

    metrics: ClassVar[tuple[Metric, ...]] = OF_MATTHEWS

    def _scores(self) -> Scores:
        return MatthewsScores(len(self.label_names))

    def parts_of_quality(self, kept: Kept, split: Tokenized) -> np.ndarray | None:
        """It is no ratio of sums."""
        del kept, split


@dataclass(frozen=True)
class Similarity(Regression):
    """A number for a pair of texts, by Pearson's and Spearman's correlation."""

    metrics: ClassVar[tuple[Metric, ...]] = OF_SIMILARITY


class F1Scores(ClassScores):
    """The F1 of one label first."""

    def compute(self) -> Report:
        report = super().compute()
        f1 = precision_recall_f1(torch.tensor(report.confusion_matrix))[2][POSITIVE]
        return replace(report, metrics={F1_SCORE.key: float(f1), **report.metrics})


class MatthewsScores(ClassScores):
    """Matthews' correlation first."""

    def compute(self) -> Report:
        report = super().compute()
        found = matthews(np.array(report.confusion_matrix, dtype=np.float64))
        return replace(report, metrics={MATTHEWS.key: found, **report.metrics})


def matthews(matrix: np.ndarray) -> float:
    """The correlation of truths and choices, from a confusion matrix [true, predicted]; 0 where either is constant.

    Gorodkin 2004 for more than two labels.
    """
    total, hits = matrix.sum(), matrix.trace()
    true, found = matrix.sum(1), matrix.sum(0)
    spread = (total**2 - (true**2).sum()) * (total**2 - (found**2).sum())
    return float((hits * total - true @ found) / np.sqrt(spread)) if spread > 0 else 0.0
