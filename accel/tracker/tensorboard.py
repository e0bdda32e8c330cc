"""TensorBoard: event files in the run's folder, with one HParams row per run.

What it does: writes curves by step, and at the end the settings with the final figures for the HParams tab.
Use it when: you look at curves in TensorBoard; ``tensorboard --logdir outputs`` shows all runs.
What it costs: the package (``pip install 'accel-finetune[tensorboard]'``).
Composes with: everything; only rank 0 logs.
Off switch: ``tracker=none``.
Reference: https://www.tensorflow.org/tensorboard.

    accel tracker=tensorboard
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from accel.core.extras import needs
from accel.core.tracker import RunInfo, Tracker
from accel.report.records import Recorded
from accel.report.settings import settings_of
from accel.report.summary import summary

if TYPE_CHECKING:
    from pytorch_lightning.loggers import Logger


@dataclass(kw_only=True)
class Tensorboard(Tracker):
    """Event files."""

    def check(self) -> None:
        needs("tensorboard", "tensorboard", "tracker=tensorboard")

    def told(self, folder: Path) -> str:
        return f"TensorBoard: tensorboard --logdir {folder / 'tensorboard'}"

    def start(self, info: RunInfo) -> list[Logger]:
        from accel.tracker._tensorboard import tensorboard_logger

        return [tensorboard_logger(info)]

    def finish(self, record: Mapping[str, Any], folder: Path, exit_code: int) -> None:
        from accel.tracker._tensorboard import tensorboard_hparams

        del exit_code
        figures = {k: float(v) for k, v in summary(record).items() if isinstance(v, int | float)}
        tensorboard_hparams(folder, settings_of(Recorded(folder, record)), figures)
