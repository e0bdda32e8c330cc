"""Answers of a file, wherever they are written; one that does not stand where it should is told with its line."""

import json

import pytest

from accel.data.questions import WITH_SQUAD, Columns, answers_of
from accel.data.read_table import read_table
from accel.errors import DataError

COLUMNS = Columns("answers", "answer", "answer_start")
CONTEXT = "Ann met Bob. Bob left."


def found(tmp_path, *rows, context=CONTEXT):
    file = tmp_path / "q.jsonl"
    file.write_text("\n".join(json.dumps({"question": "who", "context": context, **row}) for row in rows))
    table = read_table(str(file), "task.train", WITH_SQUAD)
    return list(answers_of(table, table.column("context", "task.text"), COLUMNS))


@pytest.mark.parametrize(
    ("row", "places"),
    [
        ({"answers": {"text": ["Bob"], "answer_start": [13]}}, [(13, 16)]),
        ({"answers": {"text": ["Ann", "Bob"], "answer_start": [0, 8]}}, [(0, 3), (8, 11)]),
        ({"answers": {"text": ["Bob", "Bob"], "answer_start": [8, 8]}}, [(8, 11)]),
        ({"answers": [{"text": "Bob", "answer_start": 8}]}, [(8, 11)]),
        ({"answers": {"text": [], "answer_start": []}}, []),
        ({"answers": []}, []),
        ({"answers": None}, []),
        ({"answers": ["Bob"]}, [(8, 11), (13, 16)]),
        ({"answer": "Ann", "answer_start": 0}, [(0, 3)]),
        ({"answer": "Bob"}, [(8, 11), (13, 16)]),
        ({"answer": " Bob. ", "answer_start": 7}, [(8, 12)]),
        ({"answer": " Bob", "answer_start": 7}, [(8, 11)]),
        ({"answer": "", "answer_start": ""}, []),
        ({"answer": None, "answer_start": -1}, []),
        ({"answer": "Bob", "answer_start": "8"}, [(8, 11)]),
    ],
)
def test_what_is_written_is_read(tmp_path, row, places):
    assert found(tmp_path, row) == [places]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"answer": "Eve"}, "line 1: the answer 'Eve' does not stand in its context"),
        ({"answer": "Bob", "answer_start": 99}, "answer_start is 99, outside of its context of 22 characters"),
        ({"answer": "Bob", "answer_start": -5}, "answer_start is -5, outside"),
        ({"answer": "Bob", "answer_start": 9}, "at 9 the context has 'ob.', not the answer 'Bob'. It stands at 8, 13."),
        ({"answer": "Eve", "answer_start": 0}, "It stands nowhere in it."),
        ({"answer": "Bob", "answer_start": 8.5}, "answer_start is 8.5, not a number of characters"),
        ({"answer": "Bob", "answer_start": True}, "answer_start is True"),
        ({"answer": "Bob", "answer_start": "x"}, "answer_start is 'x'"),
        ({"answers": {"text": ["Bob"], "answer_start": [8, 13]}}, "1 answers and 2 places"),
        ({"answers": {"start": 3}}, "says no answer"),
        ({"reply": "Bob"}, "has neither a column 'answers' nor a column 'answer'"),
    ],
)
def test_what_is_wrong_is_told(tmp_path, row, message):
    with pytest.raises(DataError) as raised:
        found(tmp_path, row)
    assert message in str(raised.value)


def test_the_line_is_that_of_the_row(tmp_path):
    with pytest.raises(DataError, match=r"q\.jsonl, line 2: the answer 'Eve'"):
        found(tmp_path, {"answer": "Bob"}, {"answer": "Eve"})


SQUAD = {
    "version": "v2.0",
    "data": [
        {
            "title": "People",
            "paragraphs": [
                {
                    "context": CONTEXT,
                    "qas": [
                        {"id": "1", "question": "who left", "answers": [{"text": "Bob", "answer_start": 13}]},
                        {
                            "id": "2",
                            "question": "who came",
                            "is_impossible": True,
                            "answers": [],
                            "plausible_answers": [{"text": "Ann", "answer_start": 0}],
                        },
                    ],
                }
            ],
        }
    ],
}


def squad(tmp_path, content):
    file = tmp_path / "dev.json"
    file.write_text(json.dumps(content))
    return read_table(str(file), "task.train", WITH_SQUAD)


def test_squads_own_json(tmp_path):
    table = squad(tmp_path, SQUAD)
    contexts = table.column("context", "task.text")
    assert list(answers_of(table, contexts, COLUMNS)) == [[(13, 16)], []]
    assert table.column("question", "task.text") == ["who left", "who came"]
    assert table.column("title", "task.split_by") == ["People", "People"]


def test_json_that_is_like_squads_and_json_that_is_not(tmp_path):
    broken = json.loads(json.dumps(SQUAD))
    del broken["data"][0]["paragraphs"][0]["context"]
    with pytest.raises(DataError, match="not as SQuAD has them .KeyError: 'context'."):
        squad(tmp_path, broken)
    assert len(squad(tmp_path, [{"question": "q", "context": "c", "answer": "c"}]).rows) == 1
