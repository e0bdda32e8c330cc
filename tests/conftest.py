"""What every test stands on: an environment of its own, no network, two threads, and a small learnable file."""

from __future__ import annotations

import csv
import gc
import ipaddress
import os
import random
import socket
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from accel.process.rank_info import VARIABLES
from tests.loop_slurm import LoopSlurm, missing_programs

FOLDER_VARIABLES = ("ACCEL_CACHE", "WANDB_DIR", "WANDB_CACHE_DIR", "WANDB_CONFIG_DIR", "WANDB_DATA_DIR")


REMEMBERED: dict[str, Any] = {}
FROZEN = {"modules": 0}
"""How many there were when garbage was last looked for in none of their objects."""


class NetworkUsed(OSError):
    """A test reached for a host other than this one."""


def pytest_configure(config: pytest.Config) -> None:
    """Before any test module is imported, because libraries read these variables when they are imported."""
    folder = TemporaryDirectory(prefix="accel-tests-", ignore_cleanup_errors=True)
    config.add_cleanup(folder.cleanup)
    for variable in FOLDER_VARIABLES:
        path = Path(folder.name, variable.lower())
        path.mkdir()
        os.environ[variable] = str(path)
    os.environ["HF_HUB_OFFLINE"] = "1"
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    shared = getattr(config.option, "numprocesses", None) or "PYTEST_XDIST_WORKER" in os.environ
    threads = "1" if shared else "2"  # workers share the cores, and have the environment of the one that starts them
    os.environ.setdefault("OMP_NUM_THREADS", threads)  # torch's number of threads, without importing torch
    for variable in VARIABLES:
        os.environ.pop(variable, None)


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart() -> None:
    """Imports make objects that stay: looking through them for garbage, again and again, is a tenth of the time."""
    gc.disable()


def pytest_collection_finish() -> None:
    gc.collect()
    _freeze()
    gc.enable()


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown() -> None:
    """So does what a test has imported, and each measurement looks for garbage before it begins."""
    if len(sys.modules) >= FROZEN["modules"] + 50:
        _freeze()


def _freeze() -> None:
    gc.freeze()
    FROZEN["modules"] = len(sys.modules)


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Connections and look-ups of names stay on this machine; what a test starts as a process is not covered."""
    connect, connect_ex, getaddrinfo = socket.socket.connect, socket.socket.connect_ex, socket.getaddrinfo

    def guarded_connect(self: socket.socket, address: object) -> None:
        _refuse_remote(address)
        connect(self, address)

    def guarded_connect_ex(self: socket.socket, address: object) -> int:
        _refuse_remote(address)
        return connect_ex(self, address)

    def guarded_getaddrinfo(host: object, *args: object, **kwargs: object) -> list:
        _refuse_remote((host,))
        return getaddrinfo(host, *args, **kwargs)

    monkeypatch.setattr(socket.socket, "connect", guarded_connect)
    monkeypatch.setattr(socket.socket, "connect_ex", guarded_connect_ex)
    monkeypatch.setattr(socket, "getaddrinfo", guarded_getaddrinfo)


def _refuse_remote(address: object) -> None:
    """Unix sockets have a path for an address, internet sockets a tuple that starts with the host."""
    if isinstance(address, tuple) and not _is_local(address[0]):
        raise NetworkUsed(f"{address[0]}: tests use no network")


def _is_local(host: object) -> bool:
    if isinstance(host, bytes):
        host = host.decode()
    if host in (None, "", "localhost", socket.gethostname()):
        return True
    try:
        address = ipaddress.ip_address(str(host))
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


@pytest.fixture(scope="session")
def slurm() -> Iterator[LoopSlurm]:
    """A real Slurm of two nodes on this machine, shared by the session; ``slurm.environment`` leads a command to it."""
    missing = missing_programs()
    if missing:
        pytest.skip(f"Slurm is not installed here ({', '.join(missing)} missing); tests/loop_slurm.py says how")
    with TemporaryDirectory(prefix="slurm-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        cluster = LoopSlurm(Path(folder))
        try:
            cluster.start()
            yield cluster
        finally:
            cluster.stop()


FEW = {"variants.ROUNDS": 5, "timing.ROUNDS": 5, "cold_load.ROUNDS": 1, "run_costs.COLD_LOADS": 1}
"""How often a test times, by module and name: one call says as well as sixty that a figure is there."""


@pytest.fixture
def few_rounds(monkeypatch: pytest.MonkeyPatch) -> int:
    """Models are timed so often only: for slow tests that look at no time."""
    monkeypatch.setattr("accel.measure.variants.ROUNDS", FEW["variants.ROUNDS"])
    return FEW["variants.ROUNDS"]


@pytest.fixture(autouse=True)
def timed_a_few_times(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is timed in this process is timed a few times, and so is a whole run. Benchmarks time as users do."""
    if "bench" in request.path.parts:
        return
    for name, rounds in FEW.items():
        if f"accel.measure.{name.split('.')[0]}" in sys.modules:  # what no test has imported is not imported for this
            monkeypatch.setattr(f"accel.measure.{name}", rounds)


