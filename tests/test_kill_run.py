"""A run is killed at random moments and goes on until it is done: its model is that of the run that nobody killed.

``KILLS=200 pytest tests/test_kill_run.py -m slow -s`` prints at which step each kill came.
"""

import os
import random
import subprocess
import sys
import time

import pytest

from accel.report.record import read_record
from tests.conftest import write_tiny_csv
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
        "trainer.checkpoint_every_steps=7",
        f"cache={folder / 'cache'}",
    ]


def process(words):
    command = [sys.executable, "-m", "accel", *words]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def finish(words, folder):
    running = process(words)
    output, _ = running.communicate(timeout=600)
    assert running.returncode == 0, output
    return digest_of_model(folder)


def killed(words, folder, rng):
    """Whether it came to that: a run may be done before."""
    running, before = process(words), steps_of(folder)
    wanted = rng.randrange(before, STEPS + 6)
    while running.poll() is None and steps_of(folder) < min(wanted, STEPS):
        time.sleep(0.01)
    time.sleep(rng.random() * (0.2 if wanted < STEPS else 3))  # after the last step: while it exports and measures
    running.kill()
    running.communicate()
    print(f"killed at step {steps_of(folder)}, {read_record(folder)['status']}")
    return running.returncode != 0


@pytest.mark.fault("R2")
@pytest.mark.parametrize("number", range(-(-KILLS // MOST)))
def test_killed_again_and_again_it_comes_to_the_same_model(words, tmp_path, number):
    rng, technique = random.Random(number), TECHNIQUES[number % len(TECHNIQUES)]
    whole, folder = tmp_path / "whole", tmp_path / "run"
    expected = finish([*words, technique, f"hydra.run.dir={whole}"], whole)
    for _ in range(min(MOST, KILLS - number * MOST)):
        if not killed([*words, technique, *_where(folder)], folder, rng):
            break
    assert finish([*words, technique, *_where(folder)], folder) == expected
    other = tmp_path / "other"
    if number == 0:  # negative control
        assert finish([*words, technique, "seed=1", f"hydra.run.dir={other}"], other) != expected


def killed_in(phase, words, folder):
    """Kill it as soon as its log says that the phase has begun."""
    running, log = process([*words, f"hydra.run.dir={folder}"]), folder / "log.txt"
    while not (log.is_file() and phase in log.read_text()):
        assert running.poll() is None, running.communicate()
        time.sleep(0.005)
    running.kill()
    running.communicate()
    assert read_record(folder)["status"] == "running"


def files_of_model(folder):
    return sorted(p.name for p in (folder / "model").iterdir())


@pytest.mark.fault("R2")
@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("technique", ["qat", pytest.param("ptq", marks=pytest.mark.full)])
def test_killed_after_training_it_leaves_the_same_files(words, tmp_path, technique, phase):
    """What rounds weights has changed the model by then; a run that goes on must come to the same."""
    words, whole, folder = [*words, f"compression=[{technique}]"], tmp_path / "whole", tmp_path / "run"
    expected = finish([*words, f"hydra.run.dir={whole}"], whole)
    killed_in(phase, words, folder)
    assert finish([*words, f"resume={folder}"], folder) == expected
    assert files_of_model(folder) == files_of_model(whole)
    assert read_record(folder)["status"] == "finished"


def _where(folder):
    begun = any((folder / "checkpoints").glob("*last.ckpt*"))
    if begun:
        return [f"resume={folder}"]
    if folder.exists():
        folder.rename(folder.with_name(f"{folder.name}-{time.monotonic_ns()}"))
    return [f"hydra.run.dir={folder}"]
