"""An aggregator and its owners as processes of their own, any of which is killed with -9, or on two hosts that are cut apart.

A process that is stopped (SIGSTOP) holds a round open, so that a kill comes when it should.
"""

import json
import os
import signal
import subprocess
import sys
from contextlib import suppress

import psutil
import pytest

from accel.federated.remote import FILE
from accel.federated.secret import VARIABLE
from accel.report.record import read_record
from tests.conftest import write_tiny_csv
from tests.federated.fake_owner import SECRET, free_port
from tests.run_folder import wait_for
from tests.two_hosts import TwoHosts, missing

REASON = missing()
pytestmark = pytest.mark.slow

ACCEL = [sys.executable, "-m", "accel", "federate"]
WORDS = ["task=text_classification", "model=tiny_bert", "tracker=none", "engines=[eager]", "trainer.batch_size=8",
         "trainer.batch_tokens=null", "trainer.precision=fp32", "rounds=3"]  # fmt: skip
TIMEOUT_S = 600


class Parts:
    """Processes by name, with what they printed; gone on leaving."""

    def __init__(self, folder):
        self.folder = folder
        self.running = {}

    def __enter__(self):
        return self

    def __exit__(self, *error):
        for name in self.running:
            self.kill_whole(name)

    def start(self, name, words, host=None):
        """Here, or on a host."""
        if host is not None:
            self.running[name] = host.start([*ACCEL, *words], self.log(name))
            return
        with self.log(name).open("wb") as file:
            self.running[name] = subprocess.Popen([*ACCEL, *words], stdout=file, stderr=file)

    def log(self, name):
        return self.folder / f"{name}.txt"

    def wait(self, condition):
        """Fails with all that was printed."""
        try:
            return wait_for(condition, TIMEOUT_S)
        except AssertionError:
            raise AssertionError({name: self.log(name).read_text() for name in self.running}) from None

    def says(self, name, text):
        self.wait(lambda: text in self.log(name).read_text())

    def ends(self, name):
        assert self.running[name].wait(TIMEOUT_S) == 0, self.log(name).read_text()

    def kill_whole(self, name):
        """With the processes that it started."""
        process = self.running[name]
        with suppress(psutil.NoSuchProcess):
            for child in psutil.Process(process.pid).children(recursive=True):
                child.kill()
        process.kill()
        process.wait()

    def kill(self, name, number=signal.SIGKILL):
        os.kill(self.running[name].pid, number)


@pytest.fixture
def parts(tmp_path, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv(VARIABLE, SECRET.decode())
    with Parts(tmp_path) as found:
        yield found


@pytest.fixture
def data(tmp_path):
    return write_tiny_csv(tmp_path / "tiny.csv")


def serve(address, data, where, **strategy):
    settings = [f"strategy.{name}={value}" for name, value in strategy.items()]
    return ["serve", address, *WORDS, f"task.train={data}", where, *settings]


def join(address, name, data, record):
    return ["join", address, "--name", name, "--wait-s", str(TIMEOUT_S), "--record", str(record), f"task.train={data}"]


def test_an_owner_that_is_killed_in_mid_round_is_named_and_the_round_goes_on(parts, data, tmp_path):
    address, folder = f"127.0.0.1:{free_port()}", tmp_path / "run"
    parts.start("aggregator", serve(address, data, f"hydra.run.dir={folder}", clients=2, rounds=2, local_steps=1))
    parts.start("north", join(address, "north", data, tmp_path / "north.json"))
    parts.says("north", "Joined")
    parts.kill("north", signal.SIGSTOP)
    parts.start("south", join(address, "south", data, tmp_path / "south.json"))
    parts.says("south", "Round 0: loss")
    parts.kill("north")
    parts.ends("aggregator")
    parts.ends("south")
    rounds = rounds_of(folder)
    assert [list(line["bytes_up"]) for line in rounds] == [["south"], ["south"]]
    assert "north" in rounds[0]["left_out"]
    assert read_record(folder)["federation"]["rounds"] == 2
    assert json.loads((tmp_path / "south.json").read_text())["rounds"] == [0, 1]


@pytest.mark.full
def test_an_aggregator_that_is_killed_goes_on_from_its_last_round_with_owners_that_waited(parts, data, tmp_path):
    address, folder = f"127.0.0.1:{free_port()}", tmp_path / "run"
    words = serve(address, data, f"hydra.run.dir={folder}", clients=2, rounds=4, local_steps=1)
    parts.start("aggregator", [*words, "trainer.checkpoint_every_steps=1"])
    for name in ("north", "south"):
        parts.start(name, join(address, name, data, tmp_path / f"{name}.json"))
    parts.says("north", "Round 2: loss")
    parts.kill_whole("aggregator")
    assert read_record(folder)["status"] == "running"  # negative control: nothing was told of the end
    parts.start("again", [*words, "trainer.checkpoint_every_steps=1", f"resume={folder}"])
    for name in ("again", "north", "south"):
        parts.ends(name)
    rounds = rounds_of(folder)
    assert [sorted(line["bytes_up"]) for line in rounds] == [["north", "south"]] * len(rounds)
    assert sorted({line["round"] for line in rounds}) == [0, 1, 2, 3]
    assert len(rounds) <= 5  # at most the round in which it was killed is done again
    record = read_record(folder)
    assert (record["status"], record["federation"]["rounds"]) == ("finished", 4)


@pytest.mark.full
@pytest.mark.skipif(REASON is not None, reason=str(REASON))
def test_an_owner_on_another_host_that_is_cut_off_is_left_out_and_let_in_again(parts, data, tmp_path):
    with TwoHosts(tmp_path) as two:
        (here, there), folder = two.hosts, tmp_path / "run"
        address = f"{here.address}:7070"
        words = serve(address, data, f"hydra.run.dir={folder}", clients=2, rounds=400, local_steps=1, answer_s=5)
        parts.start("aggregator", words, here)
        parts.start("north", join(address, "north", data, tmp_path / "north.json"), here)
        parts.start("south", join(address, "south", data, tmp_path / "south.json"), there)
        parts.says("south", "Round 2: loss")
        two.unplug()
        parts.says("aggregator", "south is left out")
        two.plug()
        cut = rounds_of(folder)
        parts.wait(lambda: any("south" in line["bytes_up"] for line in rounds_of(folder)[len(cut) :]))
        parts.wait(lambda: parts.running["aggregator"].poll() is not None)
        for name in ("aggregator", "north", "south"):
            parts.ends(name)
    rounds = rounds_of(folder)
    alone = [line["round"] for line in rounds if "south" not in line["bytes_up"]]
    assert alone
    assert [line["round"] for line in rounds] == list(range(400))
    assert all("north" in line["bytes_up"] for line in rounds)


def rounds_of(folder):
    """What the aggregator wrote of each round."""
    return [json.loads(line) for line in (folder / FILE).read_text().splitlines()]
