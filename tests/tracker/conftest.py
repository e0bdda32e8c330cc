"""A W&B server of the test's own."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

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
            capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
        assert done.returncode == expected, done.stdout + done.stderr
        return done.stdout + done.stderr

    return run
