from dataclasses import replace

import numpy as np

from accel.data.tokenized import Tokenized
from accel.data.tokens import Ragged
from accel.run.balance import balance_of

TRAIN = Tokenized(Ragged.of([[1], [2], [3]]), [0, 0, 1], importance=np.array([0.75, 0.75, 1.5], dtype=np.float32))


def test_the_record_has_the_weight_of_every_label_and_group():
    assert balance_of(TRAIN, ["no", "yes"]) == [
        {"label": "no", "examples": 2, "weight": 0.75},
        {"label": "yes", "examples": 1, "weight": 1.5},
    ]
    grouped = balance_of(replace(TRAIN, strata={"city": ["x", "y", "y"], "age": ["1", "1", "2"]}), ["no", "yes"])
    assert grouped is not None
    assert [(row["group"], row["label"]) for row in grouped] == [("x", "no"), ("y", "no"), ("y", "yes")]


def test_nothing_where_all_count_the_same():
    assert balance_of(replace(TRAIN, importance=None), ["no", "yes"]) is None
