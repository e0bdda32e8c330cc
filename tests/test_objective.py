import numpy as np
import pytest
import torch
from transformers import BertConfig

from accel.errors import DataError
from accel.exported import Meta
from accel.objective import OBJECTIVES, Classification, LanguageModelling, objective_of


def test_labels_go_into_the_configuration():
    config = Classification(["x", "y", "z"]).configured(BertConfig())
    assert config.num_labels == 3
    assert config.id2label == {0: "x", 1: "y", 2: "z"}


@pytest.mark.parametrize("objective", [Classification(["x", "y"]), LanguageModelling()], ids=lambda o: o.name)
def test_what_an_exported_model_notes_is_enough_to_know_it_again(objective):
    assert objective_of(Meta(max_length=8, **objective.artifact_facts())) == objective
    assert OBJECTIVES[objective.name] is type(objective)


def test_every_example_of_a_class_counts_the_same():
    assert Classification(["x", "y"]).counts(np.array([3, 90])).tolist() == [1, 1]
    logits = torch.randn(2, 3)
    assert torch.equal(Classification(["x", "y", "z"]).predictions(logits, torch.ones(2, 5)), logits)


def test_a_network_that_sees_what_it_should_predict_is_no_language_model():
    with pytest.raises(DataError, match="must predict each token from those before it"):
        LanguageModelling().configured(BertConfig())
