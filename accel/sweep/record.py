"""sweep.json: the jobs, what became of them, and the Pareto set; rewritten in one step after every job."""

from __future__ import annotations

import json
import shutil
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import count
from pathlib import Path
from typing import Any

from accel.config.overrides import quoted
from accel.config.redact import Redactor, redact, redactor
from accel.core.durable import write_durably
from accel.dp.ledger import LEDGER
from accel.dp.together import spent_together
from accel.errors import DataError, ExitCode
from accel.report.figures import quality_text
from accel.report.pareto import OBJECTIVES, Objective, pareto
from accel.report.record import RESULT, SWEEP, plain, read_record

OUTPUT = "output.txt"
CHECKPOINT = "checkpoints/last.ckpt"
SET_BY_SWEEP = ("hydra.sweep.", "hydra.sweeper.", "hydra.launcher", "hydra/launcher", "hydra/sweeper", "sweep.")
ENDED_WELL = ("finished", "pruned")


SIGNALLED = 128
"""Exit codes above it are 128 and the number of a signal."""


def was_stopped(exit_code: int) -> bool:
    """Whether something else than itself ended a run."""
    return exit_code < 0 or exit_code > SIGNALLED


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
    environment: dict[str, str] = field(default_factory=dict)
    """What its process needs to know besides the words."""
    cluster_job: str | None = None
    """Its name in the cluster that runs it, or ran it last."""
    restarts: int = 0
    """How often a cluster requeued it."""

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

    @property
    def own_words(self) -> list[str]:
        """The overrides that concern the job, not the sweep."""
        return [w for w in self.overrides if not w.lstrip("+~").startswith(SET_BY_SWEEP)]

    @property
    def ended(self) -> bool:
        """Whether nothing is left to do for it."""
        return self.status in (*ENDED_WELL, "refused", "failed")

    def where(self, *, resume: bool) -> list[str]:
        """The words that say where it runs."""
        return [f"{'resume' if resume else 'hydra.run.dir'}={quoted(str(self.folder))}"]

    def prepare_folder(self) -> bool:
        """Whether the job can go on from a checkpoint; if not, its place is cleared, or old files pass for a result.

        What an earlier attempt spent of the data's privacy stays on the books.
        """
        if self.can_go_on():
            return True
        ledger = self.folder / LEDGER
        if ledger.is_file():
            attempts = len(list(self.sweep.glob(f"{self.number}.*.{LEDGER}")))
            ledger.rename(self.sweep / f"{self.number}.{attempts}.{LEDGER}")
        self._clear()
        self.sweep.mkdir(parents=True, exist_ok=True)
        return False

    def _clear(self) -> None:
        """A finished run that this sweep does not know of, or one that cannot be read, is put aside, never removed."""
        record = read_record(self.folder)
        known = record is not None and record.get("status") not in ENDED_WELL
        if known or not (self.folder / RESULT).exists():
            shutil.rmtree(self.folder, ignore_errors=True)
            return
        aside = next(p for n in count() if not (p := self.sweep / f"{self.number}.before{n or ''}").exists())
        self.folder.rename(aside)

    def can_go_on(self) -> bool:
        """Whether a signal, or the sweep's own death, ended the attempt before, and it left a checkpoint."""
        return (self.exit_code is None or was_stopped(self.exit_code)) and (self.folder / CHECKPOINT).exists()

    def line(self, common: Collection[str] = ()) -> str:
        """For the terminal: what became of it, without the words that all jobs have in common."""
        words = " ".join(word for word in self.overrides if word not in common) or "(defaults)"
        text = f"{self.status:<9} {self.seconds:7.1f} s  {words}"
        if self.status == "finished":
            return f"{text}  {quality_text(self.result or {})}".rstrip()
        if self.status == "pruned":
            return text
        reason = str(self.error or "").splitlines()[0] if self.error else ""
        return f"{text}\n      {reason}\n      log: {self.output}"

    def stated(self) -> dict[str, Any]:
        """The job as sweep.json states it."""
        return {
            "number": self.number,
            "overrides": self.overrides,
            "status": self.status,
            "seconds": self.seconds,
            "folder": str(self.number),
            "error": self.error,
            "exit_code": self.exit_code,
            "cluster_job": self.cluster_job,
            "restarts": self.restarts,
        }


