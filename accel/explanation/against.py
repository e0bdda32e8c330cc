"""How explanations of the same texts changed from one model to another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch

from accel.errors import DataError
from accel.explanation.attribution import Attribution, Explained, Explainer
from accel.explanation.checks import rank_correlation
from accel.inference.predictor import Predictor
from accel.ops.inputs import IDS

MOST_IMPORTANT = 5


@dataclass(frozen=True)
class Shift:
    """One explanation beside that of the same number by another model."""

    other: Attribution
    rank_correlation: float | None
    """Spearman's over words; None where there are too few words."""
    top: int
    """How many of the most important words are compared."""
    overlap: float
    """The share of them that are among the other's."""


def shift(one: Attribution, other: Attribution) -> Shift:
    """Over the words that both models read, which may be cut differently by their tokenizers."""
    theirs = dict(zip(other.spans, other.attributions, strict=True))
    ours = {span: value for span, value in zip(one.spans, one.attributions, strict=True) if span in theirs}
    theirs = {span: theirs[span] for span in ours}
    top = min(MOST_IMPORTANT, len(ours) // 2) or 1
    shared = set(_largest(ours, top)) & set(_largest(theirs, top))
    return Shift(other, rank_correlation([*ours.values()], [*theirs.values()]), top, len(shared) / top)


def _largest(values: dict[tuple[int, int, int], float], count: int) -> list[tuple[int, int, int]]:
    return sorted(values, key=lambda span: -abs(values[span]))[:count]


def of_same(explainer: Explainer, other: Predictor) -> Explainer:
    """An explainer of another model that is asked the same.

    Raises:
        DataError: it answers something else.
    """
    ours, theirs = explainer.predictor.objective, other.objective
    mine, yours = ((o.name, *o.label_names) for o in (ours, theirs))
    if mine != yours:
        raise DataError(
            f"--against: this model predicts {_said(mine)}, the other {_said(yours)}. Give a run of the same task."
        )
    return replace(explainer, predictor=other, network=None)  # type: ignore[arg-type] - made of the other's model


def _said(names: Sequence[str]) -> str:
    return f"{names[0]} ({', '.join(map(str, names[1:6]))}{', …' if len(names) > 6 else ''})" if names[1:] else names[0]


def shift_to(found: Explained, other: Explainer) -> Shift:
    """The same number of the same text, explained by another model's explainer.

    Raises:
        DataError: a word's tag is explained, and the other model reads other tokens.
    """
    one, place = found.attribution, found.question.target
    theirs = other.predictor.inputs([one.text])[IDS]
    if len(place) > 1 and not torch.equal(theirs, found.question.inputs[IDS]):
        raise DataError("--against: the other model's tokenizer makes other tokens, so that tags cannot be compared.")
    return shift(one, other.beside(found))
