"""The one LightningModule: folds the plan's techniques around one model and scores it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor, nn

from accel.core.facts import Facts, Loss, Step
from accel.core.metric import QUALITY
from accel.core.objective import Objective
from accel.core.plan import Plan
from accel.data.loader import WEIGHT
from accel.data.tokenized import RECORDS
from accel.errors import NonFiniteLossError
from accel.objective.scores import Scores
from accel.ops.inputs import without_answers
from accel.ops.parallel.shards import local_norm, whole
from accel.weights.artifact import load_model
from accel.weights.pretrained import NEW_HEAD

ACCUMULATED = "accel_accumulated"
"""Key of a checkpoint: how many batches of a process made a step."""


class TransformerModule(pl.LightningModule):
    """A network as the plan wants it.

    The model is made in ``configure_model``: Lightning calls it before weights are restored and before a strategy
    wraps anything, so a technique that changes layers does it once, in the same place, in every process.
    """

    model: nn.Module
    loss: Loss

    def __init__(self, plan: Plan, facts: Facts, scores: Scores) -> None:
        super().__init__()
        self.plan = plan
        self.facts = facts
        self.objective: Objective = facts.objective
        self.built = False
        self.new_head: tuple[str, ...] = ()
        self.pending: list[dict[str, Tensor]] = []
        """Terms of the batches that belong to the step on its way."""
        self.scores = scores
        self.gradient_norm: Tensor | None = None
        """Of the last step, before it was clipped."""

    def configure_model(self) -> None:
        """Build the model and fold every technique around it and its loss; idempotent, as Lightning may call twice."""
        if self.built:
            return
        torch.manual_seed(self.facts.seed)  # the new head must not depend on what ran before
        model = self._beginning()
        self.new_head = getattr(model, NEW_HEAD, ())
        for technique in self.plan.techniques:
            model = technique.adapt_model(model, self.facts)
        model = self.plan.trainer.adapt_model(model.double() if self.plan.trainer.keeps_double else model)
        self.model = self.plan.strategy.distribute(model)
        self.loss = Loss(self.objective.loss)
        for technique in self.plan.techniques:
            self.loss = technique.adapt_loss(self.loss, self.model, self.facts)
        self.step: Step = self._score
        for technique in self.plan.techniques:
            self.step = technique.adapt_step(self.step, self.model, self.facts)
        self.built = True

    def _beginning(self) -> nn.Module:
        model = self.plan.model.network(self.objective)
        if any(technique.starts_from_baseline for technique in self.plan.techniques):
            assert self.facts.baseline is not None  # the run trains or finds the baseline before it builds the model
            model.load_state_dict(load_model(self.facts.baseline).state_dict())
        return model

    def configure_optimizers(self) -> Any:
        optimizer = self.plan.trainer.optimizer(self.model)
        for technique in self.plan.techniques:
            optimizer = technique.adapt_optimizer(optimizer, self.model, self.facts)
        schedule = self.plan.trainer.schedule(optimizer, self.facts.total_steps)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def configure_gradient_clipping(self, *args: Any, **kwargs: Any) -> None:
        """Ours, because Lightning refuses to clip for a fused optimizer even where nothing is scaled (bf16, fp32)."""
        # a private gradient is mostly noise, whose norm says nothing, and clients have bounded their own
        if self.plan.privacy is None and not self.plan.strategy.trains_locally:
            self.gradient_norm = whole(self.plan.trainer.clip_gradients(self.model))
            self._require_finite("gradient's norm", self.gradient_norm)

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        terms = self.step(batch)
        self.pending.append({name: value.detach() for name, value in terms.items()})
        if (batch_idx + 1) % self.plan.trainer.accumulate == 0:
            self._close_step()
        return terms["loss"]

    def _close_step(self) -> None:
        """Log the step's means over ranks and accumulated batches; all ranks learn together if one is not finite."""
        names = list(self.pending[0])
        stacked = torch.stack([torch.stack([terms[name].double() for name in names]) for terms in self.pending]).mean(0)
        self.pending.clear()
        means = dict(zip(names, self.trainer.strategy.reduce(stacked, reduce_op="mean"), strict=True))
        self._require_finite("loss", means["loss"])
        rate = self.trainer.optimizers[0].param_groups[0]["lr"]
        told = means if self.plan.privacy is None else self.plan.privacy.loggable(means, self._said_freely())
        self.log_dict({**{f"train/{name}": value for name, value in told.items()}, "train/learning_rate": rate})

    def _said_freely(self) -> set[str]:
        return {name for technique in self.plan.techniques for name in technique.said_freely}

    def _require_finite(self, what: str, value: Tensor, when: str = "before the weights were updated") -> None:
        """All processes have the same value, so all stop here or none."""
        if torch.isfinite(value):
            return
        raise NonFiniteLossError(
            f"The {what} became {float(value)} at step {self.global_step}, {when}. Lower trainer.learning_rate (now "
            f"{self.trainer.optimizers[0].param_groups[0]['lr']:.2g}), raise trainer.warmup, or use "
            f"trainer.precision=fp32."
        )

    def _score(self, batch: Mapping[str, Any]) -> dict[str, Tensor]:
        examples = {name: value for name, value in batch.items() if name != WEIGHT}
        terms = self.loss.compute(self._forward(examples, self.loss.forward_args), examples)
        weight = batch.get(WEIGHT, 1.0)
        return {name: value * weight for name, value in terms.items()}

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        norm = local_norm(self.model.parameters()).nan_to_num(nan=torch.inf, posinf=torch.inf)  # a maximum may lose NaN
        norm = self.trainer.strategy.reduce(norm, reduce_op="max")
        self._require_finite("weights' norm", norm, "and the checkpoint before is kept")
        checkpoint[ACCUMULATED] = self.plan.trainer.accumulate

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Lightning counts batches: where a step now has another number of them, its counts become that number."""
        before, now = checkpoint.get(ACCUMULATED, 1), self.plan.trainer.accumulate
        progress = checkpoint["loops"]["fit_loop"]["epoch_loop.batch_progress"]
        for counts in (progress["total"], progress["current"]):
            counts.update({name: count // before * now for name, count in counts.items()})

    def validation_step(self, batch: dict[str, Tensor], batch_idx: int) -> None:
        self.scores.update(self._forward(batch).logits, batch["labels"])
        self.scores.observe(self.model, batch)

    def on_validation_epoch_end(self) -> None:
        self.log_dict(self.validated())

    def validated(self) -> dict[str, float]:
        """The figures of what was scored since the last time, as they are logged."""
        figures = self.scores.compute().metrics
        self.scores.reset()
        quality = {QUALITY: figures[self.objective.quality.key]}
        return {f"validation/{name}": value for name, value in figures.items()} | quality

    def _forward(self, batch: Mapping[str, Tensor], forward_args: Mapping[str, Any] | None = None) -> Any:
        inputs = {name: value for name, value in without_answers(batch).items() if name != RECORDS}
        return self.model(**inputs, **(forward_args or {}))
