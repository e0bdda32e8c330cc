import yaml

from accel.report.record import new_record
from accel.report.records import Recorded
from accel.report.settings import differing, flat, project_of, settings_of, written


def test_nested_settings_become_the_keys_that_are_typed():
    config = {"seed": 1, "trainer": {"_target_": "x", "epochs": 3}, "engines": ["eager"], "privacy": {}}
    assert flat(config) == {"seed": 1, "trainer.epochs": 3, "engines": '["eager"]'}


def test_choices_and_configuration_of_a_run(tmp_path):
    config = {"seed": 1, "name": "n", "tracker": {"mode": "offline"}, "trainer": {"epochs": 3}}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))
    run = Recorded(tmp_path, {**new_record([]), "choices": {"model": "minilm", "compression": ["prune", "qat"]}})
    assert settings_of(run) == {"seed": 1, "trainer.epochs": 3, "model": "minilm", "compression": "prune+qat"}


def test_engines_are_told_alike_whether_they_were_names_or_options(tmp_path):
    """In the configuration of older runs stands a list, and their record has no such choice."""
    old, new = tmp_path / "old", tmp_path / "new"
    for folder, engines in ((old, ["onnxruntime", "eager"]), (new, {"eager": {"_target_": "x"}})):
        folder.mkdir()
        (folder / "config.yaml").write_text(yaml.safe_dump({"seed": 1, "engines": engines}))
    choices = {"model": "minilm", "engines": ["eager", "onnxruntime"]}
    found = [
        settings_of(Recorded(old, {**new_record([]), "choices": {"model": "minilm"}})),
        settings_of(Recorded(new, {**new_record([]), "choices": choices})),
    ]
    assert found[0] == found[1] == {"seed": 1, "model": "minilm", "engines": "eager+onnxruntime"}


def test_a_run_without_configuration_has_what_was_typed(tmp_path):
    run = Recorded(tmp_path, new_record(["+trainer.epochs=3", "name=x", "hydra.run.dir=y"]))
    assert settings_of(run) == {"trainer.epochs": "3"}
    (tmp_path / "config.yaml").write_text("[broken")
    assert settings_of(run) == {"trainer.epochs": "3"}


def test_what_comes_with_an_option_tells_nothing_more():
    lora, full = {"tuning": "lora", "tuning.rank": 8}, {"tuning": "full"}
    assert differing([lora, full]) == ["tuning"]
    assert differing([lora, {**lora, "tuning.rank": 4}, full]) == ["tuning", "tuning.rank"]
    some = [{"compression": "prune", "compression.prune.sparsity": s} for s in (0.5, 0.7)]
    assert differing([*some, {"compression": "none"}]) == ["compression", "compression.prune.sparsity"]
    assert differing([{"trainer.learning_rate": 1e-3}, {"trainer.learning_rate": "0.001"}]) == []


def test_a_key_that_came_with_a_later_version_tells_no_runs_apart():
    earlier = {"trainer": "standard", "trainer.epochs": 3}
    later = earlier | {"trainer.layer_decay": 1.0}
    assert differing([earlier, later]) == []
    assert differing([earlier, later, later | {"trainer.layer_decay": 0.9}]) == ["trainer.layer_decay"]


def test_numbers_stay_numbers():
    assert [written(v) for v in (3, 0.5, "1e-3", None, True, "prune")] == [3, 0.5, 0.001, "null", "true", "prune"]


def test_the_project_that_runs_were_logged_to(tmp_path):
    assert project_of([Recorded(tmp_path, {})]) == (None, None)
    (tmp_path / "config.yaml").write_text("tracker: {project: support, entity: team}")
    assert project_of([Recorded(tmp_path, {})]) == ("team", "support")


def test_what_the_record_states_is_taken_before_a_file_is_read(tmp_path):
    (tmp_path / "config.yaml").write_text("seed: 7\n")
    assert settings_of(Recorded(tmp_path, {"settings": {"seed": 3}})) == {"seed": 3}
    assert settings_of(Recorded(tmp_path, {"settings": None}))["seed"] == 7
