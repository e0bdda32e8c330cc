"""A run that is killed at any moment and resumed has never spent more than its ledger says."""

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from accel.dp.ledger import LEDGER, Ledger

SPENDER = """
import os, time
import sys
from pathlib import Path
from accel.dp.ledger import Ledger, Mechanism

mechanism = Mechanism(1.0, 1.0, "flat", 0.05, 50.0, 1000, 10**6, 1e-5, "prv", None, False)
folder = Path(sys.argv[1])
ledger = Ledger.open(folder, mechanism, resumed=(folder / "privacy_ledger.jsonl").is_file())
write = lambda text: os.write(1, text)
write(b"ready\\n")
while True:
    {order}
"""
HONEST = "ledger.charge(); time.sleep(0.001); write(b's')  # the step's work, and only then anything of it exists"
TOO_LATE = "write(b's'); time.sleep(0.001); ledger.charge()"


def killed_again_and_again(folder: Path, order: str, times: int) -> tuple[int, list[int]]:
    """(steps that were taken in all, by how many the ledger was ahead after each kill)."""
    rng, taken, ahead = random.Random(0), 0, []
    for _ in range(times):
        child = subprocess.Popen(
            [sys.executable, "-c", SPENDER.format(order=order), str(folder)], stdout=subprocess.PIPE
        )
        assert child.stdout is not None
        assert child.stdout.readline() == b"ready\n"
        time.sleep(rng.uniform(0, 0.03))
        child.send_signal(signal.SIGKILL)
        taken += len(child.stdout.read())
        child.wait()
        child.stdout.close()
        ahead.append(Ledger.read(folder / LEDGER).charged - taken)
    return taken, ahead


@pytest.mark.slow
def test_a_hundred_kills_never_leave_a_step_uncounted(tmp_path):
    taken, ahead = killed_again_and_again(tmp_path, HONEST, 100)
    assert taken > 100
    assert min(ahead) >= 0
    assert max(ahead) <= 100  # at most one step per kill is paid for and not taken
    spent = Ledger.read(tmp_path / LEDGER).statement()
    assert spent["steps"] >= taken


def test_charging_after_the_step_is_found_out(tmp_path):
    """Negative control: the other order loses steps."""
    _, ahead = killed_again_and_again(tmp_path, TOO_LATE, 25)
    assert min(ahead) < 0
