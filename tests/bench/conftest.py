"""Every benchmark notes its figures in bench.json of ACCEL_BENCH_OUT, or of outputs/bench; bench.md is their table."""

import os
from pathlib import Path

import pytest
import torch

from accel.report.record import processor
from tests.bench.figures import Figures, Record, table

RECORD = pytest.StashKey[Record]()


def pytest_configure(config):
    machine = torch.cuda.get_device_name() if torch.cuda.is_available() else processor()
    config.stash[RECORD] = Record(Path(os.environ.get("ACCEL_BENCH_OUT", "outputs/bench"), "bench.json"), machine)


@pytest.fixture
def figures(request):
    """Takes a benchmark's figures, see ``figures.py``."""
    return Figures(request.config.stash[RECORD], request.path.stem.removeprefix("test_").replace("_", " "))


def pytest_terminal_summary(terminalreporter, config):
    record = config.stash[RECORD]
    if record.new:
        terminalreporter.section(f"figures, in {record.file}")
        terminalreporter.write(table(list(record.new.values())))
