"""Offline means that no packet leaves the machine, of whatever process or library: seen on a host with a deaf cable."""

import sys
from pathlib import Path

import pytest

import accel.config.compose as compose_module
from tests.conftest import tiny_words, write_tiny_csv
from tests.lone_host import LoneHost
from tests.two_hosts import missing

REASON = missing()
pytestmark = [pytest.mark.slow, pytest.mark.skipif(REASON is not None, reason=str(REASON))]
TRACKERS = sorted(file.stem for file in Path(compose_module.conf_dir(), "tracker").glob("*.yaml"))
LOOK_UP = "import socket\ntry: socket.getaddrinfo('example.invalid', 80)\nexcept OSError: pass"
CONNECT = (
    "import socket\ns = socket.socket(); s.settimeout(0.2)\ntry: s.connect(('192.0.2.1', 80))\nexcept OSError: pass"
)
LOUD = (
    "import sys, wandb\nrun = wandb.init(project='p', mode='offline', dir=sys.argv[1])\nrun.log({'a': 1})\nrun.finish()"
)


@pytest.fixture
def host(tmp_path):
    with LoneHost(tmp_path) as lone:
        yield lone


@pytest.mark.parametrize("program", [LOOK_UP, CONNECT, LOUD], ids=["look-up", "connection", "wandb as it comes"])
def test_what_leaves_is_seen(host, program, tmp_path):
    """Negative control."""
    host.call([sys.executable, "-c", program, str(tmp_path)])
    assert host.packets()


def test_there_are_trackers():
    assert {"none", "csv", "tensorboard", "wandb"} <= set(TRACKERS)


@pytest.fixture
def words(tmp_path):
    run = [word for word in tiny_words(write_tiny_csv(tmp_path / "tiny.csv")) if "tracker" not in word]
    return [*run, f"cache={tmp_path / 'cache'}"]


@pytest.mark.fault("X8")
def test_a_run_looks_nothing_up(host, words, tmp_path):
    """With the tracker that has most to tell; the jobs of the sweep below have all of them."""
    command = [sys.executable, "-m", "accel", *words, "tracker=wandb", f"hydra.run.dir={tmp_path / 'run'}"]
    done = host.call(["env", "--chdir", str(tmp_path), *command])
    assert done.returncode == 0, done.stdout + done.stderr
    assert host.packets() == []


@pytest.mark.fault("X8")
@pytest.mark.parametrize("command", [["--help"], ["check"], ["matrix"]], ids=" ".join)
def test_nor_do_the_commands_that_run_nothing(host, command):
    assert host.call([sys.executable, "-m", "accel", *command]).returncode == 0
    assert host.packets() == []


@pytest.mark.fault("X8")
def test_nor_does_a_sweep(host, words, tmp_path):
    grid = [f"tracker={','.join(TRACKERS)}", f"hydra.sweep.dir={tmp_path / 'sweep'}"]
    done = host.call(["env", "--chdir", str(tmp_path), sys.executable, "-m", "accel", "-m", *words, *grid])
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(list(tmp_path.glob("sweep/*/result.json"))) == len(TRACKERS)
    assert host.packets() == []
