import json
from enum import Enum
from pathlib import Path

from accel.report.record import machine, new_record, plain, versions, write_record


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
