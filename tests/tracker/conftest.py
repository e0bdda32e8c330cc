"""A W&B server of the test's own."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from accel.sweep.worker import work
from tests.forked_ranks import run_command

SPEC = importlib.util.spec_from_file_location("loopback", Path(__file__).with_name("loopback.py"))


@pytest.fixture
def loopback():
    """A running server; look at what it was told when the process under test has ended."""
    module = importlib.util.module_from_spec(SPEC)
    SPEC.loader.exec_module(module)
    with module.Loopback().running() as server:
        yield server


@pytest.fixture
def command(loopback, tmp_path):
    """``command("-m", "accel", …) -> what it printed``: a Python process whose W&B is the loopback server."""

    def run(*words, expected=0, **environment):
        done = subprocess.run(
            [sys.executable, *words],
            env={**loopback.environment(), **environment}, cwd=tmp_path,
            capture_output=True, text=True, timeout=900, check=False,
        )  # fmt: skip
        assert done.returncode == expected, done.stdout + done.stderr
        return done.stdout + done.stderr

    return run


@pytest.fixture
def accel(loopback, tmp_path):
    """``accel("tracker=wandb", …) -> what it printed``: the command, in a process that need not import the stack."""

    def run(*words, expected=0, be=work, **environment):
        done = run_command(words, tmp_path, {**loopback.environment(), **environment}, be)
        assert done.codes == [expected], done.output
        return done.output

    return run
