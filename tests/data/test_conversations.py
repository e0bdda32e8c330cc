"""Conversations from files: both spellings of turns, and everything that is wrong with one, by line and turn."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from accel.data.conversations import read_conversations, row_of, turns_of
from accel.data.examples import Tally
from accel.errors import DataError

ASKED, REPLIED = {"role": "user", "content": "hi"}, {"role": "assistant", "content": "hello"}
GOOD = [ASKED, REPLIED]


def written(path, *rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def read(path, column=None, split_by=None, tally=None):
    return read_conversations(path, "task.train", column, split_by, tally or Tally())


def test_turns_are_kept_in_order_whoever_spelled_them(tmp_path):
    system = {"role": "system", "content": " Be kind. "}
    shared = [{"from": "human", "value": "hi"}, {"from": "gpt", "value": "hello"}]
    path = written(tmp_path / "a.jsonl", {"messages": [system, *GOOD]})
    other = written(tmp_path / "b.json", {"conversations": shared, "id": 1})
    (first,), (second,) = read(path), read(other)
    assert turns_of(first.texts[0]) == [{"role": "system", "content": "Be kind."}, *GOOD]
    assert turns_of(second.texts[0]) == GOOD
    assert first.where.endswith("a.jsonl, line 1")


def test_parquet_and_a_column_of_another_name(tmp_path):
    pq.write_table(pa.table({"dialogue": [[*GOOD, ASKED, REPLIED]]}), tmp_path / "a.parquet")
    (found,) = read(str(tmp_path / "a.parquet"), "dialogue")
    assert turns_of(found.texts[0]) == GOOD * 2


def test_equal_conversations_count_once_and_groups_are_kept(tmp_path):
    rows = [{"messages": GOOD, "who": "a"}, {"messages": [ASKED, {**REPLIED, "content": "ho"}], "who": "b"}]
    tally = Tally()
    found = read(written(tmp_path / "a.jsonl", *rows, rows[0]), split_by="who", tally=tally)
    assert [e.group for e in found] == ["a", "b"]
    assert tally.duplicates == 1


def test_half_a_character_is_replaced_and_counted(tmp_path):
    tally = Tally()
    file = written(tmp_path / "a.jsonl", {"messages": [{**ASKED, "content": "a\ud800"}, REPLIED]})
    (found,) = read(file, tally=tally)
    assert turns_of(found.texts[0])[0]["content"] == "a\ufffd"
    assert tally.notes == [
        "1 conversation of a.jsonl with half a character (a lone surrogate), which is replaced; first in line 1"
    ]


def test_every_turn_could_be_read_somewhere_else(tmp_path):
    (found,) = read(written(tmp_path / "a.jsonl", {"messages": GOOD}))
    assert row_of(found.texts[0]).parts == ("hi", "hello")


WRONG = {
    "no list": ("hi", "holds a str, not a list of turns"),
    "no turn": ([], "the conversation has no turn"),
    "a turn that is a text": (["hi"], "turn 1 is a str, not an object"),
    "no role": ([{"content": "hi"}, REPLIED], "turn 1 has no 'role'"),
    "no sender": ([{"value": "hi"}, REPLIED], "turn 1 has no 'from'"),
    "no content": ([ASKED, {"role": "assistant"}], "turn 2 has no 'content'"),
    "null content": ([ASKED, {"role": "assistant", "content": None}], "turn 2 has no 'content'"),
    "content of parts": ([{"role": "user", "content": [{"type": "text"}]}, REPLIED], "holds a list, not a text"),
    "an empty turn": ([{"role": "user", "content": " \n"}, REPLIED], "turn 1 is empty"),
    "an unknown role": ([{"role": "asistant", "content": "hi"}, REPLIED], "nobody is called 'asistant'.*assistant"),
    "a role that is no word": ([{"role": 1, "content": "hi"}, REPLIED], "nobody is called 1"),
    "a tool": ([ASKED, {"role": "tool", "content": "4"}], "turn 2 calls a tool"),
    "a call": ([ASKED, {"role": "assistant", "content": "", "tool_calls": [{}]}], "turn 2 calls a tool"),
    "two questions": ([ASKED, ASKED, REPLIED], "turn 2: two turns of the user follow each other"),
    "two replies": ([ASKED, REPLIED, REPLIED], "turn 3: two turns of the assistant"),
    "the assistant begins": ([REPLIED, ASKED, REPLIED], "turn 1: the assistant begins"),
    "system in the middle": ([*GOOD, {"role": "system", "content": "x"}, *GOOD], "turn 3: a system turn stands in"),
    "a question without a reply": ([*GOOD, ASKED], "ends with a turn of the user"),
    "system alone": ([{"role": "system", "content": "x"}], "ends with a turn of the system"),
}


@pytest.mark.fault("B1")
@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_told_with_its_line(tmp_path, name):
    turns, message = WRONG[name]
    file = written(tmp_path / "a.jsonl", {"messages": GOOD}, {"messages": turns})
    with pytest.raises(DataError, match=rf"(?s)a\.jsonl, line 2.*{message}"):
        read(file)


def test_files_that_hold_no_lists_are_refused_by_name(tmp_path):
    (tmp_path / "a.csv").write_text("messages\nhi\n")
    with pytest.raises(DataError, match=r"\.csv is no format.*\.jsonl"):
        read(str(tmp_path / "a.csv"))
    with pytest.raises(DataError, match="no column 'messages'.*'texts'"):
        read(written(tmp_path / "a.jsonl", {"texts": GOOD}))
