"""How good a model is on a split of the run's data, and what its objective reads from its answers before that."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import nn

from accel.data.prepared import Prepared
from accel.objective.scores import Gathered, Report, evaluate


def scorer(data: Prepared, *, validation: bool = False) -> Callable[[nn.Module], Report]:
    """Scores a model on the test split, or on the validation split that a search may choose by."""

    def score(model: nn.Module) -> Report:
        model.eval()
        objective = ready_to_answer(data, model).objective
        split = data.validation if validation else data.test
        batches = data.validation_batches() if validation else data.test_batches()
        return evaluate(lambda inputs: model(**inputs).logits, batches, objective.scores(split))

    return score


@torch.inference_mode()
def ready_to_answer(data: Prepared, model: nn.Module) -> Prepared:
    """The data with an objective that knows how to answer from this model, by its answers on the validation split."""
    if data.objective.is_fitted:
        return data
    model.eval()
    answers = Gathered()
    for batch in data.validation_batches():
        labels = batch.pop("labels")
        answers.update(model(**batch).logits, labels)
    return replace(data, objective=data.objective.fitted(*answers.compute()))
