"""What the tasks of questions share: settings that cannot be, and rules that read no network."""

from types import SimpleNamespace

import pytest

from accel.data.examples import Example, Tally
from accel.errors import DataError
from accel.model.tiny_bert import TinyBert
from accel.model.tiny_gpt2 import TinyGpt2
from accel.task._answers import _nearest_sentence, assemble, labelled
from accel.task.question_answering import QuestionAnswering


def refused(model=None, **settings):
    plan = SimpleNamespace(model=model or TinyBert(), privacy=None)
    return [objection.what for objection in QuestionAnswering(train="q.jsonl", **settings).objections(plan)]


@pytest.mark.parametrize(
    "settings",
    [
        {"max_length": 16, "stride": 0},
        {"stride": -1},
        {"stride": 90},
        {"max_answer_length": 0},
        {"threshold": float("nan")},
        {"text": ["question", "question"]},
        {"text": "question"},
        {"text": ["question", "answer"]},
        {"model": TinyGpt2()},
        {"test_fraction": 1.5},
    ],
)
def test_settings_that_cannot_be_are_refused(settings):
    assert len(refused(**settings)) == 1
    assert not refused(stride=85, max_answer_length=1, threshold=-2.5, max_length=256)


def test_the_nearest_sentence_shares_most_words_with_the_question():
    context = "Ann met Bob. Bob went to Rome in May!  It rained."
    assert context[slice(*_nearest_sentence("Where did Bob go in May", context))] == "Bob went to Rome in May!"
    assert context[slice(*_nearest_sentence("nothing alike", context))] == "Ann met Bob."
    chinese = "他在北京。她在上海。"
    assert chinese[slice(*_nearest_sentence("谁在上海？", chinese))] == "她在上海。"
    assert _nearest_sentence("who", "...") == (0, 3)


def test_what_has_no_answer_at_all_teaches_nothing():
    none, some = (Example(("q", "a b"), labelled(places)) for places in ([], [(0, 1)]))
    with pytest.raises(DataError, match="no question of training has an answer"):
        assemble(([none], [some], [some]), Tally(), "task.train=q.jsonl")
    with pytest.raises(DataError, match="no example is left for the test split"):
        assemble(([some], [some], []), Tally(), "task.train=q.jsonl")
    assert assemble(([some], [none], [none]), Tally(), "x").train.labels == [[[0, 1]]]
