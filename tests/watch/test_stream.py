"""Dated texts come in the order of time; what is wrong with them is told."""

import json

import pytest

from accel.core.meta import Meta
from accel.errors import DataError
from accel.objective.answers import EntityAnswers, LabelSetAnswers, LevelAnswers
from accel.watch.stream import dated, labels_of

WRONG = {
    "no columns": ("texts.txt", "a\nb\n", "has texts and no columns"),
    "milliseconds": ("x.csv", "at,text\n1,a\n1795000000000,b\n", r"row 2: .* is no number of seconds since 1970"),
    "no date": ("x.csv", "at,text\n2026-11-29,a\n,b\n", "row 2: .. in column 'at' of --date is empty. Fill it in"),
    "numbers of rows": ("x.csv", "at,text\n1,a\n2,b\n", "holds numbers up to 2: .*Name a column of dates"),
    "no text": ("x.csv", "at,text\n2026-11-29,\n", "holds no text in text"),
}


def test_the_oldest_comes_first_and_what_is_empty_not_at_all(tmp_path):
    file = tmp_path / "x.jsonl"
    days = ["2026-11-03", "2026-11-01", "2026-11-02", "2026-11-01"]
    file.write_text(
        "\n".join(json.dumps({"at": day, "text": text}) for day, text in zip(days, ["c", "a", " ", "b"], strict=True))
    )
    assert [one.query.text for one in dated(str(file), ["text"], "at")] == ["a", "b", "c"]


def test_seconds_are_taken_where_any_is_behind_1970(tmp_path):
    (tmp_path / "x.csv").write_text("at,text\n1795000000,a\n1,b\n")
    assert [one.query.text for one in dated(str(tmp_path / "x.csv"), ["text"], "at")] == ["b", "a"]


@pytest.mark.fault("B1")
@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_told(name, tmp_path):
    file, text, message = WRONG[name]
    (tmp_path / file).write_text(text)
    with pytest.raises(DataError, match=message):
        dated(str(tmp_path / file), ["text"], "at")


def test_labels_are_those_that_answers_name():
    entities = EntityAnswers(["O", "B-PER", "I-PER", "B-LOC"])
    assert entities.can_name() == ["LOC", "PER"]
    assert entities.named({"entities": [{"label": "PER"}, {"label": "PER"}]}) == {"PER"}
    assert LabelSetAnswers(["a", "b"], (0.5, 0.5)).named({"labels": ["b"]}) == {"b"}
    assert LevelAnswers(["1", "2.5"]).named({"level": 2.5, "number": 2.4}) == {"2.5"}
    assert labels_of(Meta(label_names=["a", "b"], max_length=8), "run") == ["a", "b"]


@pytest.mark.parametrize("objective", ["retrieval", "language modeling"])
def test_a_model_that_names_no_labels_is_refused(objective):
    with pytest.raises(DataError, match=f"holds a model of {objective}, whose answers name no labels"):
        labels_of(Meta(label_names=[], max_length=8, objective=objective), "run")
