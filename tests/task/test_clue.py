"""CLUE's sets by the columns that the hub's features name, not by the task's own table."""

import pytest

from accel.task.clue import Clue
from tests.task.test_glue import hub_set

HUB = {
    "tnews": (("sentence",), 15),
    "iflytek": (("sentence",), 119),
    "afqmc": (("sentence1", "sentence2"), 2),
    "cmnli": (("sentence1", "sentence2"), 3),
    "ocnli": (("sentence1", "sentence2"), 3),
    "csl": (("abst", "keyword"), 2),
}


@pytest.mark.parametrize("name", HUB)
def test_each_set_is_read_as_the_hub_has_it(tmp_path, name):
    columns, count = HUB[name]
    hub_set(tmp_path, name, columns, ["label"] * count, 4 * count + 40)
    task = Clue(name=name, folder=str(tmp_path))
    data = task.load(0)
    assert len(set(data.label_names)) == len(data.label_names) == count
    assert set(data.test.texts) == {tuple(f"{c} validation {n}" for c in columns) for n in range(12)}
    assert {int(texts[0].split()[-1]) % count == label for texts, label in
            zip(data.train.texts, data.train.labels, strict=True)} == {True}  # fmt: skip
    assert task.metrics()[0].key == task.objective(data).quality.key == "accuracy"


def test_the_table_has_every_set_that_is_listed_here():
    assert set(Clue.sets) == set(HUB)
