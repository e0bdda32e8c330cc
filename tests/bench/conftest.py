"""Every benchmark notes its figures in bench.json of ACCEL_BENCH_OUT, or of outputs/bench; bench.md is their table."""

import os
from pathlib import Path

import pytest

from tests.bench.figures import Figures, Record, table

RECORD = pytest.StashKey[Record]()


def pytest_configure(config):
    folder = Path(os.environ.get("ACCEL_BENCH_OUT", config.rootpath / "outputs" / "bench"))
    config.stash[RECORD] = Record(folder / "bench.json")


@pytest.fixture
def figures(request):
    """Takes a benchmark's figures, see ``figures.py``."""
    import torch  # not before the number of threads is set

    from accel.report.record import processor

    threads = torch.get_num_threads()
    machine = f"{processor()}, {threads} thread{'s' if threads > 1 else ''}"
    return Figures(request.config.stash[RECORD], machine, request.path.stem.removeprefix("test_").replace("_", " "))


def pytest_terminal_summary(terminalreporter, config):
    record = config.stash[RECORD]
    if record.new:
        terminalreporter.section(f"figures, in {record.file}")
        terminalreporter.write(table(list(record.new.values())))
