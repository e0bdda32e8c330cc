"""sweep.json: the jobs, what became of them, and the Pareto set; rewritten in one step after every job."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from accel.dp.ledger import LEDGER
from accel.dp.together import spent_together
from accel.report.pareto import OBJECTIVES, pareto
from accel.report.record import RESULT, SWEEP, plain

OUTPUT = "output.txt"


@dataclass
class Job:
    """One job of a sweep."""

    number: int
    overrides: list[str]
    sweep: Path
    status: str = "waiting"
    error: str | None = None
    seconds: float = 0.0
    exit_code: int | None = None
    result: Mapping[str, Any] | None = None

    @property
    def folder(self) -> Path:
        """Where the job's run lives."""
        return self.sweep / str(self.number)

    @property
    def output(self) -> Path:
        """What the job printed."""
        return self.sweep / f"{self.number}.{OUTPUT}"

    @property
    def words(self) -> str:
        """The overrides as typed."""
        return " ".join(self.overrides) or "(defaults)"

    def prepare_folder(self) -> None:
        """An empty place: what an earlier, unfinished attempt left must not pass for a result.

        What that attempt spent of the data's privacy stays on the books.
        """
        ledger = self.folder / LEDGER
        if ledger.is_file():
            attempts = len(list(self.sweep.glob(f"{self.number}.*.{LEDGER}")))
            ledger.rename(self.sweep / f"{self.number}.{attempts}.{LEDGER}")
        shutil.rmtree(self.folder, ignore_errors=True)
        self.sweep.mkdir(parents=True, exist_ok=True)

    def line(self) -> str:
        """For the terminal: what became of it."""
        text = f"{self.status:<9} {self.seconds:7.1f} s  {self.words}"
        if self.status == "finished":
            accuracy = ((self.result or {}).get("after") or {}).get("metrics", {}).get("accuracy")
            return text if accuracy is None else f"{text}  accuracy {accuracy:.4f}"
        reason = str(self.error or "").splitlines()[0] if self.error else ""
        return f"{text}\n      {reason}\n      log: {self.output}"


def job_of(job: Job) -> dict[str, Any]:
    """The job as sweep.json states it."""
    return {
        "number": job.number,
        "overrides": job.overrides,
        "status": job.status,
        "seconds": job.seconds,
        "folder": str(job.number),
        "error": job.error,
    }


def write_sweep(jobs: Sequence[Job], folder: Path) -> None:
    """Replace sweep.json in one step."""
    results = {job.number: result_of(job.folder) for job in jobs if job.status == "finished"}
    points = {number: result for number, result in results.items() if result is not None}
    record = {
        "schema": 1,
        "jobs": [job_of(job) for job in jobs],
        "objectives": [{"key": o.key, "direction": o.direction} for o in OBJECTIVES],
        "pareto": pareto(points),
        "privacy": spent_together([*folder.glob(f"*.{LEDGER}"), *(job.folder / LEDGER for job in jobs)]),
    }
    temporary = folder / f".{SWEEP}.tmp"
    temporary.write_text(json.dumps(plain(record), ensure_ascii=False, indent=1), "utf8")
    temporary.replace(folder / SWEEP)


def read_sweep(folder: Path) -> list[dict[str, Any]]:
    """The jobs of a sweep's folder; empty where there is no readable sweep.json."""
    try:
        return list(json.loads((folder / SWEEP).read_text("utf8"))["jobs"])
    except (OSError, ValueError, KeyError):
        return []


def result_of(folder: Path) -> dict[str, Any] | None:
    """A job's own record."""
    try:
        return json.loads((folder / RESULT).read_text("utf8"))
    except (OSError, ValueError):
        return None
