"""Chooses, once, which layers stay in full precision."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytorch_lightning as pl

from accel.callbacks.show_progress import ShowProgress
from accel.compression import SpareOf
from accel.data.calibration import calibration_batches
from accel.ops import rounding
from accel.ops.sensitivity import divergences, most_sensitive, weights_of

if TYPE_CHECKING:
    from accel.compression import Quantization

NUM_EXAMPLES = 32
"""On which every layer is measured."""


@dataclass(frozen=True)
class Budget:
    """What sparing costs, and how much may be spent."""

    prices: Mapping[str, float]
    """By name of a layer."""
    limit: float
    unit: str
    measured: Mapping[str, Any]
    """For the record."""


class SpareLayers(pl.Callback):
    """Base of callbacks that switch rounding on; its state is which layers were spared, why, and what was measured."""

    def __init__(self, settings: Quantization) -> None:
        self.settings = settings
        self.choice: dict[str, Any] | None = None
        self.done = settings.spare == 0
        """Whether the layers know."""

    def state_dict(self) -> dict[str, Any]:
        return {"choice": self.choice}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.choice = state_dict["choice"]

    def spare(self, trainer: pl.Trainer, pl_module: Any) -> None:
        """Choose if nothing was chosen yet, on all processes alike, and keep to it."""
        if self.done:
            return
        if self.choice is None:
            self.choice = self._chosen(trainer, pl_module)
        rounding.spare(pl_module.model, self.choice["reasons"], self.choice["spending"])
        self.done = True

    def _chosen(self, trainer: pl.Trainer, pl_module: Any) -> dict[str, Any]:
        """All processes predict, as each may hold a part of the model; one decides."""
        data = trainer.datamodule.data  # type: ignore[attr-defined]
        texts = calibration_batches(data, None, self.settings.key, NUM_EXAMPLES)
        moved = divergences(pl_module.model, texts, data.objective.predictions)
        decided = _decide(moved, self._budget(trainer, pl_module)) if trainer.is_global_zero else {}
        return trainer.strategy.broadcast(decided)

    def _budget(self, trainer: pl.Trainer, pl_module: Any) -> Budget:
        weights = weights_of(pl_module.model)
        if self.settings.spare_of is SpareOf.weights:
            return Budget(weights, self.settings.spare * sum(weights.values()), "weights", {})
        from accel.sparing_prices import sparing_prices

        say = _say(trainer)
        say("  timing the model with each kind of layer unrounded")
        data = trainer.datamodule.data  # type: ignore[attr-defined]
        found = sparing_prices(pl_module.model, weights, pl_module.plan, data, lambda text: say(f"    {text}"))
        measured = {"engine": found.engine, "rounded_ms": found.rounded_ms, "kinds_ms": found.kinds_ms}
        return Budget(found.per_layer_ms, self.settings.spare * found.rounded_ms, "ms", measured)


def _decide(moved: Mapping[str, float], budget: Budget) -> dict[str, Any]:
    """What the record will say of every layer that is spared, and of what it cost."""
    chosen = most_sensitive(moved, budget.prices, budget.limit)
    reasons = {
        name: f"rounding it moves predictions by {moved[name]:.1e} nats, leaving it costs "
        f"{budget.prices[name]:.3g} {budget.unit}"
        for name in chosen
    }
    spent = sum(max(0.0, budget.prices[name]) for name in chosen)
    figures = {"budget": budget.limit, "spent": spent, "unit": budget.unit, **budget.measured}
    return {"reasons": reasons, "spending": {"sparing": figures}}


def _say(trainer: pl.Trainer) -> Any:
    shows = next(callback for callback in trainer.callbacks if isinstance(callback, ShowProgress))  # type: ignore[attr-defined]
    return shows.console.say
