"""How well an outsider with a model and a text can tell whether the model was trained on it.

The loss attack takes confident answers for memory. LiRA corrects for texts that are easy for everybody, with models
that were trained on other splits of the same data: Carlini et al. 2022 (arXiv 2112.03570), its offline form.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

LOW_FALSE_ALARMS, LOWEST_FALSE_ALARMS = 0.01, 0.001
RESAMPLINGS = 200

Texts = tuple[str, ...]
Margins = Mapping[Texts, float]
"""By text: the true label's log-odds, as a model gives them."""


@dataclass(frozen=True)
class Attack:
    """One attack on one model."""

    model: str
    method: str
    auc: float
    """Probability that a member looks more like one than a text that was never seen; 0.5 is guessing."""
    auc_interval: tuple[float, float]
    true_positives_at_1_percent: float
    """Share of members found when one in a hundred others is taken for one; 0.01 is guessing."""
    true_positives_at_01_percent: float | None
    """When one in a thousand is; None for fewer than a thousand others, of whom none could be. Carlini et al. 2022 take
    this for the measure: an attack that is sure of a few is worse than one that guesses all a little better."""
    members: int
    others: int


def loss_attack(model: str, margins: Margins, members: Sequence[Texts], others: Sequence[Texts]) -> Attack:
    """The surer of the true label, the more likely a member."""
    return _attack(model, "loss", [margins[t] for t in members], [margins[t] for t in others])


def lira(
    model: str,
    margins: Margins,
    members: Sequence[Texts],
    others: Sequence[Texts],
    shadows: Sequence[tuple[Margins, set[Texts]]],
) -> Attack | None:
    """Surer than models that have not seen the text; None when no shadow left out any member.

    Args:
        shadows: for each, its margins and the texts that it was trained on.
    """

    def excess(text: Texts) -> float | None:
        outside = [found[text] for found, trained_on in shadows if text in found and text not in trained_on]
        return margins[text] - float(np.mean(outside)) if outside else None

    inside = [e for t in members if (e := excess(t)) is not None]
    outside = [e for t in others if (e := excess(t)) is not None]
    return _attack(model, f"lira, {len(shadows)} shadows", inside, outside) if inside and outside else None


def _attack(model: str, method: str, inside: Sequence[float], outside: Sequence[float]) -> Attack:
    high, low = np.sort(np.asarray(inside)), np.sort(np.asarray(outside))
    rng = np.random.default_rng(0)
    drawn = [auc(np.sort(rng.choice(high, len(high))), np.sort(rng.choice(low, len(low)))) for _ in range(RESAMPLINGS)]
    interval = (float(np.quantile(drawn, 0.025)), float(np.quantile(drawn, 0.975)))
    few, fewest = (_found(high, low, share) for share in (LOW_FALSE_ALARMS, LOWEST_FALSE_ALARMS))
    rare = fewest if len(low) * LOWEST_FALSE_ALARMS >= 1 else None
    return Attack(model, method, auc(high, low), interval, few, rare, len(high), len(low))


def _found(inside: np.ndarray, outside: np.ndarray, false_alarms: float) -> float:
    """Share of members above the score that so small a share of others exceeds."""
    threshold = outside[min(len(outside) - 1, int(np.ceil((1 - false_alarms) * len(outside))))]
    return float((inside > threshold).mean())


def auc(inside: np.ndarray, outside: np.ndarray) -> float:
    """Area under the ROC curve of sorted scores, ties counted half."""
    below = np.searchsorted(outside, inside, side="left")
    up_to = np.searchsorted(outside, inside, side="right")
    return float((below + up_to).mean() / (2 * len(outside)))
