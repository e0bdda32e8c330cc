"""accel: declared, checked and measured composition of fine-tuning and compression techniques."""

from __future__ import annotations

TYPE_CHECKING = False  # typing itself would come from the folder in which ``python -m accel`` was typed
if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    from accel.api import Record
    from accel.inference.predictor import Predictor

__version__ = "0.1.0"
__all__ = ["__version__", "load", "run", "runs", "sweep"]


def load(folder: str) -> Predictor:
    """The exported model of a finished run, ready to predict.

    Args:
        folder: a run's folder, or the ``model/`` folder inside it.

    Raises:
        DataError: the folder holds no exported model.

    Example:
        ``accel.load("outputs/2026-11-23/17-00-00")("my flight was cancelled").label``; a list gives a list.
    """
    from accel.inference.predictor import Predictor  # torch is imported only when a model is wanted

    return Predictor.load(folder)


def run(*words: str) -> Record:
    """One run, as the command line would start it, in a process of its own; what it prints is printed.

    Args:
        words: ``"task=airline"``, ``"compression=[prune]"`` …

    Returns:
        Its record: ``record.after.metrics``, ``record["after"]["metrics"]``, ``record.folder``.

    Raises:
        RefusedError: nothing was started.
        RunError: the run failed.
        Interrupted: it was stopped, and can be resumed.
    """
    from accel.api import run as start  # Hydra is imported only when something is run

    return start(*words)


def sweep(*words: str) -> Record:
    """A sweep, as ``accel -m`` runs it: ``accel.sweep("compression=[],[prune]", "seed=0,1")``.

    Returns:
        ``sweep.json``: ``record.jobs``, ``record.folder``; some of the jobs may have failed.

    Raises:
        RefusedError: no job could run.
        Interrupted: it was stopped, and can be resumed.
    """
    from accel.api import sweep as start

    return start(*words)


def runs(*paths: str | Path) -> Any:
    """The runs below the paths (``outputs`` if none is given), as ``accel compare`` sees them.

    Returns:
        A pandas DataFrame where pandas is installed, else a list with a dictionary per run, which prints as a table.

    Raises:
        ConfigError: a path that does not exist, or no record below any.
    """
    from accel.api import runs as table

    return table(*paths)
