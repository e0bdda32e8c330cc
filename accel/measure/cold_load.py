"""How long a new process takes to a first answer of an exported file, with nothing but the runtime of that file."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from accel.core.engine import FileRunner

ROUNDS = 3
BUDGET_S = 4.0
"""No further process is started after so long: a slow machine gets one round."""
TIMEOUT_S = 120.0
PROGRAM = """
import sys, time
{imports}
imported = time.time()
path, *given = sys.argv[1:]
parts = dict(word.split("=") for word in given)
inputs = {{name: numpy.array([row.split(",")], dtype=numpy.int64) for name, row in parts.items()}}
{answer}
answered = time.time()
assert len(logits) == 1
assert not {{"accel", "transformers"}} & set(sys.modules)
print(imported, answered)
"""
"""What a user writes who has the file and not accel; its runner says the middle of it."""


class ColdLoadError(Exception):
    """The file gave no answer in a process of its own; the message is that process's last words."""


@dataclass(frozen=True)
class ColdLoad:
    """Medians over some processes; files are in the system's cache, as they were just written."""

    cold_load_ms: float
    """From the start of the process to the first answer, at batch 1."""
    cold_load_imports_ms: float
    """How much of it was Python's start and the imports: the rest is the file's own."""


def cold_load(
    runner: type[FileRunner], path: Path, inputs: Mapping[str, Sequence[int]], rounds: int | None = None
) -> ColdLoad:
    """Start a few processes, one after the other, that answer one text with a file.

    Args:
        runner: the one whose runtime reads the file.
        inputs: a text as the model is given it, a number for each token.
        rounds: how many processes; ``ROUNDS`` if not given.

    Raises:
        ColdLoadError: a process failed or hung.
    """
    program = PROGRAM.format(imports=runner.imports, answer=runner.answer)
    given = [f"{name}={','.join(map(str, row))}" for name, row in inputs.items()]
    words = [sys.executable, "-P", "-c", program, str(path), *given]
    found: list[tuple[float, float]] = []
    begin = time.perf_counter()
    while len(found) < (rounds or ROUNDS) and (not found or time.perf_counter() - begin < BUDGET_S):
        found.append(_one(words))
    imported, answered = (statistics.median(times) for times in zip(*found, strict=True))
    return ColdLoad(answered, imported)


def _one(words: Sequence[str]) -> tuple[float, float]:
    """Milliseconds until all was imported, and until the answer was there."""
    start = time.time()
    try:
        done = subprocess.run(words, capture_output=True, text=True, check=True, timeout=TIMEOUT_S)
    except subprocess.TimeoutExpired:
        raise ColdLoadError(f"no answer within {TIMEOUT_S:.0f} s") from None
    except subprocess.CalledProcessError as error:
        raise ColdLoadError((error.stderr.strip().splitlines() or [f"exit code {error.returncode}"])[-1]) from None
    imported, answered = (1e3 * (float(word) - start) for word in done.stdout.split()[-2:])
    return imported, answered
