"""Stops when validation has not become better for a while, and gives the model the weights that were best."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor

from accel.callbacks.ask_study import standing
from accel.core.metric import QUALITY
from accel.ops.soup import greedy_soup
from accel.ops.trainable import put_trained, trained_weights


@dataclass(frozen=True)
class Candidate:
    """A model after a validation."""

    step: int
    standing: float
    """By which it is compared; more is better."""
    quality: float
    weights: dict[str, Tensor]
    """Of what learns."""


@dataclass
class Ranking:
    """The best candidates so far, and for how long none has been better.

    Args:
        patience: validations without a better one after which it is exhausted; None for never.
        kept: how many candidates are kept.
    """

    patience: int | None
    kept: int = 1
    best: list[Candidate] = field(default_factory=list)
    """The best first, of equals the earliest."""
    waited: int = 0
    validations: list[dict[str, Any]] = field(default_factory=list)
    """Step and quality of each, for the record."""

    def takes(self, standing: float) -> bool:
        """Whether a model that stands so would be kept."""
        return len(self.best) < self.kept or standing > self.best[-1].standing

    def add(self, candidate: Candidate) -> None:
        """One more validation."""
        better = not self.best or candidate.standing > self.best[0].standing
        self.waited = 0 if better else self.waited + 1
        self.validations.append({"step": candidate.step, "quality": candidate.quality})
        self.best = sorted([*self.best, candidate], key=lambda one: -one.standing)[: self.kept]

    @property
    def exhausted(self) -> bool:
        return self.patience is not None and self.waited >= self.patience

    def state(self) -> dict[str, Any]:
        """For a checkpoint."""
        return {
            "best": [{**asdict(one), "weights": dict(one.weights)} for one in self.best],
            "waited": self.waited,
            "validations": self.validations,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """As ``state`` told it."""
        self.best = [Candidate(**one) for one in state["best"]]
        self.waited, self.validations = state["waited"], list(state["validations"])


class KeepBest(pl.Callback):
    """Compares models of one form only, and keeps their weights in every process; its state is in the checkpoint.

    Args:
        settled_step: validations up to it are of models that techniques still change; the last step's is compared in
            any case.
    """

    def __init__(self, ranking: Ranking, settled_step: float, total_steps: int) -> None:
        self.ranking = ranking
        self.settled_step = settled_step
        self.total_steps = total_steps
        self.found: dict[str, Any] = {}
        """For the record: which weights the model has in the end."""

    def on_fit_start(self, trainer: pl.Trainer, pl_module: Any) -> None:
        """A run that had stopped, and was killed before it was done, stays as it was."""
        del pl_module
        trainer.should_stop = trainer.should_stop or self.ranking.exhausted

    def on_train_start(self, trainer: pl.Trainer, pl_module: Any) -> None:
        """Lightning leaves the validation out where a run goes on from the last batch of an epoch."""
        step, per_epoch = trainer.global_step, trainer.num_training_batches // pl_module.plan.trainer.accumulate
        if step and step % per_epoch == 0 and self._compares(step):
            self._compare(trainer, pl_module, scored(trainer, pl_module))

    def on_validation_end(self, trainer: pl.Trainer, pl_module: Any) -> None:
        if self._compares(trainer.global_step):
            self._compare(trainer, pl_module, trainer.callback_metrics)

    def on_fit_end(self, trainer: pl.Trainer, pl_module: Any) -> None:
        """Before anything rounds: this callback stands before those of the techniques."""
        if trainer.should_stop and not self.ranking.exhausted:
            return  # it was interrupted
        if self._compares(trainer.global_step):  # training ended within an epoch
            self._compare(trainer, pl_module, scored(trainer, pl_module))
        trainer.should_stop = False  # the model is whole: whoever finds this set takes the run for an interrupted one
        self.found = {
            **self._put_best(trainer, pl_module),
            "stopped_early": trainer.global_step < self.total_steps,
            "validations": self.ranking.validations,
        }

    def _put_best(self, trainer: pl.Trainer, pl_module: Any) -> dict[str, Any]:
        """Give the model the greedy mean of what is kept; all processes score, and one has the last word."""
        best, quality = self.ranking.best, {self.ranking.best[0].standing: self.ranking.best[0].quality}

        def score(weights: Mapping[str, Tensor]) -> float:
            put_trained(pl_module.model, weights)
            metrics = scored(trainer, pl_module)
            stands = self._standing(trainer, pl_module, metrics)
            quality[stands] = float(metrics[QUALITY])
            return stands

        weights, taken, stands = greedy_soup([one.weights for one in best], best[0].standing, score)
        put_trained(pl_module.model, weights)
        return {
            "steps": [best[number].step for number in taken],
            "quality": quality[stands],
            "best_single": best[0].quality,
        }

    def _compares(self, step: int) -> bool:
        """Whether the model after that step has its final form, and was not compared before."""
        known = bool(self.ranking.validations) and self.ranking.validations[-1]["step"] == step
        return not known and (self.settled_step < step or step == self.total_steps)

    def _compare(self, trainer: pl.Trainer, pl_module: Any, metrics: Mapping[str, Any]) -> None:
        stands = self._standing(trainer, pl_module, metrics)
        weights = trained_weights(pl_module.model) if self.ranking.takes(stands) else {}
        self.ranking.add(Candidate(trainer.global_step, stands, float(metrics[QUALITY]), weights))
        trainer.should_stop = trainer.should_stop or self.ranking.exhausted

    def _standing(self, trainer: pl.Trainer, pl_module: Any, metrics: Mapping[str, Any]) -> float:
        """As rank 0 has it; what is no number is the worst."""
        stands = trainer.strategy.broadcast(standing(metrics, pl_module.objective.quality))
        return -math.inf if math.isnan(stands) else stands

    def state_dict(self) -> dict[str, Any]:
        return self.ranking.state()

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.ranking.restore(state_dict)


@torch.no_grad()
def scored(trainer: pl.Trainer, pl_module: Any) -> dict[str, float]:
    """The figures of a validation, outside of Lightning's loop; every process scores its share."""
    device, before = trainer.strategy.root_device, pl_module.device
    for callback in trainer.callbacks:  # type: ignore[attr-defined]
        callback.on_validation_start(trainer, pl_module)
    modes = {module: module.training for module in pl_module.modules()}
    pl_module.to(device).eval()  # at the end, Lightning has moved it away
    with trainer.precision_plugin.val_step_context():
        for number, batch in enumerate(trainer.datamodule.val_dataloader()):  # type: ignore[attr-defined]
            pl_module.validation_step(trainer.strategy.batch_to_device(batch, device), number)
    for module, training in modes.items():
        module.training = training
    pl_module.to(before)
    return pl_module.validated()
