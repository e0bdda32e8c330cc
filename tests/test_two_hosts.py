"""A run on two machines, each with an address and a disk of its own; the cable between them is cut in the middle.

Needs root and ``ip``: the machines are network namespaces.
"""

import sys
import time

import psutil
import pytest

from accel.checkpoint.atomic import LAST
from accel.checkpoint.sharded import step_of
from accel.report.record import read_record
from tests.conftest import write_tiny_csv
from tests.forked_ranks import run_ranks
from tests.run_folder import digest_of_model, steps_of
from tests.two_hosts import DISK, TwoHosts, missing

REASON = missing()
pytestmark = [pytest.mark.slow, pytest.mark.skipif(REASON is not None, reason=str(REASON))]

STEPS, TIMEOUT_S, GRACE_S = 120, 20, 40
PORT = 29517
"""Of the first host: nobody else is there."""


@pytest.fixture
def words(tmp_path):
    return [
        "task=text_classification",
        f"task.train={write_tiny_csv(tmp_path / 'tiny.csv')}",
        "model=tiny_bert",
        "tracker=none",
        "engines=[eager]",
        f"trainer.max_steps={STEPS}",
        "trainer.batch_size=16",
        "trainer.batch_tokens=null",
        "trainer.precision=fp32",
        "rounds=3",
        "trainer.checkpoint_every_steps=10",
        f"strategy.timeout_s={TIMEOUT_S}",
    ]


@pytest.fixture
def hosts(tmp_path, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # two processes of one machine share its cores, and two hosts do not
    with TwoHosts(tmp_path) as two:
        yield two


class Together:
    """The same command on both hosts, each of which has one of the processes."""

    def __init__(self, hosts, words, folder=f"{DISK}/run"):
        where = [f"hydra.run.dir={folder}", f"cache={DISK}/cache", "strategy.nodes=2", "strategy.processes=1"]
        where.append(f"strategy.rendezvous={hosts.hosts[0].address}:{PORT}")
        self.logs = [host.disk / "printed.txt" for host in hosts.hosts]
        self.parents = [
            host.start([sys.executable, "-m", "accel", *words, *where, f"strategy.node_rank={rank}"], log)
            for rank, (host, log) in enumerate(zip(hosts.hosts, self.logs, strict=True))
        ]

    def __enter__(self):
        return self

    def __exit__(self, *error):
        for process in self.everyone():
            process.kill()
        for parent in self.parents:
            parent.wait()

    def everyone(self):
        """All processes that are still there."""
        found = []
        for parent in self.parents:
            if parent.poll() is None:
                process = psutil.Process(parent.pid)
                found += [process, *process.children(recursive=True)]
        return found

    def codes(self, timeout_s):
        return [parent.wait(timeout_s) for parent in self.parents]

    def printed(self):
        return [log.read_text() for log in self.logs]


def weights(folder):
    from safetensors.torch import load_file

    return load_file(folder / "model" / "model.safetensors")


@pytest.fixture
def alone(tmp_path):
    """``alone(words, folder)``: the same as two processes of this machine."""

    def run(words, folder):
        where = [f"hydra.run.dir={folder}", f"cache={tmp_path / 'cache'}"]
        assert run_ranks([*words, *where], tmp_path).record(folder)["status"] == "finished"
        return folder

    return run


def test_one_that_is_cut_off_ends_on_both_goes_on_later_and_trains_what_two_processes_train(
    words, hosts, alone, tmp_path
):
    words = [*words, "strategy=ddp"]
    first, second = (host.disk / "run" for host in hosts.hosts)
    with Together(hosts, words) as both:
        deadline = time.monotonic() + 240
        while steps_of(first) < 25:
            assert time.monotonic() < deadline, both.printed()
            time.sleep(0.02)
        hosts.unplug()
        start, ranks = time.monotonic(), both.everyone()
        codes = both.codes(TIMEOUT_S + GRACE_S)
        print(f"\ncut off after step {steps_of(first)}: gone after {time.monotonic() - start:.1f} s, codes {codes}")
        assert 0 not in codes
        assert not psutil.wait_procs(ranks, timeout=30)[1]
    record, printed = read_record(first), both.printed()
    assert record["status"] == "failed"
    assert f"resume={DISK}/run" in record["error"]
    for said in printed:
        assert "Traceback" not in said
    assert "lost" in printed[0] or "gone or does not answer" in printed[0]
    assert "rank 0, whose machine has the checkpoints" in printed[1]
    hosts.plug()
    with Together(hosts, [*words, f"resume={DISK}/run"]) as both:
        assert both.codes(240) == [0, 0], both.printed()
    assert not (second / "model").exists()
    assert digest_of_model(first) == digest_of_model(alone(words, tmp_path / "alone"))


@pytest.mark.full
def test_parts_of_a_checkpoint_need_a_common_disk(words, hosts, tmp_path):
    """Without one it is refused before any cost; negative control: with one it trains, and is whole."""
    words = [*words, "strategy=fsdp"]
    with Together(hosts, words) as both:
        assert both.codes(120) == [2, 2], both.printed()
    for said in both.printed():
        assert "with strategy.node_rank=1 has on a disk of its own" in said
        assert "Traceback" not in said
    first = hosts.hosts[0].disk / "run"
    assert read_record(first)["status"] == "refused"
    assert not (first / "checkpoints").exists()
    common = tmp_path / "common"
    with Together(hosts, words, common) as both:
        assert both.codes(240) == [0, 0], both.printed()
    assert (common / "checkpoints" / LAST / "rank1.safetensors").is_file()


@pytest.mark.full
def test_what_one_host_saved_in_parts_goes_on_on_both(words, hosts, alone):
    """The second host has nothing of it: all of its files are sent."""
    words = [*words, "trainer.precision=fp64", "trainer.checkpoint_every_steps=50"]
    folder = hosts.hosts[0].disk / "run"
    alone([*words, "strategy=fsdp"], folder)
    assert step_of(folder / "checkpoints" / LAST) == 100
    expected = weights(folder)
    (folder / "model" / "model.safetensors").unlink()
    with Together(hosts, [*words, "strategy=ddp", f"resume={DISK}/run"]) as both:
        assert both.codes(240) == [0, 0], both.printed()
    assert (hosts.hosts[1].disk / "run" / "checkpoints" / LAST / "rank1.safetensors").is_file()
    found = weights(folder)
    assert max(float((expected[name] - found[name]).abs().max()) for name in expected) < 1e-6
