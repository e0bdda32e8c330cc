"""Chooses, once, which layers stay in full precision."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytorch_lightning as pl

from accel.data.calibration import calibration_batches
from accel.ops import rounding
from accel.ops.sensitivity import divergences, most_sensitive, weights_of

if TYPE_CHECKING:
    from accel.compression import Quantization

NUM_EXAMPLES = 32
"""On which every layer is measured."""


class SpareLayers(pl.Callback):
    """Base of callbacks that switch rounding on; its state is the names of the layers that were spared."""

    def __init__(self, settings: Quantization) -> None:
        self.settings = settings
        self.spared: list[str] | None = None
        self.done = settings.spare == 0
        """Whether the layers know."""

    def state_dict(self) -> dict[str, Any]:
        return {"spared": self.spared}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.spared = state_dict["spared"]

    def spare(self, trainer: pl.Trainer, pl_module: Any) -> None:
        """Choose if nothing was chosen yet, on all processes alike, and keep to it."""
        if self.done:
            return
        model = pl_module.model
        if self.spared is None:
            data = trainer.datamodule.data  # type: ignore[attr-defined]
            texts = calibration_batches(data, None, self.settings.key, NUM_EXAMPLES)
            found = divergences(model, texts, data.objective.predictions)
            chosen = most_sensitive(found, weights_of(model), self.settings.spare)
            self.spared = trainer.strategy.broadcast(chosen)
        rounding.spare(model, self.spared)
        self.done = True
