import pytest

from tests.forked_ranks import run_ranks


def test_a_run_that_fails_is_no_record(tiny_run, tmp_path):
    """Negative control of every test that compares records: the processes' own end is looked at, and what they said."""
    done = run_ranks([*tiny_run, "strategy=fsdp", "privacy=dpsgd"], tmp_path)
    assert done.codes == [2, 2]
    assert "each process holds only a part of it" in done.output
    with pytest.raises(AssertionError, match="holds only a part of it"):
        done.record(tmp_path / "run")


def test_processes_that_wait_for_ever_are_ended(tiny_run, tmp_path, monkeypatch):
    monkeypatch.setattr("tests.forked_ranks.TIMEOUT_S", 3)
    assert any(run_ranks([*tiny_run, "strategy=ddp", "trainer.max_steps=1000000"], tmp_path).codes)
