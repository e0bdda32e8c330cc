"""What tests ask of a run's folder while it is written and afterwards, and how they wait."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from accel.report.metrics_file import read_metrics


def digest_of_model(folder: Path) -> str:
    """Of the exported weights: equal for equal runs."""
    return hashlib.sha256((folder / "model" / "model.safetensors").read_bytes()).hexdigest()


def steps_of(folder: Path) -> int:
    """How many steps are logged so far."""
    with suppress(OSError, ValueError):
        return len(read_metrics(folder / "metrics.csv").get("train/learning_rate", []))
    return 0


def wait_for(condition: Callable[[], Any], seconds: float = 300) -> Any:
    """What the condition gives as soon as it holds; fails when it does not come to that."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return found