@pytest.fixture(autouse=True, scope="session")
def one_export_of_each_model() -> Iterator[None]:
    """In this process, where a test has imported what exports."""
    if "accel.export.onnx" not in sys.modules:
        yield
        return
    import torch.onnx

    from tests.artefacts import exported_once  # imports torch, which must find the variables set

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.onnx, "export", exported_once(torch.onnx.export))
        yield


@pytest.fixture(autouse=True, scope="session")
def one_merge_of_each_choice() -> Iterator[None]:
    """Of the shipped configuration, in this process, where a test has imported what composes."""
    if "accel.config.compose" not in sys.modules:
        yield
        return
    from tests.merged_once import patch_hydra  # imports Hydra

    with pytest.MonkeyPatch.context() as patch:
        patch_hydra(patch)
        yield


@pytest.fixture
def noise_is_looked_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same question takes three seconds each time, and every run is a process of its own outside of tests."""
    from accel.dp import accountant

    monkeypatch.setattr(accountant, "sigma_for", REMEMBERED.setdefault("sigma_for", cache(accountant.sigma_for)))


@pytest.fixture
def tiny_csv(tmp_path: Path) -> Path:
    return write_tiny_csv(tmp_path / "tiny.csv")


def write_tiny_csv(path: Path) -> Path:
    """200 different rows of two balanced classes, told apart by the words that occur in them."""
    words = {
        "positive": ("great", "friendly", "smooth", "perfect", "comfortable"),
        "negative": ("terrible", "rude", "delayed", "broken", "cancelled"),
    }
    things = ("flight", "crew", "seat", "meal", "gate")
    rng = random.Random(0)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("text", "label"))
        for number in range(200):
            label = ("positive", "negative")[number % 2]
            first, second = rng.sample(words[label], 2)
            writer.writerow((f"the {rng.choice(things)} on day {number} was {first} and {second}", label))
    return path


@pytest.fixture
def tiny_run(tiny_csv: Path, tmp_path: Path) -> list[str]:
    return tiny_words(tiny_csv, tmp_path / "run")


def tiny_words(csv_file: Path, folder: Path | None = None) -> list[str]:
    """Overrides of a run that takes about a second; without a folder, for tests whose runs choose their own."""
    return [
        "task=text_classification",
        f"task.train={csv_file}",
        "model=tiny_bert",
        "tracker=none",
        "engines=[eager]",
        "trainer.max_steps=8",
        "trainer.batch_size=16",
        "trainer.batch_tokens=null",
        "trainer.precision=fp32",
        "trainer.learning_rate=1e-3",
        "rounds=3",
        *([f"hydra.run.dir={folder}"] if folder else []),
    ]


@pytest.fixture
def train(tiny_run: list[str], tmp_path: Path):
    """Train in this process: ``train("compression=[prune]") -> (Fitted, losses by step, folder)``."""
    import itertools

    from accel.config.compose import compose
    from accel.core.console import Console
    from accel.data.prepared import prepare
    from accel.plan.decide import decide
    from accel.report.metrics_file import read_metrics
    from accel.run.baseline import baseline
    from accel.run.fit import fit
    from accel.run.score import scorer

    numbers = itertools.count()

    def run(*overrides: str, checkpoint: Path | None = None, folder: Path | None = None):
        """``folder``: of an earlier call, to go on in."""
        plan = decide(compose([*tiny_run, *overrides]))
        data = prepare(plan.task.load(plan.seed), plan)
        folder = folder or tmp_path / f"fit{next(numbers)}"
        folder.mkdir(exist_ok=True)
        console = Console(None, silent=True)
        needs_baseline = any(t.needs_baseline for t in plan.techniques)
        teacher = baseline(plan, data, console, scorer(data)).folder if needs_baseline else None
        fitted = fit(plan, data, console, title="test", folder=folder, baseline=teacher, checkpoint=checkpoint)
        losses = dict(read_metrics(folder / "metrics.csv").get("train/loss", []))
        return fitted, losses, folder

    return run
