"""The dialogues, on the real file where the package is installed and on a stand-in where it is not."""

import json
from importlib.metadata import PackageNotFoundError, version
from types import SimpleNamespace

import pytest

from accel.errors import DataError
from accel.task import chitchat
from accel.task.chitchat import Chitchat
from accel.weights import packaged


def chat(*turns):
    return {"messages": [[{"text": text} for text in turn] for turn in turns]}


def test_a_line_per_turn_and_one_turn_is_no_dialogue(tmp_path, monkeypatch):
    file = tmp_path / "dataset.json"
    file.write_text(
        json.dumps({"a": chat(["hi", "there\nyou"], ["hello"]), "b": chat(["alone"]), "c": chat(["x"], [])})
    )
    monkeypatch.setattr(packaged, "distribution", lambda name: SimpleNamespace(locate_file=lambda path: file))
    assert list(chitchat.conversations()) == ["hi there you\nhello"]


def test_a_missing_package_is_told(monkeypatch):
    def missing(name):
        raise PackageNotFoundError(name)

    monkeypatch.setattr(packaged, "distribution", missing)
    with pytest.raises(DataError, match="pip install --no-deps chitchat-dataset==0.9.0"):
        Chitchat().load(0)


def installed():
    try:
        return version("chitchat-dataset") == "0.9.0"
    except PackageNotFoundError:
        return False


@pytest.mark.skipif(not installed(), reason="the package chitchat-dataset 0.9.0 is not installed")
def test_the_dialogues_are_many_and_different():
    data = Chitchat().load(0)
    texts = [t for split in (data.train, data.validation, data.test) for t in split.texts]
    assert len(texts) == len(set(texts)) > 4000
    assert data.duplicates < 10
    assert all("\n" in text for (text,) in texts)
