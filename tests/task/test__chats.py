"""What tasks of conversations have in common: their objective, their sizes, splits that must not be empty."""

import pytest

from accel.core.metric import OF_CHAT
from accel.data.chat_templates import PLAIN
from accel.data.examples import Example, Tally
from accel.errors import DataError
from accel.objective.chat import Chat
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
