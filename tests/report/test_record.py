import json
import os
from enum import Enum
from pathlib import Path

import pytest

from accel.report.record import machine, new_record, plain, read_record, versions, write_record


class Colour(Enum):
    red = 1


def test_values_become_plain_json(tmp_path):
    record = {**new_record(["a=1"]), "x": {Colour.red: (1, float("nan"))}, "y": Colour.red, "z": Path("p")}
    write_record(record, tmp_path)
    read = json.loads((tmp_path / "result.json").read_text())
    assert read["x"] == {"Colour.red": [1, "nan"]}
    assert (read["y"], read["z"]) == ("red", "p")
    assert [p.name for p in tmp_path.iterdir()] == ["result.json"]


def test_says_where_and_with_what(monkeypatch):
    assert machine()["cores"] >= 1
    assert versions()["torch"].startswith("2.")
    assert plain({"a": [1, None, True]}) == {"a": [1, None, True]}


def test_what_was_typed_is_in_the_record(tmp_path):
    words = ["seed=3", "compression=[prune]", "tracker.api_key=hf_a1a1a1a1a1a1a1a1a1a1"]
    write_record(new_record(words), tmp_path)
    assert read_record(tmp_path)["overrides"][:2] == words[:2]
    assert "hf_a1" not in (tmp_path / "result.json").read_text()


@pytest.mark.parametrize("written", [0, 100, None])
def test_a_reader_finds_the_old_record_until_the_new_one_is_whole(tmp_path, monkeypatch, written):
    """Killed before, while or right after it is written down."""
    write_record(new_record(["a=1"]), tmp_path)

    def killed(descriptor):
        if written is not None:
            os.ftruncate(descriptor, written)
        raise KeyboardInterrupt

    monkeypatch.setattr("accel.core.durable.os.fsync", killed)
    with pytest.raises(KeyboardInterrupt):
        write_record(new_record(["a=2"]), tmp_path)
    assert read_record(tmp_path)["overrides"] == ["a=1"]
    monkeypatch.undo()
    write_record(new_record(["a=2"]), tmp_path)
    assert read_record(tmp_path)["overrides"] == ["a=2"]
    assert [path.name for path in tmp_path.iterdir()] == ["result.json"]
