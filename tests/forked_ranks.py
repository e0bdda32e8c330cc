"""``accel`` on several processes, forked as the jobs of a sweep are from one that has imported the stack: it starts at once."""

from __future__ import annotations

import json
import multiprocessing
import os
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from accel.place import Place
from accel.sweep.worker import STACK, Order, work

TIMEOUT_S = 280


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
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([STACK])
    port = free_port()
    with TemporaryDirectory() as place:
        output = Path(place, "output.txt")
        ranks = []
        for rank in range(processes):
            variables = Place(rank, processes, rank, processes).variables("127.0.0.1", port)
            order = Order(words, output, folder, {**os.environ, **variables}, threads=1, is_rank=True)
            ranks.append(context.Process(target=work, args=(order,)))
        for process in ranks:
            process.start()
        deadline = time.monotonic() + TIMEOUT_S
        for process in ranks:
            process.join(max(0.0, deadline - time.monotonic()))
            process.kill()
            process.join()
        return Done([process.exitcode for process in ranks], output.read_text("utf8"))


def free_port() -> int:
    """A port of the loopback device that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
