from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from accel.checkpoint.resume import (
    LEARNED,
    SPLITS,
    config_of,
    note_data,
    note_splits,
    require_same_data,
    require_same_model,
    require_same_splits,
)
from accel.cli import main
from accel.config.compose import compose
from accel.errors import DataError
from accel.plan.decide import assemble
from accel.privacy.dpsgd import Dpsgd
from accel.report.record import read_record
from accel.task.text_classification import TextClassification

OLD = {
    "seed": 0,
    "model": {"_target_": "TinyBert", "width": 64},
    "privacy": {"_target_": "Dpsgd", "epsilon": 8.0},
    "compression": {"qat": {"_target_": "Qat", "full_precision": 0.3}},
    "tuning": {"_target_": "Full"},
    "engines": [],
    "trainer": {"learning_rate": 1e-4, "batch_size": 16, "precision": "fp32", "max_steps": 8, "accumulate": 1},
    "task": {"_target_": "Text", "train": "a.csv", "max_length": 128},
    "tracker": None,
    "cache": "a",
}


@pytest.mark.fault("R13")
@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"seed": 1}, r"seed=1 \(it was 0\)"),
        (
            {"compression": {"qat": {"_target_": "Qat", "full_precision": 0.05}}},
            r"compression.qat.full_precision=0.05 \(it was 0.3\)",
        ),
        ({"compression": {}}, "compression.qat is gone"),
        ({"compression": {**OLD["compression"], "mask": {"_target_": "Mask"}}}, "compression.mask is new"),
        ({"trainer": {"learning_rate": 1e-3}}, r"trainer.learning_rate=0.001 \(it was 0.0001\)"),
        ({"trainer": {"batch_size": 8}}, r"trainer.batch_size=8 \(it was 16\)"),
        ({"trainer": {"precision": "bf16"}}, r"trainer.precision=bf16 \(it was fp32\)"),
        ({"task": {"max_length": 64}}, r"task.max_length=64 \(it was 128\)"),
        ({"task": {"train": "no such file"}}, "task.train=no such file"),
        ({"task": {"_target_": "Other"}}, "task._target_=Other"),
        ({"some_new_key": 1, "seed": 1}, "seed=1"),
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


@pytest.mark.fault("R13")
@pytest.mark.parametrize(
    "change",
    [
        {},
        {"engines": ["eager"]},
        {"engines": {"eager": {"_target_": "accel.engines.eager.Eager"}}},  # as it is since they are options
        {"cache": "b", "tracker": {"_target_": "Wandb"}, "name": "other", "hydra": {"run": {"dir": "x"}}},
        {"trainer": {**OLD["trainer"], "max_steps": 16, "checkpoint_every_steps": 2, "accumulate": 2}},
        {"task": {**OLD["task"], "train": __file__}},
        {"compression": {"qat": {"_target_": "Qat", "full_precision": 0.3, "newer": 1}}},
    ],
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


def plan_of(**trainer):
    words = [f"trainer.{key}={value}" for key, value in trainer.items()]
    return assemble(compose(["task=text_classification", "task.train=x.csv", "model=tiny_bert", *words]))


def data_of(fingerprint) -> Any:
    return SimpleNamespace(fingerprint=fingerprint)


@pytest.mark.fault("R13")
def test_other_data_and_steps_of_another_size_are_refused(tmp_path):
    """Negative control: the same data in the same steps goes on."""
    note_data(plan_of(accumulate=2), data_of("a"), tmp_path)
    require_same_data(plan_of(accumulate=2), data_of("a"), tmp_path)
    with pytest.raises(DataError, match="other data than it began with: rows, labels or splits differ"):
        require_same_data(plan_of(accumulate=2), data_of("b"), tmp_path)
    with pytest.raises(DataError, match="steps of 1 batches, they were of 2.*strategy=single trainer.accumulate=2"):
        require_same_data(plan_of(), data_of("a"), tmp_path)


@pytest.mark.parametrize("text", [None, "", "{}", "[1]", '{"data": "x"}'])
def test_a_folder_that_does_not_say_what_it_learned_from_does_not_go_on(tmp_path, text):
    if text is not None:
        (tmp_path / LEARNED).write_text(text)
    with pytest.raises(DataError, match="nothing there says which data"):
        require_same_data(plan_of(), data_of("a"), tmp_path)


def test_the_note_of_private_data_confirms_no_guess(tmp_path):
    """Two caches have two keys, so the same data has two digests; negative control: without privacy it has one."""
    found = {}
    for private in (True, False):
        for cache in ("one", "two"):
            plan = replace(plan_of(), cache=tmp_path / cache, privacy=Dpsgd() if private else None)
            note_data(plan, data_of("a"), tmp_path)
            found.setdefault(private, set()).add((tmp_path / LEARNED).read_text())
    assert (len(found[True]), len(found[False])) == (2, 1)


def kept(folder):
    return {name: (folder / name).read_bytes() for name in ("config.yaml", "result.json", "plan.txt", LEARNED)}


@pytest.mark.fault("R13")
def test_a_finished_run_keeps_its_record_whatever_becomes_of_it(tiny_run, tiny_csv, tmp_path, capsys, monkeypatch):
    """Refused with other rows, failed in the middle, and, as negative control, finished again."""
    folder = tmp_path / "run"
    words = [*tiny_run, "trainer.checkpoint_every_steps=1", "trainer.max_steps=1"]
    assert main(words) == 0
    before, right = kept(folder), tiny_csv.read_text()
    tiny_csv.write_text(right.replace("crew", "staff"))
    assert main([*words, f"resume={folder}"]) == 2
    assert "other data than it began with" in capsys.readouterr().out
    assert kept(folder) == before
    tiny_csv.write_text(right)
    with monkeypatch.context() as broken:
        broken.setattr("accel.run.phases.fit", lambda *_, **__: 1 / 0)
        assert main([*words, f"resume={folder}"]) == 3
    assert "its record is kept as it was" in capsys.readouterr().out
    assert kept(folder)["result.json"] == before["result.json"]
    assert main([*words, "trainer.max_steps=2", f"resume={folder}"]) == 0
    assert read_record(folder)["steps"] == 2


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


def test_splits_by_a_column_are_other_splits(tmp_path):
    note_splits(task(split_by="document"), tmp_path)
    require_same_splits(task(split_by="document"), tmp_path, "resume=x")
    with pytest.raises(DataError):
        require_same_splits(task(), tmp_path, "resume=x")


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
