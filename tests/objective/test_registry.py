import pytest

from accel.core.meta import Meta
from accel.objective.classification import Classification
from accel.objective.language_modeling import LanguageModelling
from accel.objective.registry import OBJECTIVES, objective_of


@pytest.mark.parametrize("objective", [Classification(["x", "y"]), LanguageModelling()], ids=lambda o: o.name)
def test_what_an_exported_model_notes_is_enough_to_know_it_again(objective):
    assert objective_of(Meta(max_length=8, **objective.artifact_facts())) == objective
    assert OBJECTIVES[objective.name] is type(objective)