@dataclass
class Sweep:
    """The jobs of a folder. A job is known by its overrides: whatever else is added later, it keeps its number."""

    folder: Path
    jobs: list[Job] = field(default_factory=list)
    objectives: Sequence[Objective] = OBJECTIVES

    @classmethod
    def of(cls, folder: Path) -> Sweep:
        """What an earlier sweep left in the folder; a new one where there is none."""
        return cls(folder, [_restored(job, folder) for job in read_sweep(folder)])

    def job(self, overrides: Sequence[str]) -> Job:
        """The job with these overrides, known or new."""
        known_as = (list(overrides), redact(list(overrides)))
        for job in self.jobs:
            if job.overrides in known_as:
                job.overrides = list(overrides)  # sweep.json knows no secrets
                return job
        number = 1 + max((job.number for job in self.jobs), default=-1)
        self.jobs.append(Job(number, list(overrides), self.folder))
        return self.jobs[-1]

    def common_words(self) -> set[str]:
        """What all jobs have: not worth saying once for each."""
        return set.intersection(*(set(job.overrides) for job in self.jobs)) if len(self.jobs) > 1 else set()

    def count(self, *statuses: str) -> int:
        """How many jobs have one of these statuses."""
        return sum(job.status in statuses for job in self.jobs)

    def save(self) -> None:
        """Replace sweep.json in one step."""
        points = {job.number: job.result for job in self.jobs if job.status == "finished" and job.result is not None}
        goals = [goal.of(next(iter(points.values()), {})) for goal in self.objectives]
        rest = {
            "objectives": [{"key": o.key, "direction": o.direction} for o in goals],
            "pareto": pareto(points, self.objectives),
            "privacy": spent_together([*self.folder.glob(f"*.{LEDGER}"), *(job.folder / LEDGER for job in self.jobs)]),
        }
        self.folder.mkdir(parents=True, exist_ok=True)
        guard = redactor()
        jobs = ",\n".join(_line(json.dumps(job.stated(), default=str), guard) for job in self.jobs)
        others = json.dumps(guard.tree(plain(rest)), ensure_ascii=False, indent=1).removeprefix("{")
        write_durably(self.folder / SWEEP, f'{{"schema": 1, "jobs": [\n{jobs}\n],{others}')

    def exit_code(self) -> ExitCode:
        """4 when a job failed, 2 when none could run, 0 when every job that could run finished."""
        if self.count(*ENDED_WELL, "refused") < len(self.jobs):
            return ExitCode.SOME_JOBS_FAILED
        return ExitCode.REFUSED if self.jobs and self.count("refused") == len(self.jobs) else ExitCode.DONE


@lru_cache(maxsize=1 << 14)
def _line(stated: str, guard: Redactor) -> str:
    """A job as JSON without secrets; a sweep is saved after every job, and most jobs are as they were."""
    return json.dumps(guard.tree(json.loads(stated)), ensure_ascii=False)


def _restored(stated: Mapping[str, Any], folder: Path) -> Job:
    """A job as it was left: its own record knows better than sweep.json, which a killed sweep could not rewrite."""
    job = Job(int(stated["number"]), list(stated["overrides"]), folder, exit_code=stated.get("exit_code"))
    job.cluster_job, job.restarts = stated.get("cluster_job"), int(stated.get("restarts", 0))
    job.result = read_record(job.folder)
    job.status = str((job.result or stated)["status"])
    job.error = (job.result or stated).get("error")
    job.seconds = float(stated["seconds"] or (job.result or {}).get("seconds", 0.0))
    return job


def read_sweep(folder: Path) -> list[dict[str, Any]]:
    """The jobs of a sweep's folder; empty where there is no sweep.json.

    Raises:
        DataError: there is one, and it cannot be read: what it lists must not be taken for nothing.
    """
    try:
        return list(json.loads((folder / SWEEP).read_text("utf8"))["jobs"])
    except FileNotFoundError:
        return []
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{folder / SWEEP} cannot be read ({error}), so nothing says which jobs are finished. Nothing was changed. "
            f"Restore the file, or start a new sweep in another folder: hydra.sweep.dir=…"
        ) from error
