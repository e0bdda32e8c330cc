""""""

from __future__ import annotations

import numpy as np
import torch
from transformers import BertConfig

from accel.objective.classification import Classification


def test_labels_go_into_the_configuration():
    config = Classification(["x", "y", "z"]).configured(BertConfig())
    assert config.num_labels == 3
    assert config.id2label == {0: "x", 1: "y", 2: "z"}


def test_every_example_of_a_class_counts_the_same():
    assert Classification(["x", "y"]).counts(np.array([3, 90])).tolist() == [1, 1]
    logits = torch.randn(2, 3)
    assert torch.equal(Classification(["x", "y", "z"]).predictions(logits, torch.ones(2, 5)), logits)
