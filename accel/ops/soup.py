"""The mean of several models of one form: Wortsman et al. 2022, model soups (arXiv 2203.05482)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from accel.errors import NoEffectError

Weights = Mapping[str, Tensor]


def mean_of(models: Sequence[Weights]) -> dict[str, Tensor]:
    """Tensor by tensor, added up in float64.

    Raises:
        NoEffectError: they are not of one form, so that there is no mean.
    """
    first = models[0]
    for other in models[1:]:
        differ = sorted(first.keys() ^ other.keys()) or [n for n in first if first[n].shape != other[n].shape]
        if differ:
            raise NoEffectError(
                f"Weights of models of two forms have no mean: {differ[0]} differs. Leave trainer.soup out."
            )
    return {
        name: torch.stack([model[name].double() for model in models]).mean(0).to(first[name].dtype) for name in first
    }


def greedy_soup(
    models: Sequence[Weights], best: float, score: Callable[[Weights], float]
) -> tuple[dict[str, Tensor], list[int], float]:
    """Begin with the first, and add each other one with which the mean is not worse.

    Args:
        models: the best first.
        best: what ``score`` says of the first.
        score: of weights; more is better.

    Returns:
        The mean, the numbers of those that it is of, and its score, which is never below ``best``.
    """
    taken = [0]
    for number in range(1, len(models)):
        mixed = score(mean_of([models[i] for i in (*taken, number)]))
        if mixed >= best:
            taken, best = [*taken, number], mixed
    return mean_of([models[i] for i in taken]), taken, best
