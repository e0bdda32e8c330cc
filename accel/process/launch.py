"""Starts the processes of a run on this machine, and sees that they end together.

The parent trains nothing and imports no torch. It speaks torchrun's language (RANK, WORLD_SIZE, MASTER_ADDR …), so a
process cannot tell by whom it was started; but it knows the run's folder, and what to say when a process was killed.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import FrameType

from accel.checkpoint.resume import way_on
from accel.core.console import say_error
from accel.errors import ConfigError, ExitCode
from accel.process.rank_info import FOLDER_VARIABLE, PARENT_VARIABLE, VARIABLES, RankInfo, address_of
from accel.process.stop_requests import EXIT_CODES, heard
from accel.report.record import read_record, write_record
from accel.strategy._distributed import Distributed

POLL_S = 0.1
GRACE_S = 6.0
"""When one process has failed, the others have so long to find it out and to write down why."""
STOP_S = 12.0
"""Then they are told to stop, and so much later they are killed."""
CODES = {-number: code for number, code in EXIT_CODES.items()}
STOPPED = frozenset(EXIT_CODES.values())


def launch(strategy: Distributed, folder: Path | None, words: Sequence[str]) -> int:
    """Run ``accel WORDS`` as every process that this machine has in the strategy; returns the run's exit code.

    Args:
        folder: of the run; None on machines that rank 0 has to tell.

    Raises:
        ConfigError: there are several machines, and this one was not told which it is.
    """
    node, address, port = _meeting_point(strategy)
    inherited = {k: v for k, v in os.environ.items() if k not in VARIABLES}
    if folder is not None:
        inherited[FOLDER_VARIABLE] = str(folder)
    with Processes() as processes:
        for local_rank in range(strategy.processes):
            place = RankInfo(
                rank=node * strategy.processes + local_rank,
                world_size=strategy.num_processes(),
                local_rank=local_rank,
                local_size=strategy.processes,
                node_rank=node,
            )
            command = [sys.executable, "-P", "-m", "accel", *words]
            processes.start(place.rank, command, {**inherited, **place.variables(address, port)})
        code = processes.wait()
    if folder is not None:
        _note_end(folder, code, processes.reason())
    elif (reason := processes.reason()) is not None:
        say_error(reason)
    return code


def _meeting_point(strategy: Distributed) -> tuple[int, str, int]:
    """(node rank, host, port)."""
    if strategy.nodes == 1 and strategy.rendezvous is None:
        return 0, "127.0.0.1", _free_port()
    if strategy.nodes > 1 and (strategy.node_rank is None or strategy.rendezvous is None):
        raise ConfigError(
            f"strategy.nodes={strategy.nodes}: each machine has to know which of them it is and where they meet. Start "
            f"the same command on each with strategy.node_rank=0 to {strategy.nodes - 1} and "
            f"strategy.rendezvous=HOST:PORT, a free port of the machine with node_rank 0; or start it with torchrun or "
            f"srun, which say so themselves."
        )
    assert strategy.rendezvous is not None
    return strategy.node_rank or 0, *address_of(strategy.rendezvous)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Processes:
    """The processes of one machine: when one fails, the others end soon; a signal to the parent is passed on."""

    def __init__(self) -> None:
        self.running: dict[int, subprocess.Popen[bytes]] = {}
        self.codes: dict[int, int] = {}
        """By rank, in the order in which they ended."""
        self.failed_s: float | None = None
        self.told: list[signal.Signals] = []
        """Signals that the parent sent by itself."""
        self.ended_here: set[int] = set()
        """Ranks that got them: their exit codes say nothing about the run."""
        self.asked_s: float | None = None
        self.previous: dict[signal.Signals, object] = {}

    def __enter__(self) -> Processes:
        self.previous = {n: signal.signal(n, self._pass_on) for n in heard()}
        return self

    def __exit__(self, *error: object) -> None:
        self._tell(signal.SIGKILL)
        for process in self.running.values():
            process.wait()
        for number, handler in self.previous.items():
            signal.signal(number, handler)  # type: ignore[arg-type]

    def start(self, rank: int, command: Sequence[str], environment: Mapping[str, str]) -> None:
        """A command as one rank."""
        environment = {**environment, PARENT_VARIABLE: str(os.getpid())}
        self.running[rank] = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL)

    def wait(self) -> int:
        """Until all have ended; the exit code of the run."""
        while self.running:
            for rank, process in list(self.running.items()):
                code = process.poll()
                if code is not None:
                    self.codes[rank] = code
                    del self.running[rank]
                    if code != 0 and self.failed_s is None:
                        self.failed_s = time.monotonic()
            self._end_the_others()
            time.sleep(POLL_S if self.running else 0)
        return self._code()

    def _end_the_others(self) -> None:
        if self.failed_s is None:
            return
        late = time.monotonic() - self.failed_s
        for number, after in ((signal.SIGTERM, GRACE_S), (signal.SIGKILL, STOP_S)):
            if late > after and number not in self.told:
                self.told.append(number)
                self.ended_here |= set(self.running)
                self._tell(number)

    def _pass_on(self, number: int, frame: FrameType | None) -> None:
        """A second one kills, as it does everywhere."""
        del frame
        again = self.asked_s is not None and time.monotonic() - self.asked_s > STOP_S
        self.asked_s = self.asked_s or time.monotonic()
        self._tell(signal.SIGKILL if again else signal.Signals(number))

    def _tell(self, number: signal.Signals) -> None:
        for process in self.running.values():
            process.send_signal(number)

    def _code(self) -> int:
        """Whoever was asked to stop decides, then rank 0, then the first that failed."""
        failed = {r: CODES.get(c, c) for r, c in self.codes.items() if c != 0 and r not in self.ended_here}
        if not failed:
            return ExitCode.DONE
        if self._killed():
            return ExitCode.FAILED
        stopped = [code for code in failed.values() if code in STOPPED]
        return int(stopped[0] if stopped else failed.get(0, next(iter(failed.values()))))

    def _killed(self) -> tuple[int, int] | None:
        """(rank, signal) of the first process that died by a signal which nobody asked it to stop by."""
        first = next(((rank, -code) for rank, code in self.codes.items() if code != 0), None)
        return first if first and first[1] > 0 and first[1] not in EXIT_CODES else None

    def reason(self) -> str | None:
        """Why a run ended whose processes could not say it themselves."""
        killed = self._killed()
        if killed is None:
            return None
        rank, number = killed
        memory = " (out of memory?)" if number == signal.SIGKILL else ""
        return f"Rank {rank} was ended by {signal.Signals(number).name}{memory}; the others were stopped."


def _note_end(folder: Path, code: int, reason: str | None) -> None:
    """Say what the processes could not, and put it into the record."""
    record = read_record(folder)
    running = record is not None and record["status"] == "running"
    if code == ExitCode.DONE or (reason is None and not running):
        return
    message = f"{reason or 'The processes ended before they could say why.'} {way_on(folder)}"
    say_error(message)
    if record is not None:
        stopped = code in STOPPED
        write_record({**record, "status": "interrupted" if stopped else "failed", "error": message}, folder)
