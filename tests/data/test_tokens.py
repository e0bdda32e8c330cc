"""Tokens on disk: the same tokens, made once, mapped and not read."""

import json
import threading
from dataclasses import replace

import numpy as np
import pytest

from accel.data.tokens import NOTE, Encoded, Ragged, once, read, write

ROWS = [[5, 6, 7], [], [8], [9, 10]]


def encoded():
    return {"train": Encoded(Ragged.of(ROWS), Ragged.of([[0] * len(row) for row in ROWS]), 2)}


def rows(ragged):
    return [row.tolist() for row in ragged]


def test_rows_of_varying_length():
    ragged = Ragged.of(ROWS)
    assert rows(ragged) == ROWS
    assert ragged[-1].tolist() == [9, 10]
    assert rows(ragged[1::2]) == [[], [9, 10]]
    assert ragged.lengths.tolist() == [3, 0, 1, 2]
    with pytest.raises(IndexError):
        ragged[4]
    assert rows(Ragged.of([])) == []


def test_what_is_read_is_what_was_written_and_mapped(tmp_path):
    write(encoded(), tmp_path / "x")
    found = read(tmp_path / "x")
    assert rows(found["train"].input_ids) == ROWS
    assert rows(found["train"].token_type_ids) == [[0] * len(row) for row in ROWS]
    assert found["train"].num_truncated == 2
    assert isinstance(found["train"].input_ids.values, np.memmap)


@pytest.mark.parametrize("file", ["train.values.npy", "train.ends.npy", "train.types.values.npy", NOTE])
def test_what_is_not_whole_is_made_again(tmp_path, file):
    write(encoded(), tmp_path / "x")
    whole = (tmp_path / "x" / file).read_bytes()
    for left in (b"", whole[:-3]):
        (tmp_path / "x" / file).write_bytes(left)
        again, reused = once(tmp_path / "x", encoded)
        assert not reused
        assert rows(again["train"].input_ids) == ROWS
        assert once(tmp_path / "x", encoded)[1], "and kept this time"


def test_of_many_at_once_one_makes_it(tmp_path):
    made, results = [], []

    def make():
        made.append(1)
        return encoded()

    def ask():
        results.append(once(tmp_path / "deep" / "x", make))

    threads = [threading.Thread(target=ask) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1
    assert sorted(reused for _, reused in results) == [False, True, True, True, True]


def test_a_place_that_cannot_be_written_costs_no_run(tmp_path):
    (tmp_path / "file").write_text("")
    found, reused = once(tmp_path / "file" / "x", encoded)
    assert rows(found["train"].input_ids) == ROWS
    assert not reused


def test_the_note_says_what_there_is(tmp_path):
    write(encoded(), tmp_path / "x")
    assert json.loads((tmp_path / "x" / NOTE).read_text()) == {
        "train": {"rows": 4, "tokens": 6, "beside": ["types"], "grouped": False, "num_truncated": 2, "num_lost": 0}
    }


def test_whose_rows_they_are_is_kept_and_has_to_fit(tmp_path):
    owners = np.array([0, 0, 1, 2])
    write({"train": replace(encoded()["train"], records=owners)}, tmp_path / "x")
    found = read(tmp_path / "x")
    assert found is not None
    assert found["train"].records.tolist() == owners.tolist()
    np.save(tmp_path / "x" / "train.records.npy", owners[:3])
    assert read(tmp_path / "x") is None


@pytest.mark.fault("R7")
def test_a_flipped_token_is_made_again(tmp_path):
    write(encoded(), tmp_path / "x")
    file = tmp_path / "x" / "train.values.npy"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    again, reused = once(tmp_path / "x", encoded)
    assert not reused
    assert rows(again["train"].input_ids) == ROWS
