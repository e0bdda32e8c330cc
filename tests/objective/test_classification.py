""""""

from __future__ import annotations

import numpy as np
import pytest
import torch
from transformers import BertConfig

from accel.data import Dataset, Split
from accel.objective.classification import Classification


def test_labels_go_into_the_configuration():
    config = Classification(["x", "y", "z"]).configured(BertConfig())
    assert config.num_labels == 3
    assert config.id2label == {0: "x", 1: "y", 2: "z"}


def test_every_example_of_a_class_counts_the_same():
    assert Classification(["x", "y"]).counts(np.array([3, 90])).tolist() == [1, 1]
    logits = torch.randn(2, 3)
    assert torch.equal(Classification(["x", "y", "z"]).predictions(logits, torch.ones(2, 5)), logits)


def test_always_the_most_frequent_label_is_told_beside():
    splits = [Split([(str(n),) for n in range(len(labels))], labels) for labels in ([1, 1, 0], [0, 1, 1, 1])]
    (guess,) = Classification(["no", "yes"]).baselines(Dataset(splits[0], splits[1], splits[1], ["no", "yes"], ""))
    assert guess == {"name": "always yes", "metrics": {"accuracy": 0.75, "macro_f1": pytest.approx(3 / 7)}}
