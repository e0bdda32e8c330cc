"""Pieces of dialogues, on the real file where the package is installed and on a stand-in where it is not."""

import json
from importlib.metadata import PackageNotFoundError, version
from types import SimpleNamespace

import pytest

from accel.config.compose import compose
from accel.data.conversations import turns_of
from accel.errors import PlanError
from accel.plan.decide import decide
from accel.task.chitchat_replies import ChitchatReplies, _pieces
from accel.weights import packaged


@pytest.fixture
def dialogues(tmp_path, monkeypatch):
    """40 of them, of 2 to 13 turns."""
    chats = {str(n): {"messages": [[{"text": f"turn {t} of chat {n}"}] for t in range(2 + n % 12)]} for n in range(40)}
    file = tmp_path / "dataset.json"
    file.write_text(json.dumps(chats))
    monkeypatch.setattr(packaged, "distribution", lambda name: SimpleNamespace(locate_file=lambda path: file))


@pytest.mark.usefixtures("dialogues")
def test_pieces_are_whole_exchanges_and_lose_at_most_a_last_turn():
    for piece in _pieces(4):
        said = turns_of(piece.texts[0])
        assert len(said) in (2, 4)
        assert [turn["role"] for turn in said] == ["user", "assistant"] * (len(said) // 2)
        numbers = [int(turn["content"].split()[1]) for turn in said]
        assert numbers == list(range(numbers[0], numbers[0] + len(said)))
    turns = sum(len(turns_of(piece.texts[0])) for piece in _pieces(4))
    assert turns == sum((2 + n % 12) // 2 * 2 for n in range(40))


@pytest.mark.usefixtures("dialogues")
def test_a_dialogue_stays_whole_in_one_split():
    data = ChitchatReplies(turns=2, test_fraction=0.2, validation_fraction=0.2).load(0)
    of = [
        {turns_of(text)[0]["content"].split("chat ")[1] for (text,) in split.texts}
        for split in (data.train, data.validation, data.test)
    ]
    assert all(of)
    assert sum(map(len, of)) == len(set().union(*of)) == 40


def test_an_odd_piece_is_refused():
    with pytest.raises(PlanError, match="turns must be an even number"):
        decide(compose(["task=chitchat_replies", "task.turns=3", "model=tiny_gpt2"]))


def installed():
    try:
        return version("chitchat-dataset") == "0.9.0"
    except PackageNotFoundError:
        return False


@pytest.mark.skipif(not installed(), reason="the package chitchat-dataset 0.9.0 is not installed")
def test_the_pieces_are_many_and_different():
    data = ChitchatReplies().load(0)
    texts = [text for split in (data.train, data.validation, data.test) for (text,) in split.texts]
    assert len(texts) == len(set(texts)) > 20_000
