import pytest

from accel.checkpoint.resume import (
    SPLITS,
    config_of,
    note_splits,
    require_same_model,
    require_same_splits,
)
from accel.cli import main
from accel.errors import DataError
from accel.report.record import read_record
from accel.task.text_classification import TextClassification

OLD = {
    "seed": 0,
    "model": {"_target_": "TinyBert", "width": 64},
    "privacy": {"_target_": "Dpsgd", "epsilon": 8.0},
    "compression": {"qat": {"_target_": "Qat", "spare": 0.3}},
    "tuning": {"_target_": "Full"},
    "engines": [],
}


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"seed": 1}, r"seed=1 \(it was 0\)"),
        ({"compression": {"qat": {"_target_": "Qat", "spare": 0.05}}}, r"compression.qat.spare=0.05 \(it was 0.3\)"),
        ({"compression": {}}, "compression.qat is gone"),
        ({"compression": {**OLD["compression"], "mask": {"_target_": "Mask"}}}, "compression.mask is new"),
        ({"tuning": {"_target_": "Lora", "rank": 8}}, r"tuning._target_=Lora \(it was Full\)"),
        ({"model": {"_target_": "TinyBert", "width": 32}}, r"model.width=32 \(it was 64\)"),
        ({"model": {"_target_": "TinyGpt2", "width": 64}}, r"model._target_=TinyGpt2 \(it was TinyBert\)"),
        ({"privacy": {"_target_": "Dpsgd", "epsilon": 80.0}}, r"privacy.epsilon=80.0 \(it was 8.0\)"),
        ({"privacy": None}, "privacy is gone"),
    ],
)
def test_another_model_is_refused(tmp_path, change, text):
    with pytest.raises(DataError, match=text):
        require_same_model(OLD, {**OLD, **change}, tmp_path)


@pytest.mark.parametrize(
    "change", [{}, {"engines": ["eager"]}, {"compression": {"qat": {"_target_": "Qat", "spare": 0.3, "newer": 1}}}]
)
def test_what_does_not_change_the_model_may_change(tmp_path, change):
    require_same_model(OLD, {**OLD, **change}, tmp_path)


def test_a_run_does_not_go_on_with_another_sparsity(tiny_run, tmp_path, capsys):
    """The checkpoint would load, and the record would claim what was never done. Negative control: the same goes on."""
    words = [*tiny_run, "compression=[mask]", "compression.mask.every_steps=1", "trainer.checkpoint_every_steps=4"]
    assert main(words) == 0
    kept = [(tmp_path / "run" / name).read_text() for name in ("config.yaml", "result.json")]
    assert main([*words, "compression.mask.sparsity=0.8", f"resume={tmp_path / 'run'}"]) == 2
    assert "compression.mask.sparsity=0.8 (it was 0.5)" in capsys.readouterr().err
    assert [(tmp_path / "run" / name).read_text() for name in ("config.yaml", "result.json")] == kept
    assert main([*words, f"resume={tmp_path / 'run'}", "trainer.max_steps=10"]) == 0
    assert read_record(tmp_path / "run")["status"] == "finished"


def test_a_run_that_was_killed_before_it_wrote_its_settings_has_none(tmp_path):
    assert config_of(tmp_path) is None
    (tmp_path / "config.yaml").write_text("")
    assert config_of(tmp_path) is None
    (tmp_path / "config.yaml").write_text("seed: [")
    assert config_of(tmp_path) is None


def task(**settings):
    return TextClassification(train="train.csv", **settings)


def test_splits_that_would_come_out_otherwise_are_refused(tmp_path):
    note_splits(task(), tmp_path)
    require_same_splits(task(max_length=16), tmp_path, "resume=x")
    for change in ({"test_fraction": 0.3}, {"validation": "v.csv"}):
        with pytest.raises(DataError, match=r"resume=x: its splits would come out otherwise .*, it was 0\.\d\)"):
            require_same_splits(task(**change), tmp_path, "resume=x")


def test_a_run_of_which_a_shuffle_drew_the_splits_does_not_go_on(tmp_path):
    """It left no note. Where both splits have files nothing was drawn."""
    with pytest.raises(DataError, match="it was a shuffle.*start a new run without resume"):
        require_same_splits(task(), tmp_path, "resume=x")
    with pytest.raises(DataError, match="it was a shuffle"):
        require_same_splits(task(test="t.csv"), tmp_path, "resume=x")
    require_same_splits(task(test="t.csv", validation="v.csv"), tmp_path, "resume=x")


def test_a_run_without_its_note_is_neither_resumed_nor_attacked(tiny_run, tmp_path, capsys):
    folder = tmp_path / "run"
    words = [*tiny_run, "trainer.max_steps=2", "trainer.checkpoint_every_steps=1"]
    assert main(words) == 0
    assert main(["attack", str(folder)]) == 0
    (folder / SPLITS).unlink()
    kept = (folder / "result.json").read_text()
    assert main([*words, f"resume={folder}"]) == 2
    assert main(["attack", str(folder)]) == 2
    assert capsys.readouterr().err.count("it was a shuffle") == 2
    assert (folder / "result.json").read_text() == kept
    texts = tmp_path / "texts.txt"
    texts.write_text("the crew was rude\n")
    assert main(["predict", str(folder), "--file", str(texts)]) == 0
    assert main(["compare", str(folder)]) == 0
