from pathlib import Path

import pytest

from accel.config.compose import compose, plain
from accel.plan.decide import assemble
from accel.run.state import RunState


def state(folder: Path, *words: str) -> RunState:
    config = compose(["model=tiny_bert", *words])
    return RunState(assemble(config), plain(config), folder, words)


def test_a_folder_has_one_id_however_often_a_run_goes_on_in_it(tmp_path: Path):
    assert state(tmp_path).run_id() == state(tmp_path).run_id()
    (tmp_path / "other").mkdir()
    assert state(tmp_path).run_id() != state(tmp_path / "other").run_id()


def test_a_tracker_is_told_the_choices_and_what_kind_of_run_it_is(tmp_path: Path):
    told = state(tmp_path, "compression=[qat,prune]", "seed=7").info()
    assert told.job_type == "prune+qat"
    assert {"compression:prune", "compression:qat", "model:tiny_bert", "privacy:none"} <= set(told.tags)
    assert (told.config["seed"], told.config["compression"]) == (7, "prune+qat")
    assert state(tmp_path, "tuning=lora").info().job_type == "lora"


def test_every_phase_is_timed_by_its_name(tmp_path: Path):
    run = state(tmp_path)
    with run.timed("data"):
        pass
    assert list(run.record["timings"]) == ["data"]


def test_a_phase_that_is_stopped_is_timed_too(tmp_path: Path):
    run = state(tmp_path)
    with pytest.raises(KeyboardInterrupt), run.timed("fit"):
        raise KeyboardInterrupt
    assert list(run.record["timings"]) == ["fit"]
