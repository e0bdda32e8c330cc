"""What the queue says, from a squeue that prints what a real one did."""

import pytest

from accel.sweep.slurm_queue import state_of, states_of


@pytest.fixture
def squeue(tmp_path, monkeypatch):
    """``squeue(text, code)``: the next answer; ``squeue.asked()``: the words it was asked with."""
    program, asked = tmp_path / "squeue", tmp_path / "asked"
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")

    def answer(text, code=0):
        program.write_text(f"#!/bin/sh\necho \"$@\" > '{asked}'\nprintf '{text}'\nexit {code}\n")
        program.chmod(0o755)

    answer.asked = lambda: asked.read_text().split()
    return answer


def test_the_state_of_every_job_of_a_name(squeue):
    squeue("1_0 RUNNING\\n1_10 PENDING\\n7 OUT_OF_MEMORY\\n")
    assert states_of("accel-1") == {"1_0": "RUNNING", "1_10": "PENDING", "7": "OUT_OF_MEMORY"}
    assert {"--array", "--states=all", "--name=accel-1"} <= set(squeue.asked())


def test_no_answer_is_not_an_empty_queue(squeue, monkeypatch):
    squeue("")
    assert states_of("accel-1") == {}
    squeue("slurm_load_jobs error: Unable to contact slurm controller", 1)
    assert states_of("accel-1") is None
    monkeypatch.setenv("PATH", "/nowhere")
    assert states_of("accel-1") is None


def test_one_job(squeue):
    squeue("RUNNING\\n")
    assert state_of("12") == "RUNNING"
    squeue("", 1)
    assert state_of("12") is None
