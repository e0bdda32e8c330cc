"""Tokens with tags, columns and spans of characters become one text with a tag for each word."""

import json

import pytest

from accel.data.read_table import read_table
from accel.data.words import entities, joined, of_spans, of_tokens, read_conll, spelled, tagged, words_of
from accel.errors import DataError


def cut(text):
    return [text[a:b] for a, b in words_of(text)]


def test_words_are_letters_and_digits_signs_and_ideographs():
    assert cut("Dr. O'Neil paid $3.5m — in 北京市!") == [
        *("Dr", ".", "O", "'", "Neil", "paid", "$", "3", ".", "5m", "—", "in", "北", "京", "市", "!")
    ]
    assert spelled("  北京2008 ") == "北 京 2008"
    assert cut("naïve Ελλάδα") == ["naïve", "Ελλάδα"]


@pytest.mark.parametrize(
    ("tags", "found"),
    [  # strict IOB2, as seqeval's mode="strict", scheme=IOB2 has it
        (["B-X", "I-X", "O", "B-Y"], [(0, 2, "X"), (3, 4, "Y")]),
        (["B-X", "B-X"], [(0, 1, "X"), (1, 2, "X")]),
        (["I-X", "I-X"], []),
        (["O", "I-X", "B-X", "I-Y"], [(2, 3, "X")]),
        (["B-X", "I-Y", "I-X"], [(0, 1, "X")]),
        ([], []),
    ],
)
def test_only_b_begins_an_entity(tags, found):
    assert entities(tags) == found


def test_tokens_in_any_scheme_of_tags_become_the_same():
    tokens = ["Carl", "Max", "left", "Bolt", "Inc", "in", "Rome"]
    iob2 = ["B-P", "I-P", "O", "B-O", "I-O", "O", "B-L"]
    expected = joined(tokens, iob2, "here")
    assert expected.text == "Carl Max left Bolt Inc in Rome"
    assert list(expected.tags) == iob2
    assert joined(tokens, ["B-P", "E-P", "O", "B-O", "L-O", "O", "S-L"], "here") == expected
    assert joined(tokens, ["I-P", "I-P", "O", "I-O", "I-O", "O", "U-L"], "here") == expected


def test_a_token_of_several_words_is_one_entity_and_ideographs_have_no_space_between():
    found = joined(["U.S.", "说", "北", "京"], ["B-L", "O", "B-L", "I-L"], "here")
    assert found.text == "U.S. 说北京"
    assert joined(["北", "京", "、", "上海", "A"], ["O"] * 5, "here").text == "北京、上海 A"
    assert entities(found.tags) == [(0, 4, "L"), (5, 7, "L")]


def test_spans_of_characters():
    found = tagged("Ann, of Acme.", [(8, 12, "ORG"), (0, 3, "PER")], "here")
    assert found.tags == ("B-PER", "O", "O", "B-ORG", "O")


WRONG = {
    "outside": ("Ann", [(0, 9, "P")], "outside of its text"),
    "empty": ("Ann", [(2, 2, "P")], "outside of its text"),
    "a part of a word": ("Anna left", [(0, 3, "P")], "whole words"),
    "white space": ("Ann  left", [(3, 5, "P")], "whole words"),
    "overlap": ("Ann left", [(0, 8, "P"), (4, 8, "P")], "overlaps"),
}


@pytest.mark.fault("B1")
@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_span_is_refused(name):
    text, spans, message = WRONG[name]
    with pytest.raises(DataError, match=message):
        tagged(text, spans, "file, line 3")


def test_misaligned_or_unknown_tags_are_refused():
    with pytest.raises(DataError, match="line 3: 2 tokens and 1 tags"):
        joined(["a", "b"], ["O"], "file, line 3")
    for tag in ("PER", "X-PER", "B-", "B"):
        with pytest.raises(DataError, match="is no tag"):
            joined(["a"], [tag], "here")


def test_conll_columns(tmp_path):
    file = tmp_path / "a.conll"
    file.write_text("-DOCSTART- -X- O\n\nAnn NNP B-PER\nleft VB O\n\n\nAcme NNP B-ORG")
    found = list(read_conll(file))
    assert [(s.text, s.tags) for s in found] == [("Ann left", ("B-PER", "O")), ("Acme", ("B-ORG",))]
    file.write_text("Ann O\nleft\n")
    with pytest.raises(DataError, match=r"line 2: 'left' has no tag"):
        list(read_conll(file))


def rows(tmp_path, *values):
    file = tmp_path / "a.jsonl"
    file.write_text("\n".join(map(json.dumps, values)))
    return read_table(str(file), "task.train")


def test_json_lines_of_either_kind(tmp_path):
    (one,) = of_tokens(rows(tmp_path, {"tokens": ["Ann", "left"], "tags": ["B-P", "O"]}), "tokens", "tags")
    for mark in ({"start": 0, "end": 3, "label": "P"}, [0, 3, "P"]):
        (other,) = of_spans(rows(tmp_path, {"text": "Ann left", "spans": [mark]}), "text", "spans")
        assert other == one
    (empty,) = of_spans(rows(tmp_path, {"text": "Ann left", "spans": None}), "text", "spans")
    assert empty.tags == ("O", "O")


BAD_ROWS = {
    "tags are numbers": ({"tokens": ["a"], "tags": [1]}, "not a word"),
    "tokens are a text": ({"tokens": "a b", "tags": ["O", "O"]}, "not a list"),
    "a span without a label": ({"text": "a", "spans": [{"start": 0, "end": 1}]}, "is no span"),
    "a span of words": ({"text": "a", "spans": [["0", "1", "P"]]}, "is no span"),
    "a text that is a number": ({"text": 3, "spans": []}, "not a text"),
    "spans are a mapping": ({"text": "a", "spans": {"start": 0}}, "not a list"),
}


@pytest.mark.parametrize("name", BAD_ROWS)
def test_a_wrong_row_is_named(tmp_path, name):
    row, message = BAD_ROWS[name]
    table = rows(tmp_path, row)
    with pytest.raises(DataError, match=f"line 1.*{message}"):
        list(of_tokens(table, "tokens", "tags") if "tokens" in row else of_spans(table, "text", "spans"))
