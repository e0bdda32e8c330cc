"""Where a run is logged besides its own folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from accel.core.metric import Metric
from accel.core.option import Option

if TYPE_CHECKING:
    from pytorch_lightning.loggers import Logger


@dataclass(frozen=True)
class RunInfo:
    """What a tracker is told about a run when it starts."""

    run_id: str
    """Stable across resumes; kept in the run's folder."""
    name: str
    group: str
    job_type: str
    tags: tuple[str, ...]
    config: Mapping[str, Any]
    """The settings and choices as typed, ``trainer.epochs`` and ``model``; secrets redacted."""
    folder: Path
    quality: Metric | None = None
    """What runs are judged by first; None where nobody knows yet."""


@dataclass(kw_only=True)
class Tracker(Option):
    """Base of every option of the group ``tracker``."""

    group: ClassVar[str] = "tracker"

    def check(self) -> None:
        """Fail in seconds when the run could not be logged.

        Raises:
            RefusedError: no key, no network; says how to go on.
        """

    def told(self, folder: Path) -> str:
        """What the user should know before training: where the run is logged; nothing where it is not.

        Args:
            folder: of the run.
        """
        del folder
        return ""

    def start(self, info: RunInfo) -> list[Logger]:
        """Lightning loggers for the fit; called on rank 0 only."""
        del info
        return []

    def finish(self, record: Mapping[str, Any], folder: Path, exit_code: int) -> None:
        """Send the record and close, whatever happened; must never raise over an earlier error."""
        del record, folder, exit_code
