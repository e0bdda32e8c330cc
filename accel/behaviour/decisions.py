"""Predictions that choose among classes: a label of a text, a tag of a word, the next token."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from accel.behaviour.calibration import brier, expected_calibration_error, fit_temperature, scaled
from accel.behaviour.drift import mcnemar, probability_loyalty
from accel.behaviour.kept import Kept

LENGTHS = 4
"""Parts of about equal size that examples are dealt into by length."""


@dataclass(frozen=True)
class Decisions(Kept):
    """What was chosen, how surely, and what the truth lost; ``truths`` are numbers of choices."""

    choices: np.ndarray
    """int64 [rows]: the likeliest."""
    confidences: np.ndarray
    """[rows]: its probability."""
    losses: np.ndarray
    """[rows]: -log of the truth's probability."""
    log_odds: np.ndarray | None = None
    """[rows, choices]: log-probabilities; None where there are too many choices to keep."""

    @property
    def hits(self) -> np.ndarray:
        """bool [rows]."""
        return self.choices == self.truths

    def change(self, before: Decisions) -> dict[str, Any]:
        flips = _flips(before, self, np.ones(len(self.truths), dtype=bool))
        found: dict[str, Any] = {"agreement": 1 - flips["changed"] / max(1, flips["predictions"]), **flips}
        if self.log_odds is not None and before.log_odds is not None:
            found["probability_loyalty"] = probability_loyalty(before.log_odds, self.log_odds)
        return found | {"mcnemar_p": mcnemar(flips["right_to_wrong"], flips["wrong_to_right"])}

    def own(self) -> dict[str, float]:
        """Calibration: ECE, mean loss, and where distributions are kept the Brier score."""
        found = {
            "ece": expected_calibration_error(self.confidences, self.hits),
            "nll": float(self.losses.astype(np.float64).mean()),
        }
        return found if self.log_odds is None else found | {"brier": brier(self.log_odds, self.truths)}

    def where(self, before: Decisions, names: Sequence[str], lengths: np.ndarray) -> dict[str, Any]:
        return {"by_class": _by_class(before, self, names), "by_length": _by_length(before, self, lengths)}

    def temperature(self) -> float | None:
        return None if self.log_odds is None else fit_temperature(self.log_odds, self.truths)

    def at(self, temperature: float) -> Decisions:
        if self.log_odds is None:
            return self
        log_odds, rows = scaled(self.log_odds, temperature), np.arange(len(self.truths))
        chosen = np.exp(log_odds[rows, self.choices])
        return replace(self, log_odds=log_odds, confidences=chosen, losses=-log_odds[rows, self.truths])


def _by_class(before: Decisions, after: Decisions, names: Sequence[str]) -> list[dict[str, Any]]:
    """The flips among the rows of each true class that occurs."""
    every = ((name, after.truths == number) for number, name in enumerate(names))
    return [{"label": name, **_flips(before, after, rows)} for name, rows in every if rows.any()]


def _by_length(before: Decisions, after: Decisions, lengths: np.ndarray) -> list[dict[str, Any]]:
    """The flips among short and long examples; ``lengths`` are tokens of each example."""
    found = []
    for low, high in _parts(lengths):
        rows = ((lengths >= low) & (lengths <= high))[after.examples]
        found.append({"tokens": [low, high], **_flips(before, after, rows)})
    return found


def _parts(lengths: np.ndarray) -> Iterator[tuple[int, int]]:
    """(shortest, longest) of parts of about equal size; examples of one length stay together."""
    ends = np.unique(np.quantile(lengths, np.arange(1, LENGTHS + 1) / LENGTHS, method="inverted_cdf").astype(int))
    begin = int(lengths.min())
    for end in ends.tolist():
        yield begin, end
        begin = end + 1


def _flips(before: Decisions, after: Decisions, rows: np.ndarray) -> dict[str, int]:
    """Among some rows; errors too, by which a part of the examples can be compared with another."""
    was, now = before.hits[rows], after.hits[rows]
    return {
        "predictions": int(rows.sum()),
        "changed": int((before.choices != after.choices)[rows].sum()),
        "right_to_wrong": int((was & ~now).sum()),
        "wrong_to_right": int((~was & now).sum()),
        "wrong_before": int((~was).sum()),
        "wrong_after": int((~now).sum()),
    }


def hits_by_example(kept: Decisions, num_examples: int) -> np.ndarray:
    """[examples, 2]: right predictions and all predictions of each."""
    columns = (np.bincount(kept.examples, weights=w, minlength=num_examples) for w in (kept.hits, None))
    return np.stack(list(columns), axis=1).astype(np.float64)
