"""The teacher's side of distillation: a frozen model that no optimizer, checkpoint or strategy ever sees."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from accel.errors import DataError
from accel.exported import read_meta
from accel.ops.losses import hidden_distance, match_layers, soft_cross_entropy
from accel.technique import Facts, Loss

if TYPE_CHECKING:
    from accel.compression.distill import Distill


def distilled(loss: Loss, folder: Path, settings: Distill, facts: Facts) -> Loss:
    """The loss with the teacher's terms added; the terms are logged under ``distill_logits`` and ``distill_hidden``.

    Raises:
        DataError: the teacher knows other labels.
    """
    from accel.artifact import load_model

    labels = read_meta(folder).label_names
    if len(labels) != facts.num_labels:
        raise DataError(
            f"compression.distill.teacher={folder} knows {len(labels)} labels ({', '.join(labels[:5])}), and the task "
            f"has {facts.num_labels}. Give a teacher of the same task."
        )
    teacher = load_model(folder).eval().requires_grad_(False)
    return Loss(
        compute=_Distilled(loss, teacher, settings),
        forward_args={**loss.forward_args, "output_hidden_states": settings.hidden_weight > 0},
    )


class _Distilled:
    """Holds the teacher by a plain attribute of a plain object: it is in nobody's ``state_dict``."""

    def __init__(self, loss: Loss, teacher: nn.Module, settings: Distill) -> None:
        self.loss = loss
        self.teacher = teacher
        self.settings = settings

    def __call__(self, outputs: Any, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        terms = self.loss.compute(outputs, batch)
        taught = self._answers(batch)
        total = self.settings.task_weight * terms["loss"]
        parts: dict[str, Tensor] = {}
        if self.settings.logits_weight > 0:
            parts["distill_logits"] = soft_cross_entropy(outputs.logits, taught.logits, self.settings.temperature)
            total = total + self.settings.logits_weight * parts["distill_logits"]
        if self.settings.hidden_weight > 0:
            parts["distill_hidden"] = _hidden(outputs, taught, batch["attention_mask"])
            total = total + self.settings.hidden_weight * parts["distill_hidden"]
        return {**terms, **parts, "task_loss": terms["loss"], "loss": total}

    @torch.no_grad()
    def _answers(self, batch: Mapping[str, Tensor]) -> Any:
        inputs = {name: value for name, value in batch.items() if name != "labels"}
        device = inputs["input_ids"].device
        if next(self.teacher.parameters()).device != device:
            self.teacher.to(device)
        return self.teacher(**inputs, output_hidden_states=self.settings.hidden_weight > 0)


def _hidden(student: Any, teacher: Any, mask: Tensor) -> Tensor:
    ours, theirs = layers_of(student), layers_of(teacher)
    pairs = match_layers(len(ours) - 1, len(theirs) - 1)
    return hidden_distance([ours[i] for i, _ in pairs], [theirs[j] for _, j in pairs], mask)


def layers_of(outputs: Any) -> tuple[Tensor, ...]:
    """The hidden states over the input's tokens: an encoder-decoder model keeps them under another name."""
    hidden = getattr(outputs, "hidden_states", None)
    return hidden if hidden is not None else outputs.encoder_hidden_states
