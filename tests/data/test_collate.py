"""What stands in a batch."""

from dataclasses import replace

import numpy as np
import torch

from accel.data.collate import Collator
from accel.data.tokenized import Tokenized
from accel.data.tokens import Ragged
from accel.objective.classification import Classification
from accel.ops.inputs import IMPORTANCE, without_answers
from tests.data.lengths import tokenized


def test_a_batch_is_padded_to_a_multiple_of_eight():
    data = Tokenized(Ragged.of([[1, 2, 3], range(9)]), [1, 0], Ragged.of([[0, 0, 1], [0] * 9]))
    batch = Collator(7, Classification(["a", "b"]).targets)([data[0], data[1]])
    assert {name: (value.dtype, tuple(value.shape)) for name, value in batch.items()} == {
        "input_ids": (torch.int64, (2, 16)),
        "attention_mask": (torch.int64, (2, 16)),
        "labels": (torch.int64, (2,)),
        "token_type_ids": (torch.int64, (2, 16)),
    }
    assert batch["input_ids"][0].tolist() == [1, 2, 3] + [7] * 13
    assert batch["attention_mask"].sum(1).tolist() == [3, 9]
    assert batch["token_type_ids"][0].tolist() == [0, 0, 1] + [0] * 13


def test_what_examples_count_stands_beside_them_where_they_do_not_all_count_the_same():
    data = replace(tokenized([3, 4, 5]), importance=np.array([0.5, 1.0, 1.5], dtype=np.float32))
    batch = Collator(0, Classification(["a", "b", "c"]).targets)([data[2], data[0]])
    assert (batch[IMPORTANCE].dtype, batch[IMPORTANCE].tolist()) == (torch.float32, [1.5, 0.5])
    assert without_answers(batch).keys() == {"input_ids", "attention_mask"}
