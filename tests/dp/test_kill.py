"""A run that is killed at any moment and resumed has never spent more than its ledger says.

``ROUNDS=20 pytest tests/dp/test_kill.py -m slow`` kills ten times as many.
"""

import os
import random
import time
from collections.abc import Callable
from functools import partial
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from accel.dp.ledger import LEDGER, Ledger
from accel.dp.mechanism import Mechanism
from tests.forked_ranks import start_fork

TIMES = 10 * int(os.environ.get("ROUNDS", "4"))
MECHANISM = Mechanism(1.0, 1.0, "flat", 0.05, 50.0, 1000, 10**6, 1e-5, "prv", None, False)


def spend(folder: Path, told: Connection, order: Callable[[Callable, Callable], None]) -> None:
    """Take steps for ever, and say so of each."""
    ledger = Ledger.open(folder, MECHANISM, resumed=(folder / LEDGER).is_file())
    os.write(told.fileno(), b"r")
    while True:
        order(ledger.charge, lambda: os.write(told.fileno(), b"s"))


def honest(charge: Callable, work: Callable) -> None:
    charge()
    time.sleep(0.001)
    work()  # the step's work, and only then anything of it exists


def too_late(charge: Callable, work: Callable) -> None:
    work()
    time.sleep(0.001)
    charge()


def all_of(pipe: Connection) -> bytes:
    """What has been said, to the end of whoever said it."""
    return b"".join(iter(partial(os.read, pipe.fileno(), 65536), b""))


def killed_again_and_again(folder: Path, order: Callable, times: int) -> tuple[int, list[int]]:
    """(steps that were taken in all, by how many the ledger was ahead after each kill)."""
    rng, taken, ahead = random.Random(0), 0, []
    for _ in range(times):
        here, there = Pipe(duplex=False)
        child = start_fork(spend, folder, there, order)
        there.close()
        assert os.read(here.fileno(), 1) == b"r"
        time.sleep(rng.uniform(0, 0.03))
        child.kill()
        taken += len(all_of(here))
        child.join()
        here.close()
        ahead.append(Ledger.read(folder / LEDGER).charged - taken)
    return taken, ahead


@pytest.mark.slow
def test_kills_never_leave_a_step_uncounted(tmp_path):
    taken, ahead = killed_again_and_again(tmp_path, honest, TIMES)
    assert taken > TIMES
    assert min(ahead) >= 0
    assert max(ahead) <= TIMES  # at most one step per kill is paid for and not taken
    spent = Ledger.read(tmp_path / LEDGER).statement()
    assert spent["steps"] >= taken


@pytest.mark.slow
def test_charging_after_the_step_is_found_out(tmp_path):
    """Negative control: the other order loses steps."""
    _, ahead = killed_again_and_again(tmp_path, too_late, 25)
    assert min(ahead) < 0
