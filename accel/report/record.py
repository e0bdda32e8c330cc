"""result.json: what was asked, what happened, what it cost; written at every stage, so that it is always there."""

from __future__ import annotations

import fcntl
import json
import math
import os
import platform
import socket
from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import Enum
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from accel import __version__
from accel.config.redact import redact
from accel.core.durable import write_durably

RESULT, CONFIG = "result.json", "config.yaml"
"""In a run's folder: what came of it, and what was asked."""
RUN_LOCK = ".run.lock"
"""Held by the process that runs in the folder, see ``accel/run/claim.py``."""
SWEEP = "sweep.json"
SCHEMA = 1
PACKAGES = (
    "torch",
    "pytorch-lightning",
    "transformers",
    "torchao",
    "peft",
    "onnxruntime",
    "openvino",
    "hydra-core",
    "wandb",
)


def new_record(overrides: Sequence[str]) -> dict[str, Any]:
    """The record of a run that has not started; every key of the contract is there from the beginning."""
    return {
        "schema": SCHEMA,
        "status": "running",
        "error": None,
        "name": "",
        "group": "",
        "date": datetime.now().astimezone().isoformat(timespec="seconds"),
        "overrides": list(overrides),
        "seed": None,
        "seconds": 0.0,
        "steps": 0,
        "choices": {},
        "settings": None,
        "metrics": [],
        "baselines": [],
        "data": None,
        "before": None,
        "after": None,
        "behaviour": None,
        "fairness": None,
        "federation": None,
        "explanation": None,
        "measurement": None,
        "techniques": [],
        "privacy": None,
        "exports": [],
        "timings": {},
        "reused": {},
        "machine": machine(),
        "versions": versions(),
    }


def write_record(record: Mapping[str, Any], folder: Path) -> None:
    """Replace the folder's record in one step, without secrets; a reader sees the old one or the new one."""
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(redact(plain(record)), ensure_ascii=False, indent=1, allow_nan=False)
    write_durably(folder / RESULT, text)


def read_record(folder: Path) -> dict[str, Any] | None:
    """A job's own record."""
    try:
        return json.loads((folder / RESULT).read_text("utf8"))
    except (OSError, ValueError):
        return None


def status_of(record: Mapping[str, Any], folder: Path) -> str:
    """What became of a run; ``dead`` where the record says that it runs and nobody does, as after ``kill -9``."""
    status = str(record.get("status") or "")
    return "dead" if status == "running" and _is_free(folder / RUN_LOCK) else status


def _is_free(lock: Path) -> bool:
    """Whether no process of this machine holds a lock; what was locked on another machine may not be seen from here."""
    try:
        with lock.open("r") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            return file.read().endswith(f" on {socket.gethostname()}")
    except OSError:
        return False


def plain(value: Any) -> Any:
    """Values that every JSON reader understands: no enums, paths, tuples, NaN or infinities."""
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple | set):
        return [plain(v) for v in value]
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    return {
        "platform": platform.platform(),
        "processor": processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "python": platform.python_version(),
    }


def versions(packages: Sequence[str] = PACKAGES) -> dict[str, str]:
    """Installed versions of what decides the result; read from metadata, nothing is imported."""
    found = {"accel": __version__}
    for name in packages:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def processor() -> str:
    """The model of this machine's processor."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf8").splitlines()
        return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "")
    except OSError:
        return platform.processor()
