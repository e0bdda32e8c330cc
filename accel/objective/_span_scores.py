"""Scores of answers: the likeliest part of a context against no answer, and what either is worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np
import torch
import torchmetrics
from torch import Tensor
from torchmetrics.utilities import dim_zero_cat

from accel.behaviour.found import Found
from accel.core.metric import LOSS, OF_SPANS
from accel.data.likeness import Language, likeness
from accel.data.tokenized import Tokenized
from accel.data.windows import Characters, unmarked
from accel.objective._extraction import ALWAYS, best_parts, score_of_none, trimmed
from accel.objective._span_loss import losses
from accel.objective.scores import Report, Scores
from accel.ops.distill.losses import full

NONE: Characters = (-1, -1)
"""Instead of where an answer stands: there is none."""
COLUMNS = ("number", "odds", "begin", "end", "score", "none", "f1", "exact", "f1_none", "loss")
"""Of each example: the best part, its odds and probability, that of no answer; what either answer is worth."""


def worth(context: str, found: Characters, right: Sequence[Sequence[int]], language: Language) -> tuple[float, float]:
    """(F1, exact match) of a part of a context, or of ``NONE``."""
    answer = "" if found == NONE else context[slice(*found)]
    return likeness(answer, [context[begin:end] for begin, end in right], language)


class SpanScores(Scores):
    """Of the likeliest part over all of an example's windows, and of no answer where it is not likely enough.

    Args:
        split: with the windows that ``encoded_in_windows`` made.
        stride: tokens that neighbouring windows share.
        longest: tokens that an answer has at most.
        threshold: log-odds against there being no answer, above which there is one.
        language: how answers are compared.
    """

    keeps: ClassVar[bool] = True

    def __init__(self, split: Tokenized, *, stride: int, longest: int, threshold: float, language: Language) -> None:
        super().__init__()
        self.stride, self.longest, self.threshold, self.language = stride, longest, threshold, language
        self.texts, self.right = split.texts, split.labels
        self.marks = split.targets
        self.outcomes = Outcomes()

    def update(self, logits: Tensor, labels: Tensor) -> None:
        """Add a batch: logits [rows, tokens, 2], labels as ``Spans.targets`` makes them."""
        each, arrays = losses(logits, labels).tolist(), full(logits).cpu().numpy()
        numbers, sizes = torch.unique_consecutive(labels[:, 0], return_counts=True)
        begin, rows = 0, []
        for number, size in zip(numbers.tolist(), sizes.tolist(), strict=True):
            own = slice(begin, begin + size)
            rows.append([number, *self._outcome(number, arrays[own]), float(np.mean(each[own]))])
            begin += size
        self.outcomes.update(torch.tensor(rows, dtype=torch.float64, device=logits.device))

    def _outcome(self, number: int, logits: np.ndarray) -> list[float]:
        """``COLUMNS`` without the first and the last."""
        assert self.marks is not None
        context, right = self.texts[number][1], self.right[number]
        windows = [window for _, window in unmarked(self.marks[number].reshape(-1, 2))]
        found = best_parts(windows, list(logits), self.stride, self.longest)
        none = worth(context, NONE, right, self.language)[0]
        if not found:
            return [ALWAYS, *NONE, 0.0, 1.0, none, none, none]
        part = found[0]
        place = trimmed(context, part.characters)
        f1, exact = worth(context, place, right, self.language)
        return [part.odds, *place, part.score, score_of_none(found), f1, exact, none]

    def columns(self) -> dict[str, np.ndarray]:
        """Of every example, by ``COLUMNS``."""
        return dict(zip(COLUMNS, self.outcomes.compute().T, strict=True))

    def compute(self) -> Report:
        found = self.columns()
        kept = self._kept(found, (found["odds"] > self.threshold) & (found["begin"] >= 0))
        said, true = kept.choices[:, 0] >= 0, kept.truths[:, 0] >= 0
        values = (kept.overlaps, kept.hits, said == true, found["loss"])
        metrics = {m.key: float(np.mean(value)) for m, value in zip((*OF_SPANS[:3], LOSS), values, strict=True)}
        return Report(metrics, kept=kept)

    def _kept(self, found: Mapping[str, np.ndarray], answered: np.ndarray) -> Found:
        numbers = found["number"].astype(np.int64)
        choices = np.stack([found["begin"], found["end"]], axis=1).astype(np.int64)
        right = [self.right[number] for number in numbers]
        return Found(
            examples=numbers,
            truths=np.array([spans[0] if spans else NONE for spans in right], np.int64).reshape(-1, 2),
            choices=np.where(answered[:, None], choices, -1),
            hits=np.where(answered, found["exact"], found["f1_none"]).astype(bool),
            overlaps=np.where(answered, found["f1"], found["f1_none"]),
            confidences=np.where(answered, found["score"], found["none"]),
        )


class Worth:
    """What either answer to each example is worth, for the threshold."""

    def __init__(self, scores: SpanScores) -> None:
        self.scores = scores

    def update(self, logits: Tensor, labels: Tensor) -> None:
        """Add a batch, as ``SpanScores`` has it."""
        self.scores.update(logits, labels)

    def compute(self) -> tuple[Tensor, Tensor]:
        """(log-odds [examples, 1], F1 [examples, 2] of answering and of not answering)."""
        found = self.scores.columns()
        worth = np.stack([found["f1"], found["f1_none"]], axis=1)
        return torch.from_numpy(found["odds"][:, None].copy()), torch.from_numpy(worth)


class Outcomes(torchmetrics.Metric):
    """What became of every example of all batches and processes."""

    full_state_update = False
    rows: list[Tensor]

    def __init__(self) -> None:
        super().__init__()
        self.add_state("rows", [], dist_reduce_fx="cat")

    def update(self, rows: Tensor) -> None:
        self.rows.append(rows)

    def compute(self) -> np.ndarray:
        """[examples, columns] in float64, by their numbers."""
        found = dim_zero_cat(self.rows).cpu().numpy()
        return found[found[:, 0].argsort(kind="stable")]
