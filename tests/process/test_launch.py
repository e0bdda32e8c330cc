"""Processes of one machine end together; they are small programs here, and real runs in test_kill_ranks.py."""

import json
import os
import signal
import sys
import threading
import time

import pytest

from accel.errors import ConfigError, ExitCode
from accel.process import launch
from accel.process.launch import Processes
from accel.strategy.ddp import Ddp

SLEEP = "import time; time.sleep(30)"
DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(30)"


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(launch, "GRACE_S", 0.2)
    monkeypatch.setattr(launch, "STOP_S", 0.8)


def run(*programs):
    """(exit code, reason, seconds)."""
    start = time.monotonic()
    with Processes() as processes:
        for rank, program in enumerate(programs):
            processes.start(rank, [sys.executable, "-c", program], os.environ)
        code = processes.wait()
    return code, processes.reason(), time.monotonic() - start


def test_all_well():
    assert run("pass", "pass")[:2] == (0, None)


def test_one_that_fails_ends_the_others_even_deaf_ones():
    for other in (SLEEP, DEAF):
        code, reason, seconds = run(other, "raise SystemExit(3)")
        assert (code, reason) == (3, None)
        assert seconds < 15


@pytest.mark.parametrize("rank", [0, 1])
def test_one_that_is_killed_is_named(rank):
    programs = [SLEEP, SLEEP]
    programs[rank] = "import os; os.kill(os.getpid(), 9)"
    code, reason, seconds = run(*programs)
    assert code == ExitCode.FAILED
    assert reason.startswith(f"Rank {rank} was ended by SIGKILL")
    assert seconds < 15


def test_one_that_hangs_is_not_waited_for():
    assert run("import os; os.kill(os.getpid(), 19)", "raise SystemExit(3)")[2] < 15


def test_negative_control_without_supervision_the_others_stay(monkeypatch):
    monkeypatch.setattr(Processes, "_end_the_others", lambda self: None)
    assert run("import time; time.sleep(2)", "raise SystemExit(3)")[2] > 2


def test_negative_control_nobody_fails_and_nobody_is_ended():
    code, _, seconds = run("import time; time.sleep(2)", "pass")
    assert code == 0
    assert seconds > 2


def test_the_leader_says_how_it_ended_unless_somebody_was_stopped():
    assert run("raise SystemExit(2)", "raise SystemExit(3)")[0] == 2
    assert run("raise SystemExit(3)", "import os; os.kill(os.getpid(), 15)")[0] == 143


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_is_passed_on(number, code):
    before = signal.getsignal(number)
    program = "import signal, time; signal.signal(signal.SIGINT, signal.SIG_DFL); time.sleep(30)"
    timer = threading.Timer(1.0, os.kill, (os.getpid(), number))
    timer.start()
    assert run(program, program)[:2] == (code, None)
    assert signal.getsignal(number) is before


def test_several_machines_have_to_be_told_apart():
    with pytest.raises(ConfigError, match=r"strategy\.node_rank=0 to 1"):
        launch.launch(Ddp(nodes=2), None, [])
    assert launch._meeting_point(Ddp(nodes=2, node_rank=1, rendezvous="a:5")) == (1, "a", 5)
    assert launch._meeting_point(Ddp())[1] == "127.0.0.1"


def test_a_record_that_nobody_ended_is_ended(tmp_path, capsys):
    file = tmp_path / "result.json"
    file.write_text(json.dumps({"status": "running", "error": None}))
    launch._note_end(tmp_path, 3, "Rank 1 was ended by SIGKILL.")
    assert json.loads(file.read_text())["status"] == "failed"
    assert "start it again" in capsys.readouterr().err
    file.write_text(json.dumps({"status": "finished", "error": None}))
    launch._note_end(tmp_path, 0, None)
    assert json.loads(file.read_text())["status"] == "finished"
