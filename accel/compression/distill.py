"""Lets a larger model teach: the student matches its predictions and hidden states.

What it does: adds to the task's loss the distance to the teacher's softened logits and to its hidden states. By default
    the teacher is the dense baseline: the same model fine-tuned without compression, trained once and reused. A folder
    of another run's model, or the model as it was pretrained, can teach too. The teacher is kept outside the student's
    parameters, checkpoints and strategy.
Use it when: another technique takes capacity away (prune, qat) and you want the accuracy back.
What it costs: one forward pass of the teacher per step, about a third more time; one dense training the first time.
Composes with: everything; with privacy when the teacher is public (the dense baseline saw the private data).
Off switch: ``compression.distill.logits_weight=0 compression.distill.hidden_weight=0``.
Reference: Hinton et al. 2015 (arXiv 1503.02531); Jiao et al. 2020, TinyBERT (arXiv 1909.10351) for hidden states.

    accel compression=[prune,distill] compression.distill.temperature=2
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from accel.compression import Compression
from accel.exported import META, artifact_folder
from accel.technique import Evidence, Facts, History, Loss, Objection, Stage

if TYPE_CHECKING:
    from torch import nn

    from accel.plan import Plan


BASELINE, PRETRAINED = "baseline", "pretrained"


@dataclass(kw_only=True)
class Distill(Compression):
    """Knowledge distillation from the dense baseline."""

    stage: ClassVar[Stage] = Stage.DISTILL
    changes_model: ClassVar[bool] = False
    temperature: float = 2.0
    """Softens both predictions; 1 leaves them as they are."""
    logits_weight: float = 1.0
    """Weight of the distance between predictions."""
    hidden_weight: float = 1.0
    """Weight of the distance between hidden states; 0 saves their memory."""
    task_weight: float = 0.5
    """Weight of the task's own loss against the labels."""
    teacher: str = BASELINE
    """baseline, pretrained (hidden states only: its head is new), or the folder of a finished run or its model."""

    @property
    def needs_baseline(self) -> bool:
        return self.teacher == BASELINE

    @property
    def needs_pretrained(self) -> bool:
        return self.teacher == PRETRAINED

    def weights(self) -> list[tuple[str, Path]]:
        named = self.needs_baseline or self.needs_pretrained
        return [] if named else [(f"{self.key}.teacher", artifact_folder(self.teacher))]

    def objections(self, plan: Plan) -> Iterator[Objection]:
        del plan
        if self.temperature <= 0:
            yield self.out_of_range("temperature", "positive", "2")
        for name in ("logits_weight", "hidden_weight", "task_weight"):
            if getattr(self, name) < 0:
                yield self.out_of_range(name, "at least 0", "1")
        if self.needs_pretrained and self.logits_weight > 0:
            yield Objection(
                f"{self.key}.teacher=pretrained  with  {self.key}.logits_weight={self.logits_weight}",
                "a pretrained model's head is new: its predictions say nothing, only its hidden states do",
                f"{self.key}.logits_weight=0",
            )
        for key, folder in self.weights():
            if not (folder / META).is_file():
                yield Objection(
                    f"{key}={self.teacher}",
                    f"{folder} holds no exported model ({META} is missing)",
                    "baseline, pretrained, or the folder of a finished run such as outputs/DATE/TIME",
                )
        if self.logits_weight == self.hidden_weight == self.task_weight == 0:
            yield Objection(f"{self.key} with all weights 0", "nothing would be learned", f"{self.key}.task_weight=1")

    def adapt_loss(self, loss: Loss, model: nn.Module, facts: Facts) -> Loss:
        from accel.ops.teacher import distilled

        del model
        folder = {BASELINE: facts.baseline, PRETRAINED: facts.pretrained}.get(self.teacher)
        return distilled(loss, folder or artifact_folder(self.teacher), self, facts)

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
