"""A run is killed at random moments and goes on until it is done: its model is that of the run that nobody killed.

``KILLS=200 pytest tests/test_kill_run.py -m slow -s`` prints at which step each kill came.
"""

import os
import random
import time
from multiprocessing import connection
from pathlib import Path

import pytest

from accel.report.record import read_record
from accel.sweep.job_spec import JobSpec
from accel.sweep.worker import work
from tests.conftest import write_tiny_csv
from tests.forked_ranks import run_command, start_fork
from tests.run_folder import digest_of_model, steps_of

pytestmark = pytest.mark.slow

KILLS = int(os.environ.get("KILLS", "3"))
STEPS, MOST = 60, 5
"""Of a run; and how often one run is killed."""
TECHNIQUES = ["compression=[]", "compression=[qat]", "compression=[mask]", "compression=[ptq]", "tuning=lora"]
PHASES = ("Exporting", "Measuring")
"""What the log says when they begin."""


@pytest.fixture(scope="module")
def words(tmp_path_factory):
    folder = tmp_path_factory.mktemp("kills")
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
        "trainer.checkpoint_every_steps=7",
        f"cache={folder / 'cache'}",
    ]


def process(words, folder):
    """``accel WORDS``, which prints into a file beside the run's folder."""
    printed = folder.with_name("printed.txt")
    return start_fork(work, JobSpec(words, printed, Path.cwd(), {**os.environ}, threads=1))


def kill(running):
    running.kill()
    running.join()
    return running.exitcode


def finish(words, folder):
    assert run_command(words, Path.cwd()).record(folder)["status"] == "finished"
    return digest_of_model(folder)


@pytest.fixture(scope="module")
def whole(words, tmp_path_factory):
    """``whole(technique)``: the folder of a run that nobody kills."""
    found = {}

    def of(*more):
        if more not in found:
            found[more] = tmp_path_factory.mktemp("whole") / "run"
            finish([*words, *more, f"hydra.run.dir={found[more]}"], found[more])
        return found[more]

    return of


def killed(words, folder, rng):
    """Whether it came to that: a run may be done before."""
    running, before = process(words, folder), steps_of(folder)
    wanted = rng.randrange(before, STEPS + 6)
    while running.is_alive() and steps_of(folder) < min(wanted, STEPS):
        time.sleep(0.01)
    connection.wait([running.sentinel], rng.random() * (0.2 if wanted < STEPS else 2))  # or while it exports
    code = kill(running)
    print(f"killed at step {steps_of(folder)}, {(read_record(folder) or {}).get('status')}")
    return code != 0


@pytest.mark.fault("R2")
@pytest.mark.parametrize("number", range(-(-KILLS // MOST)))
def test_killed_again_and_again_it_comes_to_the_same_model(words, whole, tmp_path, number):
    rng, technique, folder = random.Random(number), TECHNIQUES[number % len(TECHNIQUES)], tmp_path / "run"
    expected = digest_of_model(whole(technique))
    for _ in range(min(MOST, KILLS - number * MOST)):
        if not killed([*words, technique, *_where(folder)], folder, rng):
            break
    assert finish([*words, technique, *_where(folder)], folder) == expected
    if number == 0:  # negative control
        assert digest_of_model(whole(technique, "seed=1")) != expected


def killed_in(phase, words, folder):
    """Kill it as soon as its log says that the phase has begun."""
    running, log = process([*words, f"hydra.run.dir={folder}"], folder), folder / "log.txt"
    while not (log.is_file() and phase in log.read_text()):
        assert running.is_alive(), folder.with_name("printed.txt").read_text()
        time.sleep(0.005)
    kill(running)
    assert read_record(folder)["status"] == "running"


def files_of_model(folder):
    return sorted(p.name for p in (folder / "model").iterdir())


@pytest.mark.fault("R2")
@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("technique", ["qat", pytest.param("ptq", marks=pytest.mark.full)])
def test_killed_after_training_it_leaves_the_same_files(words, whole, tmp_path, technique, phase):
    """What rounds weights has changed the model by then; a run that goes on must come to the same."""
    expected, folder = whole(f"compression=[{technique}]"), tmp_path / "run"
    words = [*words, f"compression=[{technique}]"]
    killed_in(phase, words, folder)
    assert finish([*words, f"resume={folder}"], folder) == digest_of_model(expected)
    assert files_of_model(folder) == files_of_model(expected)


def _where(folder):
    begun = any((folder / "checkpoints").glob("*last.ckpt*"))
    if begun:
        return [f"resume={folder}"]
    if folder.exists():
        folder.rename(folder.with_name(f"{folder.name}-{time.monotonic_ns()}"))
    return [f"hydra.run.dir={folder}"]
