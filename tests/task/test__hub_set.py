"""Sets of a benchmark as the hub has them: their columns, their splits, and what stands in for secret labels."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import ClassVar

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from accel.errors import DataError
from accel.task._hub_set import CORRELATION, MATTHEWS, HubSet, HubTask

PLAN = SimpleNamespace(trainer=SimpleNamespace(calibrate=False))


@dataclass(kw_only=True)
class Bench(HubTask):
    repository: ClassVar[str] = "some/bench"
    sets: ClassVar[Mapping[str, HubSet]] = {
        "one": HubSet(texts=("sentence",), labels=("worse", "better", "a third")),
        "pair": HubSet(texts=("a", "b"), labels=("no", "yes"), by=MATTHEWS, folder="both", validation="validation_x"),
        "number": HubSet(texts=("a", "b"), by=CORRELATION, scale=(2.5, 1.5)),
    }


def write(file, **columns):
    file.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns), file)
    return file.parent


def one(top, name="train", count=40, start=0, label=lambda n: n % 3):
    numbers = range(start, start + count)
    return write(top / f"{name}-00000-of-00001.parquet", sentence=[f"text {n}" for n in numbers],
                 label=[label(n) for n in numbers], idx=list(numbers))  # fmt: skip


@pytest.fixture
def copy(tmp_path):
    """A copy of the repository, in which the test split is without labels."""
    one(tmp_path / "one")
    one(tmp_path / "one", "validation", 9, 100)
    one(tmp_path / "one", "test", 7, 200, lambda n: -1)
    return tmp_path


def test_without_labels_of_the_test_split_validation_is_the_test_split_and_said(copy):
    data = Bench(name="one", folder=str(copy)).load(0)
    assert sorted(data.test.texts) == sorted((f"text {n}",) for n in range(100, 109))
    assert data.label_names == ["worse", "better", "a third"]  # the hub's order, not the alphabet's
    for (text,), label in [*zip(data.train.texts, data.train.labels, strict=True)]:
        assert label == int(text.split()[1]) % 3
    assert len(data.train) + len(data.validation) == 40
    assert data.validation.texts
    assert "The hub's split test has no labels: validation is the test split" in data.notes


def test_with_labels_every_split_is_what_it_is_called(copy):
    one(copy / "one", "test", 7, 200)
    data = Bench(name="one", folder=str(copy)).load(0)
    assert (len(data.train), len(data.validation), len(data.test)) == (40, 9, 7)
    assert "The hub's split test has labels: it is the test split" in data.notes


def test_the_test_split_stays_and_training_has_nothing_of_it(copy):
    """Repeated rows of the test split count as often as they stand there."""
    one(copy / "one", "validation", 9, 31)
    texts, labels = (["text 31"] * 2 + ["x", "y"], [1, 1, 0, 2])
    write(copy / "one" / "validation-00000-of-00001.parquet", sentence=texts, label=labels)
    data = Bench(name="one", folder=str(copy)).load(0)
    assert [text for (text,) in data.test.texts] == texts
    assert ("text 31",) not in [*data.train.texts, *data.validation.texts]
    assert data.dropped == 1


def test_rows_without_a_label_and_repeated_ones_are_counted(copy):
    one(copy / "one", "train", 45, label=lambda n: n % 3 if n < 40 else -1)
    write(copy / "one" / "train-00001-of-00002.parquet", sentence=["text 0", "text 1"], label=[0, 2])
    data = Bench(name="one", folder=str(copy)).load(0)
    assert (data.duplicates, data.dropped) == (2, 6)  # text 0 repeats, text 1 contradicts itself, 5 have no label
    assert "5 rows dropped: no label in the hub's split train" in data.notes
    assert len(data.train) + len(data.validation) == 39


def test_pairs_are_two_texts_and_lists_of_words_are_one(tmp_path):
    folder = tmp_path / "both"
    rows = {"a": [f"q {n}" for n in range(30)], "b": [[f"w{n}", "v"] for n in range(30)], "label": [0, 1] * 15}
    write(folder / "train" / "0000.parquet", **rows)  # as the hub converts a script
    write(folder / "validation_x" / "0000.parquet", a=["q", "r"], b=[["w"], ["v"]], label=[0, 1])
    task = Bench(name="pair", folder=str(tmp_path))
    data = task.load(0)
    assert ("q 3", "w3 v") in [*data.train.texts, *data.validation.texts]
    assert data.test.texts == [("q", "w"), ("r", "v")]
    assert [m.key for m in task.metrics()][:2] == ["matthews", "accuracy"]
    assert task.objective(data).metrics == task.metrics()
    assert task.gives_one_label


def test_numbers_keep_their_own_scale_and_test_labels(tmp_path):
    """Two rows of one text and two numbers are both scored."""
    train = {"a": [f"q {n}" for n in range(60)], "b": ["w"] * 60, "label": [n % 11 / 2 for n in range(60)]}
    write(tmp_path / "number" / "train.parquet", **train)
    write(tmp_path / "number" / "validation.parquet", a=["x", "x", "q 1"], b=["w"] * 3, label=[1.0, 4.25, 0.5])
    task = Bench(name="number", folder=str(tmp_path / "number"))  # the set's own folder
    data = task.load(0)
    assert data.test.labels == [1.0, 4.25, 0.5]
    assert len(data.train) + len(data.validation) == 59
    objective = task.objective(data)
    assert (objective.mean, objective.std) == (2.5, 1.5)
    assert not task.gives_one_label
    assert [m.key for m in task.metrics()][:2] == ["pearson", "spearman"]


def test_the_cache_of_the_hub_serves_without_network(copy, tmp_path, monkeypatch):
    cache = tmp_path / "cache"
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(cache))
    repository = cache / "datasets--some--bench"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text("c" * 40)
    (repository / "snapshots").mkdir()
    (copy / "one").rename(snapshot := repository / "snapshots" / ("c" * 40))
    with pytest.raises(DataError, match="in the hub cache without this set.*hf download some/bench"):
        Bench(name="one").load(0)
    files = list(snapshot.iterdir())
    (snapshot / "one").mkdir()
    for file in files:
        file.rename(snapshot / "one" / file.name)
    assert len(Bench(name="one").load(0).test) == 9


def test_without_network_it_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(DataError) as caught:
        Bench(name="one").load(0)
    for part in ("some/bench is not in the hub cache", "hf download some/bench --repo-type dataset", "task.folder="):
        assert part in str(caught.value)


BAD = {
    "a label beyond the last": ({"label": [0, 1, 3]}, ["row 3", "the label 3", "3 that one has"]),
    "a label that is a word": ({"label": ["0", "1", "2"]}, ["row 1", "the label '0'"]),
    "another column": ({"sentence": None, "text": ["a", "b", "c"]}, ["no column 'sentence'", "'text'"]),
    "no labels": ({"label": None}, ["no column 'label'"]),
}


@pytest.mark.fault("B1")
@pytest.mark.parametrize("case", BAD)
def test_bad_files_say_where_and_why(copy, case):
    change, expected = BAD[case]
    columns = {"sentence": ["a", "b", "c"], "label": [0, 1, 2], **change}
    write(copy / "one" / "train-00000-of-00001.parquet", **{k: v for k, v in columns.items() if v is not None})
    with pytest.raises(DataError) as caught:
        Bench(name="one", folder=str(copy)).load(0)
    for part in expected:
        assert part in str(caught.value), caught.value


def test_a_folder_without_the_set_is_told(tmp_path):
    for folder in (tmp_path, tmp_path / "none"):
        with pytest.raises(DataError, match=r"does not hold the set one as the hub has it.*some/bench"):
            Bench(name="one", folder=str(folder)).load(0)


def test_settings_that_cannot_be_are_objected_to():
    assert not list(Bench(name="one").objections(PLAN))
    assert "one, pair, number" in next(iter(Bench(name="ones").objections(PLAN))).because
    calibrated = SimpleNamespace(trainer=SimpleNamespace(calibrate=True))
    assert not list(Bench(name="pair").objections(calibrated))
    assert list(Bench(name="number").objections(calibrated))
    assert list(Bench(name="one", max_length=1).objections(PLAN))
    assert Bench(name="one", max_length=7).max_tokens() == 7
    assert Bench(name="one").source().endswith(" one")


def test_content_is_that_of_every_split(copy):
    assert len(list(Bench(name="one", folder=str(copy)).rows())) == 40 + 9 + 7
