"""Ranks as threads around one store: what they agree on, in which order they go, and how they learn of a loss."""

import threading
import time
from pathlib import Path

import pytest
from torch.distributed import HashStore

from accel.errors import DiskError, ExitCode, LostError, RunError
from accel.process.rank_info import RankInfo
from accel.process.ranks import Elsewhere
from accel.process.rendezvous import ENDED, Together, meet


def together(work, *, nodes=1, local=2, timeout_s=5.0):
    """What ``work(ranks)`` returned or raised, by rank."""
    store, results = HashStore(), {}

    def rank(number):
        place = RankInfo(number, nodes * local, number % local, local, number // local, "torchrun")
        try:
            results[number] = work(Together(place, store, timeout_s))
        except Exception as error:
            results[number] = error

    threads = [threading.Thread(target=rank, args=(n,)) for n in range(nodes * local)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return [results[n] for n in range(nodes * local)]


def test_all_take_the_folder_of_rank_0():
    assert together(lambda ranks: ranks.agree("folder", f"/run{ranks.place.rank}")) == ["/run0"] * 2


def test_the_least_of_what_the_first_of_each_machine_says_is_taken_by_all():
    said = {0: 7.5, 1: 1.0, 2: 3.25, 3: 0.5}  # ranks 1 and 3 are not the first of their machines
    assert together(lambda ranks: ranks.least("room", said[ranks.place.rank]), nodes=2) == [3.25] * 4


def test_the_first_of_each_machine_goes_first():
    made = {}

    def work(ranks):
        with ranks.after_leader("ready"):
            if ranks.place.leads_node:
                time.sleep(0.3)
                made[ranks.place.node_rank] = True
            return made.get(ranks.place.node_rank)

    assert together(work, nodes=2) == [True] * 4


def test_a_long_wait_for_one_who_works_is_no_loss():
    def work(ranks):
        if ranks.place.rank == 0:
            time.sleep(2.5)
        ranks.gather()
        return "here"

    assert together(work, timeout_s=1.0) == ["here"] * 2


def test_one_who_is_silent_is_lost(monkeypatch):
    """The same wait without a beating heart ends."""
    monkeypatch.setattr(Together, "_beat", lambda self, store: None)

    def work(ranks):
        if ranks.place.rank == 0:
            time.sleep(2.5)
        ranks.gather()

    error = together(work, timeout_s=1.0)[1]
    assert isinstance(error, LostError)
    assert "Rank 0 has not answered for strategy.timeout_s=1.0 s" in str(error)


def test_no_thread_outlives_the_run():
    """One that comes back from torch's store while Python ends takes the whole process with it (SIGABRT)."""

    def work(ranks):
        assert ranks._heart.is_alive()
        return ranks.leave(ExitCode.DONE, together=True), ranks._heart.is_alive()

    assert together(work) == [(ExitCode.DONE, False)] * 2


def test_one_who_fails_is_heard_by_those_who_wait():
    def work(ranks):
        if ranks.place.rank == 1:
            ranks.failed("out of memory")
            return ranks.leave(ExitCode.FAILED, together=False)
        return ranks.gather()

    found = together(work)
    assert "Rank 1: out of memory" in str(found[0])
    assert found[1] == 3


def test_all_end_as_rank_0_does():
    def work(ranks):
        leads = ranks.place.leads
        if leads:
            time.sleep(0.3)
        return ranks.leave(ExitCode.FAILED if leads else ExitCode.DONE, together=True)

    assert together(work) == [3, 3]


def test_what_rank_0_said_before_it_ended_is_heard():
    """It says why and ends while another, which has just found nothing said, looks whether it has ended."""
    store = HashStore()

    class AtTheWorstMoment:
        def check(self, keys):
            found = store.check(keys)
            if keys == ["accel/agreed/why"] and not found:
                store.set("accel/agreed/why", "no common disk")
                store.set(ENDED, "2")
            return found

        def __getattr__(self, name):
            return getattr(store, name)

    waits = Together(RankInfo(1, 2, 1, 2, 0, "torchrun"), store, 5.0)
    waits.store = AtTheWorstMoment()
    assert waits.agree("why", "") == "no common disk"
    with pytest.raises(Elsewhere):
        waits.agree("what else", "")
    waits._rest()


def test_one_who_waits_hears_that_rank_0_has_ended():
    def work(ranks):
        if ranks.place.leads:
            return ranks.leave(ExitCode.REFUSED, together=False)
        return ranks.agree("never", "")

    found = together(work)[1]
    assert isinstance(found, Elsewhere)
    assert found.exit_code == 2


@pytest.mark.parametrize("theirs", [None, b"older", "same"])
def test_a_file_reaches_every_machine(tmp_path, theirs, monkeypatch):
    monkeypatch.setattr("accel.process.rendezvous.CHUNK_BYTES", 1000)
    content = bytes(range(256)) * 10

    def work(ranks):
        folder = tmp_path / str(ranks.place.node_rank)  # a disk for each machine
        folder.mkdir(exist_ok=True)
        file = folder / "last.ckpt"
        if ranks.place.rank == 0:
            file.write_bytes(content)
        elif ranks.place.leads_node and theirs is not None:
            file.write_bytes(content if theirs == "same" else theirs)
        ranks.deliver(file)
        return file.read_bytes() == content

    assert together(work, nodes=2) == [True] * 4
    assert [f.name for f in (tmp_path / "1").iterdir()] == ["last.ckpt"]


@pytest.mark.parametrize("theirs", [None, "file", "older"])
def test_a_folder_reaches_every_machine(tmp_path, theirs):
    """As fsdp leaves its checkpoint; whatever an earlier run left on the other machine."""
    content = {"rank0.safetensors": b"zero" * 100, "rank1.safetensors": b"one", "manifest.json": b"{}"}

    def work(ranks):
        folder = tmp_path / str(ranks.place.node_rank) / "last.ckpt"
        if ranks.place.rank == 0:
            folder.mkdir(parents=True)
            for name, text in content.items():
                (folder / name).write_bytes(text)
        elif ranks.place.leads_node and theirs is not None:
            (folder if theirs == "older" else folder.parent).mkdir(parents=True)
            (folder / "rank1.safetensors" if theirs == "older" else folder).write_bytes(b"old")
        ranks.deliver(folder)
        return {file.name: file.read_bytes() for file in folder.iterdir()} == content

    assert together(work, nodes=2) == [True] * 4


def test_a_file_takes_the_place_of_a_folder(tmp_path):
    def work(ranks):
        file = tmp_path / str(ranks.place.node_rank) / "last.ckpt"
        if ranks.place.rank == 0:
            file.parent.mkdir()
            file.write_bytes(b"new")
        elif ranks.place.leads_node:
            file.mkdir(parents=True)
        ranks.deliver(file)
        return file.read_bytes()

    assert together(work, nodes=2) == [b"new"] * 4


@pytest.mark.parametrize("disks", [1, 2])
def test_a_machine_that_does_not_see_the_folder_is_refused_on_all(tmp_path, monkeypatch, disks):
    """Negative control: one disk."""
    folder, exists = tmp_path / "run", Path.exists
    folder.mkdir()
    elsewhere = threading.local()
    monkeypatch.setattr(Path, "exists", lambda path: not getattr(elsewhere, "is_so", False) and exists(path))

    def work(ranks):
        elsewhere.is_so = disks == 2 and ranks.place.node_rank == 1
        return ranks.share(folder)

    refused = [isinstance(end, DiskError) and "strategy.node_rank=1 has" in str(end) for end in together(work, nodes=2)]
    assert refused == [disks == 2] * 4
    assert not any(folder.iterdir())


def test_a_store_that_does_not_answer_is_a_loss():
    """And is not asked again: each question would wait as long."""
    ranks, asked = Together(RankInfo(0, 2, 0, 2, 0), HashStore(), 0.2), []
    assert ranks._ask(lambda: 5) == 5
    for question in (lambda: time.sleep(1), lambda: asked.append(1)):
        with pytest.raises(LostError, match=r"no answer within strategy\.timeout_s"):
            ranks._ask(question)
    assert not asked


def test_last_words_are_not_waited_for_as_long_as_work(monkeypatch):
    """Where the others are cut off nobody says anything, and nobody hears."""
    monkeypatch.setattr("accel.process.rendezvous.LAST_WORD_S", 0.1)

    class CutOff(HashStore):
        def check(self, keys):
            time.sleep(30)

        def compare_set(self, *args):
            time.sleep(30)

    ranks = Together(RankInfo(0, 2, 0, 2, 0), CutOff(), 20)
    start = time.monotonic()
    assert ranks.first_failure() is None
    ranks.failed("out of memory")
    assert time.monotonic() - start < 10


def test_those_who_do_not_come_are_missed(monkeypatch):
    from accel.process.launch import _free_port

    for variable in RankInfo().variables("", 0):
        monkeypatch.setenv(variable, "")
    monkeypatch.setenv("GLOO_SOCKET_IFNAME", "lo")
    with pytest.raises(RunError, match=r"The 2 processes of this run did not meet at 127\.0\.0\.1:\d+ within"):
        meet(RankInfo(0, 2, 0, 2, 0), "127.0.0.1", _free_port(), 1)
