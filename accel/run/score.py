"""How good a model is on a split of the run's data, and what its objective reads from its answers before that."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor, nn

from accel.behaviour.kept import Kept
from accel.core.objective import Objective
from accel.data.evaluation_batches import evaluation_order
from accel.data.prepared import Prepared
from accel.objective.scores import Report, evaluate


def scorer(data: Prepared, *, validation: bool = False) -> Callable[[nn.Module], Report]:
    """Scores a model on the test split, or on the validation split that a search may choose by."""

    def score(model: nn.Module) -> Report:
        model.eval()
        objective = ready_to_answer(data, model).objective
        split = data.validation if validation else data.test
        batches = data.validation_batches() if validation else data.test_batches()
        scores, predict = objective.scores(split), lambda inputs: model(**inputs).logits
        if objective.keeps is None or scores.keeps:
            report = evaluate(predict, batches, scores, model=model)
        else:
            keeper = _Keeper(objective, evaluation_order(split))
            report = replace(evaluate(predict, batches, scores, keeper, model), kept=keeper.whole())
        return objective.examined(report, model, split, data.collator())

    return score


@torch.inference_mode()
def ready_to_answer(data: Prepared, model: nn.Module) -> Prepared:
    """The data with an objective that knows how to answer from this model, by its answers on the validation split."""
    if data.objective.is_fitted:
        return data
    model.eval()
    answers = data.objective.gathering(data.validation)
    for batch in data.validation_batches():
        labels = batch.pop("labels")
        answers.update(model(**batch).logits, labels)
    return replace(data, objective=data.objective.fitted(*answers.compute()))


@dataclass
class _Keeper:
    """Keeps what the objective wants of each batch, as the batches come."""

    objective: Objective
    order: np.ndarray
    """[examples]: their numbers in the split."""
    parts: list[Kept] = field(default_factory=list)
    done: int = 0

    def __call__(self, logits: Tensor, labels: Tensor) -> None:
        mine = self.order[self.done : self.done + len(labels)]
        self.parts.append(self.objective.kept(logits, labels, mine))
        self.done += len(labels)

    def whole(self) -> Kept:
        return type(self.parts[0]).together(self.parts)
