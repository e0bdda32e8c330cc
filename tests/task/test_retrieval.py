"""Pairs from a file: their numbers, their splits, what is refused, and a run from the file to the nearest text."""

import json

import pytest

from accel.cli import main
from accel.config.compose import compose
from accel.core.metric import OF_RETRIEVAL
from accel.errors import DataError, PlanError
from accel.objective.retrieval import Retrieval as Vectors
from accel.plan.decide import decide
from accel.task.retrieval import Retrieval
from tests.conftest import tiny_words

THINGS = ("parcel", "flight", "refund", "seat", "meal", "bag", "ticket", "gate")


def write(path, rows, header="query,passage"):
    path.write_text("\n".join([header, *rows]) + "\n")
    return str(path)


def pairs(count=120):
    return [f"where is {THINGS[n % 8]} {n},the {THINGS[n % 8]} is in room {n}" for n in range(count)]


@pytest.fixture
def faq(tmp_path):
    return write(tmp_path / "faq.csv", pairs())


def test_every_text_has_a_number_that_is_the_same_in_all_splits(tmp_path):
    rows = [*pairs(), "Where is  GATE 7,the gate is closed", "new,The gate IS closed"]
    found = Retrieval(train=write(tmp_path / "faq.csv", rows)).load(0)
    told = {}
    for split in (found.train, found.validation, found.test):
        for (query, passage), (asked, answered) in zip(split.texts, split.labels, strict=True):
            for key, number in (
                (("q", " ".join(query.casefold().split())), asked),
                (("p", passage.casefold()), answered),
            ):
                assert told.setdefault(key, number) == number
    assert len(told) == len({(side[0], n) for side, n in told.items()}) == 121 + 121


def test_a_query_stays_in_one_split_and_a_group_does_where_there_is_one(tmp_path):
    rows = [f"where is {THINGS[n // 20]},room {n},c{n % 40}" for n in range(160)]
    file = write(tmp_path / "faq.csv", rows, "query,passage,chat")
    places = [{q for q, _ in split.texts} for split in _splits(Retrieval(train=file))]
    assert not places[0] & places[1] | places[1] & places[2] | places[0] & places[2]
    chats = [
        {int(p.split()[1]) % 40 for _, p in split.texts} for split in _splits(Retrieval(train=file, split_by="chat"))
    ]
    assert not chats[0] & chats[1] | chats[1] & chats[2] | chats[0] & chats[2]


def _splits(task):
    found = task.load(0)
    return found.train, found.validation, found.test


def test_the_objective_knows_the_pairs_of_training_alone(faq):
    task = Retrieval(train=faq, temperature=0.2)
    found = task.load(0)
    kind = task.objective(found)
    assert isinstance(kind, Vectors)
    assert kind.temperature == 0.2
    assert len(kind.known) == len(found.train)
    assert task.metrics() == OF_RETRIEVAL == Vectors.metrics
    assert found.label_names == []


def test_repeated_pairs_count_once(tmp_path):
    found = Retrieval(train=write(tmp_path / "faq.csv", [*pairs(), *pairs(5)])).load(0)
    assert found.duplicates == 5


WRONG = {
    "no such column": (["a,b"], "query,answer", r"task\.text=passage: faq\.csv has no column 'passage'"),
    "an empty query": ([*pairs(3), ",somewhere"], "query,passage", r"faq\.csv, line 5: column 'query' is empty"),
    "an empty passage": ([*pairs(3), "where, "], "query,passage", r"faq\.csv, line 5: column 'passage' is empty"),
    "one pair": (pairs(1), "query,passage", "no example is left for the"),
    "one query": ([f"where,room {n}" for n in range(50)], "query,passage", "no example is left for the"),
    "a column twice": (["a,b,c"], "query,passage,passage", r"faq\.csv, header: the column 'passage' stands there 2"),
    "too many cells": (["a,b", "a,b,c"], "query,passage", r"faq\.csv, line 3"),
}


@pytest.mark.fault("B1")
@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_file_is_told_with_its_line(name, tmp_path):
    rows, header, message = WRONG[name]
    with pytest.raises(DataError, match=message):
        Retrieval(train=write(tmp_path / "faq.csv", rows, header)).load(0)


def test_a_list_is_no_text(tmp_path):
    file = tmp_path / "faq.jsonl"
    file.write_text('{"query": "a", "passage": "b"}\n{"query": "a", "passage": ["b"]}\n')
    with pytest.raises(DataError, match=r"faq\.jsonl, line 2: column 'passage' holds a list, not a text"):
        Retrieval(train=str(file)).load(0)


def test_a_row_that_is_part_of_nothing_is_told(tmp_path):
    file = write(tmp_path / "faq.csv", ["a,b,1", "c,d,"], "query,passage,chat")
    with pytest.raises(DataError, match=r"line 3: column 'chat' of task\.split_by is empty"):
        Retrieval(train=file, split_by="chat").load(0)


REFUSED = {
    "task.text=query": "two columns, of queries and of passages",
    "task.text=[passage,passage]": "two columns, of queries and of passages",
    "task.temperature=0": "between 0.001 and 10",
    "trainer.accumulate=2": "several small batches are not one large batch",
    "trainer.calibrate=true": "a vector is no probability",
    "model=tiny_gpt2": "each of which must have read the whole text",
    "model=tiny_t5": "each of which must have read the whole text",
    "privacy=dpsgd": "no record has a gradient of its own",
    "tuning=prompt": "a prompt adds tokens that belong to no text",
    "tuning=head": "there is no head that could learn",
    "strategy=tensor_parallel": "those that split a layer have the same pairs",
    "strategy=federated": "examples stay at the clients",
    "task.max_length=2": "at least 4 tokens",
}


@pytest.mark.parametrize("word", REFUSED)
def test_what_cannot_be_is_refused_with_the_reason(word, faq):
    words = ["task=retrieval", f"task.train={faq}", "model=tiny_bert"]
    with pytest.raises(PlanError, match=REFUSED[word]):
        decide(compose([*words, word]))
    decide(compose(words))  # negative control


def test_a_wrong_file_ends_a_run_with_2_and_no_traceback(tmp_path, capsys):
    file = write(tmp_path / "faq.csv", [*pairs(3), ",somewhere"])
    words = ["task=retrieval", f"task.train={file}", "model=tiny_bert", f"hydra.run.dir={tmp_path / 'run'}"]
    assert main(words) == 2
    said = "".join(capsys.readouterr())
    assert "line 5: column 'query' is empty" in said
    assert "Traceback" not in said


@pytest.mark.slow
def test_from_the_file_to_the_nearest_text(faq, tmp_path, capsys):
    run = tmp_path / "run"
    words = [*tiny_words(faq), "task=retrieval", "task.text=[query,passage]", "engines=[onnxruntime]"]
    words += ["compression=[prune,qat,distill,vocabulary]", f"hydra.run.dir={run}"]
    assert main(words) == 0
    record = json.loads((run / "result.json").read_text())
    assert [metric["key"] for metric in record["metrics"]] == [metric.key for metric in OF_RETRIEVAL]
    assert record["baselines"][0]["name"] == "random order"
    assert record["after"]["metrics"]["recall_at_10"] > record["baselines"][0]["metrics"]["recall_at_10"]
    capsys.readouterr()
    assert main(["search", str(run), "where is gate 7", "--in", faq, "--json", "--top", "2"]) == 0
    assert len(json.loads(capsys.readouterr().out)["nearest"]) == 2
