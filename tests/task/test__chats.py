"""What tasks of conversations have in common: their objective, their sizes, splits that must not be empty."""

import pytest

from accel.config.compose import compose
from accel.core.metric import OF_CHAT, OF_REPLY_SELECTION
from accel.data import Dataset, Split
from accel.data.chat_templates import PLAIN
from accel.data.conversations import conversation
from accel.data.examples import Example, Tally
from accel.errors import DataError, PlanError
from accel.objective.chat import Chat
from accel.objective.reply_selection import ReplySelection
from accel.plan.decide import decide
from accel.task._chats import ChatTask, assemble


class Talks(ChatTask):
    def load(self, seed):
        return assemble(([Example(("a",), "")], [Example(("b",), "")], [Example(("c",), "")]), Tally(), "task=talks")


class Others(Talks):
    def predicts(self):
        return Odd


class Odd(Chat):
    metrics = OF_CHAT[:1]


def test_the_objective_has_the_template_and_the_metrics_are_known_without_it():
    task = Talks(template="plain", max_length=32)
    assert task.objective(task.load(0)) == Chat(template=PLAIN)
    assert task.metrics() == Chat.metrics
    assert task.max_tokens() == 32
    assert Others().metrics() == OF_CHAT[:1]


def test_another_split_is_another_fingerprint():
    parts = [[Example((letter,), "")] for letter in "abc"]
    first = assemble((parts[0], parts[1], parts[2]), Tally(), "x")
    second = assemble((parts[1], parts[0], parts[2]), Tally(), "x")
    assert first.fingerprint == Talks().load(0).fingerprint != second.fingerprint
    assert first.train.labels == first.label_names == []


def test_an_empty_split_is_refused():
    with pytest.raises(DataError, match="no example is left for the test split"):
        assemble(([Example(("a",), "")], [Example(("b",), "")], []), Tally(), "task=talks")


def test_replies_are_selected_where_that_is_asked_for():
    """Negative control: not by default."""
    pieces = [
        (conversation([{"role": "user", "content": "a"}, {"role": "assistant", "content": f"b {n}"}]),)
        for n in range(10)
    ]
    data = Dataset(*[Split(pieces, [])] * 3, label_names=[], fingerprint="")
    assert Talks(selections=5).objective(data) == ReplySelection(selections=5)
    assert Talks(selections=5).metrics() == ReplySelection.metrics == OF_REPLY_SELECTION
    assert type(Talks().objective(data)) is Chat
    with pytest.raises(DataError, match="the validation split has 1 different last replies"):
        Talks(selections=5).objective(Dataset(*[Split(pieces[:1], [])] * 3, label_names=[], fingerprint=""))


def test_a_number_of_selections_that_cannot_be_is_refused():
    words = ["task=chitchat_replies", "model=tiny_gpt2", "task.template=plain"]
    with pytest.raises(PlanError, match="at least 0"):
        decide(compose([*words, "task.selections=-1"]))
    decide(compose([*words, "task.selections=200"]))
