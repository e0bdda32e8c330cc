"""What passes between a sweep and its jobs' processes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from accel.sweep.record import Job


@dataclass(frozen=True)
class JobSpec:
    """One job as its process needs to know it; plain values, so that it can be sent."""

    words: Sequence[str]
    """The command line without the program."""
    output: Path
    """Takes everything the job prints."""
    directory: Path
    """Where the command was typed: relative paths in the words mean this."""
    environment: Mapping[str, str]
    lock: Path | None = None
    """Held, shared, for as long as the job lives; None on a cluster, which knows what lives."""
    owner: int | None = None
    """Process id of the sweep, which has to own the lock's folder still; None where it is on another machine."""
    cores: Sequence[int] = ()
    """The only cores it may run on; empty: all."""
    threads: int | None = None
    gpus: Sequence[str] | None = None
    """The devices it may see; None: all."""
    memory_bytes: int | None = None
    """Of each of its processes; more raises MemoryError there."""
    is_rank: bool = False
    """One of several tasks that the cluster starts for one run, and tells so by variables."""

    def ending_with(self, words: Sequence[str]) -> JobSpec:
        """The same with more words."""
        return replace(self, words=(*self.words, *words))

    def to_json(self) -> str:
        """For a process that shares nothing with this one."""
        return json.dumps(asdict(self), default=str)

    @classmethod
    def from_json(cls, text: str) -> JobSpec:
        """What ``to_json`` made."""
        return cls.from_plain(json.loads(text))

    @classmethod
    def from_plain(cls, stated: dict[str, Any]) -> JobSpec:
        """Of the values that JSON knows."""
        output, directory, lock = Path(stated.pop("output")), Path(stated.pop("directory")), stated.pop("lock")
        return cls(output=output, directory=directory, lock=Path(lock) if lock else None, **stated)


@dataclass(frozen=True)
class Common:
    """What all jobs of a sweep have in common.

    Args:
        flags: of the command line, for every job.
        folder: of the sweep.
        lock: the file that living jobs on this machine hold.
    """

    flags: tuple[str, ...]
    folder: Path
    lock: Path


class RunningJob(Protocol):
    """A job that has been handed over."""

    job: Job
