import sys
import time

import pytest

from tests.forked_ranks import in_forks, run_ranks


def test_a_run_that_fails_is_no_record(tiny_run, tmp_path):
    """Negative control of every test that compares records: the processes' own end is looked at, and what they said."""
    done = run_ranks([*tiny_run, "strategy=tensor_parallel", "privacy=dpsgd"], tmp_path)
    assert done.codes == [2, 2]
    assert "each process computes only its own part" in done.output
    with pytest.raises(AssertionError, match="computes only its own part"):
        done.record(tmp_path / "run")


def test_processes_that_wait_for_ever_are_ended(tiny_run, tmp_path, monkeypatch):
    monkeypatch.setattr("tests.forked_ranks.TIMEOUT_S", 3)
    assert any(run_ranks([*tiny_run, "strategy=ddp", "trainer.max_steps=1000000"], tmp_path).codes)


def test_who_is_left_behind_by_one_that_failed_is_ended_too(monkeypatch):
    monkeypatch.setattr("tests.forked_ranks.LEFT_BEHIND_S", 1)
    begun = time.monotonic()
    assert in_forks(_end, [(0.0, 3), (60.0, 0)], timeout_s=60) == [3, -9]
    assert time.monotonic() - begun < 40


def _end(after_s, code):
    time.sleep(after_s)
    sys.exit(code)
