"""What the record says of explanations: whether the same words move the answers of the model before and after."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from accel.core.objective import Answering, Objective
from accel.core.plan import Plan
from accel.data.prepared import Prepared
from accel.errors import DataError
from accel.explanation.against import MOST_IMPORTANT, Shift, of_same, shift_to
from accel.explanation.attribution import Attribution, Explainer, Reading
from accel.explanation.checks import LEAST_WORDS, Mean
from accel.explanation.method import method_of
from accel.explanation.verdict import brief
from accel.inference.predictor import Predictor

METHOD = "occlusion"
"""A pass forward for each word; gradients cost several times as much."""
TEXTS = 20
FEWEST = 5
"""Of fewer, nothing is said."""
SHARE = 0.05
"""Of the work of training, in tokens that pass through a network: what explaining may cost at most."""
PASSES_OF_A_STEP = 3
"""One forward, and a backward one that takes twice as long."""
PASSES_BESIDE_WORDS = 4
"""The answer, the number that is explained, and the text with every word hidden and with none."""
SHOWN = 5
"""Texts on the page: those whose explanations are least alike."""


@dataclass(frozen=True)
class Moved:
    """One text's explanation by the finished model, and how the dense one's differs from it."""

    after: Attribution
    shift: Shift


def can_be_explained(objective: Objective) -> bool:
    """Whether an answer has a number that single words move."""
    return isinstance(objective, Answering) and not objective.instead_of_explaining


def explanations(
    plan: Plan, data: Prepared, dense: Path, finished: Predictor, texts: Sequence[tuple[str, ...]]
) -> list[Moved]:
    """Of some test texts, drawn by chance; none where training was too short to spare any.

    Args:
        dense: the folder of the model before.
        texts: of the test split.
    """
    some = _affordable(finished, texts, SHARE * _work(plan, data))
    if len(some) < FEWEST:
        return []
    explainer = Explainer(finished, method_of(METHOD))
    other = of_same(explainer, Predictor.load(dense))
    found = []
    for text in some:
        one = next(explainer.explain(text))
        with suppress(DataError):  # a tag of a token that the other model does not have
            found.append(Moved(one.attribution, shift_to(one, other)))
    return found if len(found) >= FEWEST else []


def _affordable(finished: Predictor, texts: Sequence[tuple[str, ...]], budget: float) -> list[tuple[str, ...]]:
    """The first texts, in a random order, that two models can be asked about for so many tokens."""
    found, spent = [], 0
    for row in np.random.default_rng(0).permutation(len(texts)).tolist():
        reading = Reading.of(finished, texts[row], by_piece=False)
        if len(reading.units) < LEAST_WORDS:
            continue
        spent += 2 * (len(reading.units) + PASSES_BESIDE_WORDS) * len(reading.tokens)
        if spent > budget or len(found) == TEXTS:
            break
        found.append(texts[row])
    return found


def _work(plan: Plan, data: Prepared) -> float:
    """Tokens that pass through the network while the plan trains, forward and backward."""
    epochs = data.total_steps(plan) / data.sampler(plan).num_steps
    return PASSES_OF_A_STEP * epochs * float(data.learned(plan).lengths.sum())


def figures(found: Sequence[Moved]) -> dict[str, Any] | None:
    """For the record: means over texts, with 95 % intervals; None without texts."""
    overlap = Mean.of([moved.shift.overlap for moved in found])
    if overlap is None:
        return None
    told: dict[str, Any] = {"method": METHOD, "texts": len(found), "top": MOST_IMPORTANT}
    ranks = Mean.of([moved.shift.rank_correlation for moved in found])
    for key, mean in (("overlap", overlap), ("rank_correlation", ranks)):
        if mean is not None:
            told |= {key: mean.value, f"{key}_interval": list(mean.interval or ())}
    return told


def least_alike(found: Sequence[Moved]) -> list[dict[str, Any]]:
    """The texts whose explanations changed most, word by word, as JSON can hold them."""
    ordered = sorted(found, key=lambda moved: (moved.shift.rank_correlation or 0.0, moved.shift.overlap))
    return [
        {
            "text": moved.after.columns,
            "target": moved.after.target,
            "rank_correlation": moved.shift.rank_correlation,
            "top": moved.shift.top,
            "overlap": moved.shift.overlap,
            "before": _side(moved.shift.other),
            "after": _side(moved.after),
        }
        for moved in ordered[:SHOWN]
    ]


def _side(one: Attribution) -> Mapping[str, Any]:
    values = [round(value, 4) for value in one.attributions]
    return {"answer": brief(one.answer), "words": one.words, "attributions": values, "spans": one.spans}
