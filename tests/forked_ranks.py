"""``accel`` on several processes, forked from one that has imported what they need: a run then starts at once.

``python -m tests.forked_ranks`` is that one. It reads orders and writes answers, each a line of JSON, and computes
nothing itself: torch's threads do not live on in a fork.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import socket
import subprocess
import sys
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

from accel.logs import quiet_third_parties
from accel.place import Place

IMPORTED = (
    "accel.engines.eager",
    "accel.stages",
    "accel.strategy_adapters",
    "opacus",
    "peft",
    "torch.distributed.fsdp",
    "torch.distributed.tensor.parallel",
    "torchmetrics",
    "transformers.models.bert.modeling_bert",
    "transformers.models.gpt2.modeling_gpt2",
    "transformers.models.llama.modeling_llama",
    "transformers.models.t5.modeling_t5",
)
TIMEOUT_S = 280


@dataclass(frozen=True)
class Done:
    """How a run ended."""

    codes: list[int]
    """Exit codes, by rank."""
    output: str
    """What all of them printed."""

    def record(self, folder: Path) -> dict[str, Any]:
        """What the run says of itself, if all of its processes ended well."""
        assert not any(self.codes), self.output
        return json.loads((folder / "result.json").read_text())


class ForkedRanks:
    """Starts the process to fork from, and ends it."""

    def __enter__(self) -> ForkedRanks:
        self.origin = subprocess.Popen(
            [sys.executable, "-m", "tests.forked_ranks"],
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        return self

    def __exit__(self, *error: object) -> None:
        self.origin.communicate()

    def run(self, words: Sequence[str], folder: Path, processes: int = 2) -> Done:
        """``accel WORDS`` in a folder, on so many processes of one thread each, as torchrun would start them."""
        assert self.origin.stdin is not None
        assert self.origin.stdout is not None
        self.origin.stdin.write(json.dumps([list(words), str(folder), processes]) + "\n")
        self.origin.stdin.flush()
        return Done(**json.loads(self.origin.stdout.readline()))


def free_port() -> int:
    """A port of the loopback device that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _main() -> None:
    quiet_third_parties()
    for module in IMPORTED:
        importlib.import_module(module)
    answers = os.fdopen(os.dup(1), "w")
    for line in sys.stdin:
        words, folder, processes = json.loads(line)
        with TemporaryFile("w+") as printed:
            codes = _run(words, folder, processes, printed)
            printed.seek(0)
            print(json.dumps({"codes": codes, "output": printed.read()}), file=answers, flush=True)


def _run(words: list[str], folder: str, processes: int, printed: IO[str]) -> list[int]:
    port = free_port()
    places = [Place(rank, processes, rank, processes) for rank in range(processes)]
    children = [_fork(words, folder, place.variables("127.0.0.1", port), printed) for place in places]
    return [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]


def _fork(words: list[str], folder: str, variables: Mapping[str, str], printed: IO[str]) -> int:
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        signal.alarm(TIMEOUT_S)  # nobody else ends a process that waits for ever
        for stream in (1, 2):
            os.dup2(printed.fileno(), stream)
        os.chdir(folder)
        os.environ.update(variables)
        from accel.cli import main

        code = main(words)
    except BaseException:  # whatever it is, this process must not go on as its parent
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    _main()
