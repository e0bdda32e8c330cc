"""GLUE's sets by the columns that the hub's features name, not by the task's own table."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from accel.cli import main
from accel.task.glue import Glue
from tests.conftest import tiny_words

HUB = {
    "cola": (("sentence",), ["unacceptable", "acceptable"], "matthews"),
    "sst2": (("sentence",), ["negative", "positive"], "accuracy"),
    "mrpc": (("sentence1", "sentence2"), ["not_equivalent", "equivalent"], "f1"),
    "qqp": (("question1", "question2"), ["not_duplicate", "duplicate"], "f1"),
    "stsb": (("sentence1", "sentence2"), [], "pearson"),
    "mnli": (("premise", "hypothesis"), ["entailment", "neutral", "contradiction"], "accuracy"),
    "mnli_mismatched": (("premise", "hypothesis"), ["entailment", "neutral", "contradiction"], "accuracy"),
    "qnli": (("question", "sentence"), ["entailment", "not_entailment"], "accuracy"),
    "rte": (("sentence1", "sentence2"), ["entailment", "not_entailment"], "accuracy"),
    "wnli": (("sentence1", "sentence2"), ["not_entailment", "entailment"], "accuracy"),
}
"""Columns, names of the labels by number, and what the benchmark's table of leaders shows first."""
KINDS = {"mnli": ["_matched", "_mismatched"]}


def hub_set(top, name, columns, labels, count=48):
    """A set's folder as the hub has it, the test splits without labels."""
    folder = top / name
    folder.mkdir()
    for split, size in (("train", count), ("validation", 12), ("test", 6)):
        for kind in KINDS.get(name, [""]) if split != "train" else [""]:
            texts = {column: [f"{column} {split}{kind} {n}" for n in range(size)] for column in columns}
            numbers = [float(n % 11) / 2 if not labels else n % len(labels) for n in range(size)]
            secret = [-1.0 if not labels else -1] * size
            rows = {**texts, "label": secret if split == "test" else numbers, "idx": list(range(size))}
            pq.write_table(pa.table(rows), folder / f"{split}{kind}-00000-of-00001.parquet")


@pytest.mark.parametrize("name", HUB)
def test_each_set_is_read_as_the_hub_has_it(tmp_path, name):
    columns, labels, first = HUB[name]
    hub_set(tmp_path, name.removesuffix("_mismatched"), columns, labels)
    task = Glue(name=name, folder=str(tmp_path))
    data = task.load(0)
    kind = {"mnli": "_matched", "mnli_mismatched": "_mismatched"}.get(name, "")
    assert data.label_names == labels
    assert set(data.test.texts) == {tuple(f"{c} validation{kind} {n}" for c in columns) for n in range(12)}
    assert len(data.train) + len(data.validation) == 48
    assert task.metrics()[0].key == task.objective(data).quality.key == first


def test_the_table_has_every_set_that_is_listed_here():
    assert set(Glue.sets) == set(HUB)


@pytest.mark.slow
def test_a_run_is_judged_by_the_benchmarks_own_metric(tmp_path, capsys):
    """And the finished model is a classifier like any other."""
    hub_set(tmp_path, "mrpc", *HUB["mrpc"][:2])
    folder = tmp_path / "run"
    words = [w for w in tiny_words("x.csv", folder) if not w.startswith("task")]
    assert main([*words, "task=glue", "task.name=mrpc", f"task.folder={tmp_path}"]) == 0
    assert "validation is the test split" in capsys.readouterr().out
    record = json.loads((folder / "result.json").read_text())
    assert [m["key"] for m in record["metrics"]][:2] == ["f1", "accuracy"]
    assert set(record["after"]["metrics"]) == {m["key"] for m in record["metrics"]}
    assert all("f1" in guess["metrics"] for guess in record["baselines"])
    (tmp_path / "pairs.jsonl").write_text('["first", "second"]')
    assert main(["predict", str(folder), "--file", str(tmp_path / "pairs.jsonl")]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["label"] in HUB["mrpc"][1]
