import pytest

from accel.core.objective import Objective
from accel.objective.classification import Classification


def test_an_objective_says_its_name_and_labels_and_measures_nothing_more_by_default():
    objective = Classification(["a", "b"])
    assert objective.artifact_facts()["label_names"] == ["a", "b"]
    assert objective.speeds({}) == {}
    with pytest.raises(TypeError, match="loss"):
        type("Mine", (Objective,), {})()
