"""TensorBoard's own interfaces; the only file that touches them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from accel.config.redact import redact
from accel.core.tracker import RunInfo

if TYPE_CHECKING:
    from pytorch_lightning.loggers import Logger


def tensorboard_logger(info: RunInfo) -> Logger:
    """Event files under ``tensorboard/`` in the run's folder."""
    from pytorch_lightning.loggers import TensorBoardLogger

    return TensorBoardLogger(info.folder, name="tensorboard", version="")


def tensorboard_hparams(folder: Path, settings: Mapping[str, Any], figures: Mapping[str, float]) -> None:
    """One HParams row: the settings and the final figures."""
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(str(folder / "tensorboard")) as writer:
        known = {k: v if isinstance(v, int | float | str) else str(v) for k, v in redact(settings).items()}
        writer.add_hparams(known, dict(figures), run_name=".")
