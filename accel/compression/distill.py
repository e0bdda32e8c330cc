"""Lets the dense baseline teach: the student matches its predictions and hidden states.

What it does: adds to the task's loss the distance to the dense baseline's softened logits and to its hidden states.
    The teacher is the same model fine-tuned without compression, trained once and reused; it is kept outside the
    student's parameters, checkpoints and strategy.
Use it when: another technique takes capacity away (prune, qat) and you want the accuracy back.
What it costs: one forward pass of the teacher per step, about a third more time; one dense training the first time.
Composes with: everything but privacy (the teacher saw the private data).
Off switch: ``compression.distill.logits_weight=0 compression.distill.hidden_weight=0``.
Reference: Hinton et al. 2015 (arXiv 1503.02531); Jiao et al. 2020, TinyBERT (arXiv 1909.10351) for hidden states.

    accel compression=[prune,distill] compression.distill.temperature=2
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from accel.compression import Compression
from accel.technique import Evidence, Facts, History, Loss, Objection, Stage

if TYPE_CHECKING:
    from torch import nn

    from accel.plan import Plan


@dataclass(kw_only=True)
class Distill(Compression):
    """Knowledge distillation from the dense baseline."""

    stage: ClassVar[Stage] = Stage.DISTILL
    changes_model: ClassVar[bool] = False
    needs_baseline: ClassVar[bool] = True

    temperature: float = 2.0
    """Softens both predictions; 1 leaves them as they are."""
    logits_weight: float = 1.0
    """Weight of the distance between predictions."""
    hidden_weight: float = 1.0
    """Weight of the distance between hidden states; 0 saves their memory."""
    task_weight: float = 0.5
    """Weight of the task's own loss against the labels."""

    def objections(self, plan: Plan) -> Iterator[Objection]:
        del plan
        if self.temperature <= 0:
            yield self.out_of_range("temperature", "positive", "2")
        for name in ("logits_weight", "hidden_weight", "task_weight"):
            if getattr(self, name) < 0:
                yield self.out_of_range(name, "at least 0", "1")
        if self.logits_weight == self.hidden_weight == self.task_weight == 0:
            yield Objection(f"{self.key} with all weights 0", "nothing would be learned", f"{self.key}.task_weight=1")

    def adapt_loss(self, loss: Loss, model: nn.Module, facts: Facts) -> Loss:
        from accel.ops.teacher import distilled

        del model
        assert facts.baseline is not None  # the run trains or finds the baseline before it builds the model
        return distilled(loss, facts.baseline, self)

    def evidence(self, model: nn.Module, history: History) -> Evidence:
        del model
        terms = {name: values for name, values in history.items() if name.startswith("distill_")}
        return Evidence(
            acted=any(any(value > 0 for value in values) for values in terms.values()),
            figures={
                f"{name}_{when}": values[at]
                for name, values in terms.items()
                for when, at in (("first", 0), ("last", -1))
            },
            expected="a distance to the teacher in the loss of at least one step",
        )
