"""Messages and replies, on a stand-in of the package's file."""

import json
from types import SimpleNamespace

import pytest

from accel.task.reply_retrieval import ReplyRetrieval
from accel.weights import packaged


@pytest.fixture
def chats(tmp_path, monkeypatch):
    file = tmp_path / "dataset.json"
    turns = [[f"hi from {n}", f"hello {n}", f"how is {n}", f"fine {n}"] for n in range(200)]
    file.write_text(json.dumps({n: {"messages": [[{"text": t}] for t in chat]} for n, chat in enumerate(turns)}))
    monkeypatch.setattr(packaged, "distribution", lambda name: SimpleNamespace(locate_file=lambda path: file))


@pytest.mark.usefixtures("chats")
def test_each_turn_is_answered_by_the_next_and_a_conversation_stays_whole():
    found = ReplyRetrieval(test_fraction=0.1, validation_fraction=0.1).load(0)
    splits = (found.train, found.validation, found.test)
    assert sum(map(len, splits)) == 600
    assert ("hello 7", "how is 7") in [pair for split in splits for pair in split.texts]
    whose = [{first.split()[-1] for first, _ in split.texts} for split in splits]
    assert not whose[0] & whose[1] | whose[1] & whose[2] | whose[0] & whose[2]
    assert {row.texts for row in ReplyRetrieval().rows()} == {pair for split in splits for pair in split.texts}
