"""Which process of which run: by the variables that torchrun and srun really set."""

import socket
import subprocess
import sys

import pytest

from accel.errors import ConfigError
from accel.process.rank_info import RankInfo, address_in_slurm, address_of, interface_towards

TORCHRUN = {"RANK": "3", "LOCAL_RANK": "1", "WORLD_SIZE": "4", "LOCAL_WORLD_SIZE": "2", "GROUP_RANK": "1"}
SRUN = {
    "SLURM_PROCID": "4", "SLURM_LOCALID": "0", "SLURM_NODEID": "2", "SLURM_STEP_NUM_TASKS": "5",
    "SLURM_STEP_TASKS_PER_NODE": "2(x2),1", "SLURM_STEP_NODELIST": "node[7-9]", "SLURM_JOB_ID": "12",
    "SLURM_STEP_ID": "0",
}  # fmt: skip


def test_a_process_alone():
    assert RankInfo.of_environment({}) == RankInfo(0, 1, 0, 1, 0, "")
    batch_script = {"SLURM_PROCID": "0", "SLURM_LOCALID": "0", "SLURM_NODEID": "0", "SLURM_NTASKS": "4"}
    assert RankInfo.of_environment(batch_script).launcher == ""
    assert RankInfo.of_environment({**SRUN, "SLURM_STEP_NUM_TASKS": "1"}).launcher == ""
    assert RankInfo.of_environment({"WORLD_SIZE": "8"}).launcher == ""


def test_one_of_torchrun_and_one_of_accel():
    place = RankInfo.of_environment(TORCHRUN)
    assert place == RankInfo(3, 4, 1, 2, 1, "torchrun")
    assert not place.leads
    assert not place.leads_node
    assert RankInfo.of_environment({**TORCHRUN, "ACCEL_PARENT": "1"}).launcher == "accel"
    assert RankInfo.of_environment(place.variables("host", 1)) == place


def test_one_of_srun():
    place = RankInfo.of_environment(SRUN)
    assert place == RankInfo(4, 5, 0, 1, 2, "srun")
    assert place.leads_node
    assert not place.leads
    assert RankInfo.of_environment({**SRUN, **TORCHRUN}).launcher == "torchrun"  # srun started torchrun


@pytest.mark.parametrize(
    ("text", "parts"), [("10.0.0.1:29500", ("10.0.0.1", 29500)), ("[fe80::1]:1", ("fe80::1", 1)), ("n:65535", ("n", 65535))]
)  # fmt: skip
def test_an_address_has_a_host_and_a_port(text, parts):
    assert address_of(text) == parts


@pytest.mark.parametrize("text", ["-", "host", "host:", ":1", "host:0", "host:65536", "host:port", "host:-1"])
def test_what_is_no_address(text):
    with pytest.raises(ValueError, match=text):
        address_of(text)


def test_the_tasks_of_a_step_meet_at_its_first_node(monkeypatch):
    answers = {"hostnames": "localhost\nelsewhere\n", "-o": "NodeName=n7 NodeAddr=10.1.2.3 NodeHostName=n7\n"}
    monkeypatch.setattr("accel.process.rank_info._scontrol", lambda *words: answers[words[1]])
    assert address_in_slurm(SRUN) == ("localhost", 15000 + 12 * 31)
    answers["hostnames"] = "n7\n"

    def unknown(*_):
        raise OSError

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    assert address_in_slurm(SRUN)[0] == "10.1.2.3"
    assert address_in_slurm({**SRUN, "MASTER_ADDR": "x", "MASTER_PORT": "7"}) == ("x", 7)


def test_a_step_whose_first_node_cannot_be_found(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(ConfigError, match=r"strategy\.rendezvous=HOST:PORT"):
        address_in_slurm(SRUN)


def test_the_interface_that_leads_there():
    name = interface_towards("127.0.0.1", 1)
    assert name in {n for _, n in socket.if_nameindex()}
    assert name.startswith("lo")
    assert interface_towards("no.such.host.invalid", 1) is None


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process of its parent's death")
def test_a_process_ends_with_its_parent():
    """The grandchild waits; its parent is killed; a control that does not ask to be told lives on."""
    child = "import os, sys; from accel.process.rank_info import end_with; {call}; print(os.getpid(), flush=True); sys.stdin.read()"
    parent = "import subprocess, sys; subprocess.run([sys.executable, '-c', sys.argv[1]])"
    ended = []
    for call in ("end_with(os.getppid())", "pass"):
        process = subprocess.Popen(
            [sys.executable, "-c", parent, child.format(call=call)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert process.stdout is not None
        process.stdout.readline()
        process.kill()
        reader = subprocess.Popen(["cat"], stdin=process.stdout, stdout=subprocess.DEVNULL)
        try:
            reader.wait(1.5)  # the pipe closes when nobody holds it any more
            ended.append(True)
        except subprocess.TimeoutExpired:
            ended.append(False)
        assert process.stdin is not None
        process.stdin.close()
        reader.wait(10)
        process.wait()
        process.stdout.close()
    assert ended == [True, False]
