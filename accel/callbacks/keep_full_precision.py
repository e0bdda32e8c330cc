"""Chooses, once, which layers stay in full precision."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import pytorch_lightning as pl

from accel.callbacks.show_progress import ShowProgress
from accel.callbacks.stop_on_signal import StopOnSignal
from accel.compression._quantization import FullPrecisionOf
from accel.data.calibration import calibration_batches
from accel.errors import NoEffectError
from accel.ops.quantize import fake_quantize
from accel.ops.quantize.sensitivity import divergences, most_sensitive, weights_of

if TYPE_CHECKING:
    from accel.compression._quantization import Quantization

NUM_EXAMPLES = 32
"""On which every layer is measured."""
_Kind = TypeVar("_Kind", bound=pl.Callback)
Choice = dict[str, Any]
"""``reasons``, by name of a layer that stays in full precision, and ``spending``: what was measured."""


class _Stopped(Exception):
    """A signal asked the run to stop while it measured."""


@dataclass(frozen=True)
class Budget:
    """What full precision costs, and how much may be spent."""

    prices: Mapping[str, float]
    """By name of a layer."""
    limit: float
    unit: str
    measured: Mapping[str, Any]
    """For the record."""


class KeepFullPrecision(pl.Callback):
    """Base of callbacks that switch rounding on; its state is which layers stay, why, and what was measured."""

    def __init__(self, settings: Quantization) -> None:
        self.settings = settings
        self.choice: Choice | None = None
        self.done = settings.full_precision == 0
        """Whether the layers know, or the run stops before they do."""

    def state_dict(self) -> dict[str, Any]:
        return {"choice": self.choice}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.choice = state_dict.get("choice")

    def keep(self, trainer: pl.Trainer, pl_module: Any) -> None:
        """Choose if nothing was chosen yet, on all processes alike, and keep to it.

        A run that is asked to stop meanwhile chooses nothing: it chooses when it is resumed.

        Raises:
            NoEffectError: nothing at all would be rounded.
        """
        if self.done:
            return
        self.choice = self.choice or self._chosen(trainer, pl_module)
        if self.choice is None:
            self.done = True
            return
        fake_quantize.keep_full_precision(pl_module.model, self.choice["reasons"], self.choice["spending"])
        if all(getattr(layer, "kept_because", "") for _, layer in fake_quantize.rounded_layers(pl_module.model)):
            raise NoEffectError(
                f"Every layer is at least as fast in full precision on this machine: leave compression="
                f"[{self.settings.option_name()}] out, or use {self.settings.key}.full_precision_of=weights."
            )
        self.done = True

    def _chosen(self, trainer: pl.Trainer, pl_module: Any) -> Choice | None:
        """All processes predict, as each may hold a part of the model; one decides."""
        data = trainer.datamodule.data  # type: ignore[attr-defined]
        texts = calibration_batches(data, None, self.settings.key, NUM_EXAMPLES, with_labels=True)
        asked = data.objective
        moved = divergences(pl_module.model, texts, asked.predictions, asked.divergence, asked.places)
        return _by_leader(trainer, lambda say: _decide(moved, self._budget(trainer, pl_module, say)))

    def _budget(self, trainer: pl.Trainer, pl_module: Any, say: Callable[[str], None]) -> Budget:
        weights = weights_of(pl_module.model)
        if self.settings.full_precision_of is FullPrecisionOf.weights:
            return Budget(weights, self.settings.full_precision * sum(weights.values()), "weights", {})
        from accel.measure.layer_prices import full_precision_prices

        say("  timing the model with each kind of layer in full precision")
        data = trainer.datamodule.data  # type: ignore[attr-defined]
        found = full_precision_prices(
            pl_module.model,
            list(weights),
            pl_module.plan,
            data,
            lambda text: say(f"    {text}"),
            num_threads=pl_module.facts.num_threads,
        )
        measured = {
            "engine": found.engine,
            "num_threads": found.num_threads,
            "rounded_ms": found.rounded_ms,
            "kinds_ms": found.kinds_ms,
        }
        return Budget(found.per_layer_ms, self.settings.full_precision * found.rounded_ms, "ms", measured)


def _by_leader(trainer: pl.Trainer, decide: Callable[[Callable[[str], None]], Choice]) -> Choice | None:
    """What rank 0 decides; None where it was asked to stop before it could.

    Whatever it says on the way is received by the others, so that no collective waits longer than one step of the work.
    """
    if not trainer.is_global_zero:
        while (heard := trainer.strategy.broadcast(None)) == "wait":
            pass
        return heard
    shows = _callback(trainer, ShowProgress)
    requests = _callback(trainer, StopOnSignal).requests

    def say(text: str) -> None:
        if requests.received is not None:
            raise _Stopped
        trainer.strategy.broadcast("wait")
        shows.console.say(text)

    try:
        decided = decide(say)
    except _Stopped:
        decided = None
    return trainer.strategy.broadcast(decided)


def _callback(trainer: pl.Trainer, kind: type[_Kind]) -> _Kind:
    return next(callback for callback in trainer.callbacks if isinstance(callback, kind))  # type: ignore[attr-defined]


def _decide(moved: Mapping[str, float], budget: Budget) -> Choice:
    """What the record will say of every layer that stays in full precision, and of what it cost."""
    chosen = most_sensitive(moved, budget.prices, budget.limit)
    reasons = {
        name: f"{moved[name]:.1e} nats if rounded, {budget.prices[name]:.3g} {budget.unit} if not" for name in chosen
    }
    spent = sum(max(0.0, budget.prices[name]) for name in chosen)
    figures = {"budget": budget.limit, "spent": spent, "unit": budget.unit, **budget.measured}
    return {"reasons": reasons, "spending": {"full_precision_cost": figures}}
