"""Either of two processes is killed or told to stop at random moments: all end, say so, and the run goes on as if
nothing had been. ``ROUNDS=20 pytest tests/test_kill_ranks.py -m slow -s`` prints what happened in each round.
"""

import os
import random
import signal
import subprocess
import sys
import time
from contextlib import suppress

import psutil
import pytest

from accel.report.record import read_record
from tests.forked_ranks import run_ranks
from tests.run_folder import digest_of_model, steps_of

pytestmark = pytest.mark.slow

ROUNDS = int(os.environ.get("ROUNDS", "2"))
ALL = [(s, r, strategy) for strategy in ("ddp", "fsdp") for s in (signal.SIGKILL, signal.SIGTERM) for r in (0, 1)]
WAYS = [ALL[n] for n in (0, 7, 6, 1, 2, 5, 4, 3)]
"""Of each two, the second differs from the first in everything."""
STEPS = 60
PATIENCE_S = 60


def command(words, folder):
    return [sys.executable, "-m", "accel", *words, f"hydra.run.dir={folder}"]


@pytest.fixture(scope="module")
def words(tmp_path_factory):
    from tests.conftest import write_tiny_csv

    folder = tmp_path_factory.mktemp("killed")
    return [
        "task=text_classification",
        f"task.train={write_tiny_csv(folder / 'tiny.csv')}",
        "model=tiny_bert",
        "tracker=none",
        "engines=[eager]",
        f"trainer.max_steps={STEPS}",
        "trainer.batch_size=16",
        "trainer.batch_tokens=null",
        "trainer.precision=fp32",
        "rounds=3",
        "trainer.checkpoint_every_steps=5",
        f"cache={folder / 'cache'}",
    ]


@pytest.fixture(scope="module")
def undisturbed(words, tmp_path_factory):
    """The digest of the exported weights, by strategy; and how another seed's differ."""
    found = {}

    def of(strategy, *more):
        key = (strategy, *more)
        if key not in found:
            folder = tmp_path_factory.mktemp("whole") / "run"
            chosen = [*words, f"strategy={strategy}", *more, f"hydra.run.dir={folder}"]
            assert run_ranks(chosen, folder.parent).record(folder)["status"] == "finished"
            found[key] = digest_of_model(folder)
        return found[key]

    return of


def ranks_of(parent):
    """The processes that train, by rank."""
    found = {}
    for child in psutil.Process(parent.pid).children():
        with suppress(psutil.Error, KeyError):  # one that has just been forked has no rank yet
            found[int(child.environ()["RANK"])] = child
    return found


def wait_until(condition, seconds, parent):
    deadline = time.monotonic() + seconds
    while not condition():
        assert parent.poll() is None, parent.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)


def disturb(words, folder, rng, number, rank):
    """Run until some step, hit one rank, and see how it ends: (step, seconds until all were gone, code, stderr)."""
    parent = subprocess.Popen(command(words, folder), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        wanted = rng.randrange(0, STEPS - 10)
        wait_until(lambda: len(ranks_of(parent)) == 2 and steps_of(folder) >= wanted, 240, parent)
        time.sleep(rng.random() / 5)
        ranks = ranks_of(parent)
        start = time.monotonic()
        ranks[rank].send_signal(number)
        _, printed = parent.communicate(timeout=PATIENCE_S)
        gone, alive = psutil.wait_procs(ranks.values(), timeout=max(0.1, PATIENCE_S - (time.monotonic() - start)))
        del gone
        assert not alive
        return steps_of(folder), time.monotonic() - start, parent.returncode, printed
    finally:
        for process in ranks_of(parent).values() if parent.poll() is None else []:
            process.kill()
        parent.kill()


@pytest.mark.fault("R10")
@pytest.mark.parametrize("round_", range(ROUNDS))
def test_all_end_and_the_run_goes_on(words, undisturbed, tmp_path, round_):
    rng = random.Random(round_)
    number, rank, strategy = WAYS[round_ % len(WAYS)]
    folder, chosen = tmp_path / "run", [*words, f"strategy={strategy}"]
    step, seconds, code, printed = disturb(chosen, folder, rng, number, rank)
    record = read_record(folder)
    print(f"\n{strategy} rank {rank} {number.name:<7} step {step:>2}: gone after {seconds:4.1f} s, code {code}")
    assert code not in (0, None)
    assert "Traceback" not in printed
    assert record["status"] == ("interrupted" if number is signal.SIGTERM else "failed")
    if number is signal.SIGKILL:
        assert f"Rank {rank} was ended by SIGKILL" in printed
    goes_on = f"resume={folder}" in record["error"]
    assert goes_on or "There is no checkpoint yet" in record["error"]
    again = [*chosen, *([f"resume={folder}"] if goes_on else [])]
    target = folder if goes_on else tmp_path / "again"
    assert run_ranks([*again, f"hydra.run.dir={target}"], tmp_path).record(target)["status"] == "finished"
    assert digest_of_model(target) == undisturbed(strategy)


def test_negative_control_another_run_has_another_digest(undisturbed):
    assert undisturbed("ddp") != undisturbed("ddp", "seed=1")
