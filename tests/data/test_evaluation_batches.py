from accel.data.collate import Collator
from accel.data.evaluation_batches import in_order
from accel.objective.classification import Classification
from tests.data.lengths import LENGTHS, tokenized


def test_evaluation_sees_every_example_once_within_the_budget():
    data = tokenized(LENGTHS)
    batches = list(in_order(data, 1024, Collator(0, Classification(["a", "b"]).targets)))
    assert sum(len(b["labels"]) for b in batches) == len(data)
    assert max(b["input_ids"].numel() for b in batches) <= 1024
    assert list(in_order(tokenized([]), 1024, Collator(0, Classification(["a", "b"]).targets))) == []
