"""``accel`` on several processes, forked as the jobs of a sweep are from one that has imported the stack: it starts at once."""

from __future__ import annotations

import json
import multiprocessing
import os
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing import connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from accel.process.rank_info import RankInfo
from accel.sweep.job_spec import JobSpec
from accel.sweep.worker import PRELOAD, work

TIMEOUT_S = 600
LEFT_BEHIND_S = 120
"""By then those have noticed who notice that another is gone."""


@dataclass(frozen=True)
class Done:
    """How a run ended."""

    codes: list[int | None]
    """Exit codes, by rank."""
    output: str
    """What all of them printed."""

    def record(self, folder: Path) -> dict[str, Any]:
        """What the run says of itself, if all of its processes ended well."""
        assert not any(self.codes), f"{self.codes}\n{self.output}"
        return json.loads((folder / "result.json").read_text())


def run_ranks(words: Sequence[str], folder: Path, processes: int = 2) -> Done:
    """``accel WORDS`` in a folder, on so many processes of one thread each, as torchrun would start them."""
    port = free_port()
    places = [RankInfo(rank, processes, rank, processes) for rank in range(processes)]
    variables = [{**os.environ, **place.variables("127.0.0.1", port)} for place in places]
    return _run(words, folder, variables, is_rank=True)


def run_command(
    words: Sequence[str],
    folder: Path,
    environment: Mapping[str, str] = os.environ,
    be: Callable[[JobSpec], object] = work,
) -> Done:
    """``accel WORDS`` in a folder, on one process, as a user types it.

    Args:
        be: called with the spec, in the process; whatever it does first, it has to ``work``.
    """
    return _run(words, folder, [{**environment}], be, is_rank=False)


def _run(
    words: Sequence[str],
    folder: Path,
    variables: Sequence[Mapping[str, str]],
    be: Callable[[JobSpec], object] = work,
    *,
    is_rank: bool,
) -> Done:
    """One process for each set of variables, until all have ended."""
    with TemporaryDirectory() as place:
        output = Path(place, "output.txt")
        orders = [JobSpec(words, output, folder, each, threads=1, is_rank=is_rank) for each in variables]
        codes = in_forks(be, [(order,) for order in orders], TIMEOUT_S)
        return Done(codes, output.read_text("utf8") if output.is_file() else "")


def in_forks(task: Callable[..., object], arguments: Sequence[tuple], timeout_s: float) -> list[int | None]:
    """Call a function in one process for each tuple of arguments, all at once; their exit codes.

    Whoever is not done in time is killed; and who is left behind by one that failed, a while after it.
    """
    ranks = [start_fork(task, *each) for each in arguments]
    deadline = time.monotonic() + timeout_s
    while (alive := [process for process in ranks if process.is_alive()]) and time.monotonic() < deadline:
        connection.wait([process.sentinel for process in alive], timeout=min(1.0, timeout_s))
        if any(process.exitcode for process in ranks):
            deadline = min(deadline, time.monotonic() + LEFT_BEHIND_S)
    for process in ranks:
        process.kill()
        process.join()
    return [process.exitcode for process in ranks]


def start_fork(task: Callable[..., object], *arguments: object) -> BaseProcess:
    """Call a function in a process forked from one that has imported the stack."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([PRELOAD])
    process = context.Process(target=task, args=arguments)
    process.start()
    return process


def free_port() -> int:
    """A port of the loopback device that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
