"""A disk that is clearly too small is told before anything is trained; one that may do is tried."""

import shutil
from types import SimpleNamespace

import pytest

from accel.cli import main
from accel.config.compose import compose
from accel.core.shape import Shape
from accel.errors import RefusedError
from accel.plan.decide import decide
from accel.run import disk
from accel.run.disk import check_disk, written_by

VALUES = {"num_hidden_layers": 1, "hidden_size": 1000, "num_attention_heads": 1, "vocab_size": 988_000}
BILLION = Shape.from_config({**VALUES, "model_type": "llama", "intermediate_size": 2_666}, "config.json")


@pytest.fixture
def free(monkeypatch):
    """``free(5)``: so many GB are free, whatever the folder."""
    monkeypatch.setattr(disk, "shape_of", lambda model: BILLION)

    def gigabytes(number):
        monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=number * 1e9))

    return gigabytes


def plan(*words):
    return decide(compose(["model=tiny_bert", *words]))


def test_what_is_written():
    """A billion weights: two checkpoints of 12 bytes a weight and a model of 4; with adapters, 4 each."""
    assert BILLION.num_parameters == pytest.approx(1e9, rel=1e-3)
    assert written_by(plan(), BILLION) == pytest.approx(28e9, rel=1e-3)
    assert 12e9 < written_by(plan("tuning=lora"), BILLION) < 13e9


@pytest.mark.fault("R5")
def test_a_disk_that_is_too_small_is_refused_with_numbers(free, tmp_path):
    free(13)
    with pytest.raises(RefusedError, match=r"hydra\.run\.dir=.* has 13\.0 GB free.* about 28\.0 GB.*tuning=lora"):
        check_disk(plan(), tmp_path / "not" / "yet")
    check_disk(plan("tuning=lora"), tmp_path)
    free(15)  # negative control: it may do
    check_disk(plan(), tmp_path)


def test_so_is_the_cache_where_a_baseline_is_trained(free, tmp_path):
    free(8)
    with pytest.raises(RefusedError, match="cache=.* has 8"):
        check_disk(plan("tuning=lora", "compression=[distill]"), tmp_path)


def test_a_model_that_says_nothing_is_let_pass(free, monkeypatch, tmp_path):
    free(0)
    monkeypatch.setattr(disk, "shape_of", lambda model: None)
    check_disk(plan(), tmp_path)


def test_the_run_asks_before_it_trains(free, tiny_run, tmp_path, capsys):
    free(1)
    assert main(tiny_run) == 2
    assert "1.0 GB free" in capsys.readouterr().out
    assert not (tmp_path / "run" / "checkpoints").exists()
