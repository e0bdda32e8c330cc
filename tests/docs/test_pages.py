"""What the README says is executed: its commands compose, its matrix is the one that accel prints."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from accel.cli import VERBS, main, parse
from accel.compose import compose
from accel.matrix import markdown
from accel.plan import assemble
from accel.sweep.entry import planned_jobs, sort_words
from tests.test_matrix import CELLS

README = (Path(__file__).parent.parent / "README.md").read_text("utf8")
BLOCKS = "".join(re.findall(r"^```\n(.*?)^```$", README, re.MULTILINE | re.DOTALL))
COMMANDS = sorted({line.split("#")[0].strip() for line in re.findall(r"^accel .*$", BLOCKS, re.MULTILINE)})


def test_there_are_commands():
    assert len(COMMANDS) >= 10


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_composes(command):
    _, *line = shlex.split(command)
    if line and line[0] in VERBS and line[0] != "check":
        return
    arguments = parse([w for w in line if w != "check" and not w.startswith("--forecast")])
    if arguments.multirun:
        settings, words = sort_words(arguments.overrides)
        config = compose([w for w in settings if "resume" not in w])
        jobs = planned_jobs(config.hydra.sweeper, words)
        assert len(jobs) > 1
    else:
        jobs = [arguments.overrides]
    for job in jobs:
        assert assemble(compose(job)).options


def test_the_program_that_ships_a_model_runs_without_torch(tiny_run, tmp_path):
    assert main([*tiny_run, "compression=[qat,vocabulary]", "engines=[onnxruntime]", "trainer.max_steps=60"]) == 0
    (program,) = re.findall(r"^```python\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    program = re.sub(r'folder = ".*"', f"folder = {str(tmp_path / 'run' / 'model')!r}", program)
    program = program.replace("my flight was cancelled", "the crew was terrible and rude")
    program += "\nimport sys; print(logits.argmax(), {'torch', 'transformers', 'accel'} & set(sys.modules) or 'alone')"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "0 alone\n"


def test_the_matrix_is_the_one_that_accel_prints():
    assert markdown(CELLS) in README
