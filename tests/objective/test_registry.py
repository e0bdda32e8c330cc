import pytest

from accel.core.meta import Meta
from accel.core.objective import Answering, Labelled, Objective, known_objectives
from accel.errors import ConfigError, DataError
from accel.objective.classification import Classification
from accel.objective.language_modeling import LanguageModelling
from accel.objective.registry import objective_of, require


@pytest.mark.parametrize("objective", [Classification(["x", "y"]), LanguageModelling()], ids=lambda o: o.name)
def test_what_an_exported_model_notes_is_enough_to_know_it_again(objective):
    assert objective_of(Meta(max_length=8, **objective.artifact_facts())) == objective
    assert known_objectives()[objective.name] is type(objective)


def test_a_name_that_nobody_has_is_told_with_the_remedy_and_nothing_is_imported(monkeypatch):
    monkeypatch.setattr("importlib.import_module", lambda name: pytest.fail(f"imported {name}"))
    with pytest.raises(DataError, match=r"'os.path', and accel knows .*--plugin MODULE"):
        objective_of(Meta(label_names=[], max_length=8, objective="os.path"))


def test_a_name_is_taken_once():
    """Negative control of the second half: without the check the later class would answer for the model of another."""
    with pytest.raises(ConfigError, match="Give it another name"):
        type("Other", (Classification,), {"name": "classification"})
    assert known_objectives()["classification"] is Classification
    type("Nameless", (Objective,), {})  # a base for others


def test_what_a_model_must_give_is_asked_of_its_objective(tmp_path):
    (tmp_path / "accel.json").write_text('{"label_names": ["x", "y"], "max_length": 8}')
    assert require(tmp_path, Labelled) == Classification(["x", "y"])
    (tmp_path / "accel.json").write_text('{"label_names": [], "max_length": 8, "objective": "language modelling"}')
    with pytest.raises(DataError, match="gives texts no labels"):
        require(tmp_path, Answering)
