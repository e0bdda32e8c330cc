"""How good a model is on a split of the run's data."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

from accel.data.prepared import Prepared
from accel.objective.scores import Report, evaluate


def scorer(data: Prepared, *, validation: bool = False) -> Callable[[nn.Module], Report]:
    """Scores a model on the test split, or on the validation split that a search may choose by."""

    def score(model: nn.Module) -> Report:
        model.eval()
        split = data.validation if validation else data.test
        batches = data.validation_batches() if validation else data.test_batches()
        return evaluate(lambda inputs: model(**inputs).logits, batches, data.objective.scores(split))

    return score
