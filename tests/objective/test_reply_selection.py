"""The true reply among ten: the draws, the likelihoods beside a naive loop, padding, ties, and what is refused."""

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from accel.data import Split
from accel.data.chat_templates import PLAIN
from accel.data.collate import Collator
from accel.data.tokenized import Tokenized
from accel.data.tokens import IGNORED
from accel.errors import DataError
from accel.model._tiny import byte_tokenizer
from accel.objective import reply_selection
from accel.objective.chat import Chat
from accel.objective.reply_selection import ReplySelection, check_replies, contests, share_of_first
from accel.objective.scores import Report

PIECES = 261
WORDS = ["gate", "bag", "crew", "late", "meal", "seat", "yes", "no", "row 7", "tomorrow", "soon", "who knows", "never"]


def chat(*words):
    return (json.dumps([{"role": ("user", "assistant")[n % 2], "content": word} for n, word in enumerate(words)]),)


def tokenized(texts, max_length=64):
    tokenizer = Chat(template=PLAIN).adapted(byte_tokenizer(segments=False))
    found = Chat(template=PLAIN).encode(Split(texts, []), tokenizer, max_length)
    return Tokenized(found.input_ids, [], targets=found.targets)


@pytest.fixture(scope="module")
def split():
    """20 conversations, some of two replies; 13 different last replies."""
    return tokenized([chat(f"what is {n}", *(["hm", "so"] if n % 3 else []), WORDS[n % 13]) for n in range(20)])


class Bigrams(nn.Module):
    """Each token depends on the one before it alone."""

    def __init__(self, seed=0):
        super().__init__()
        self.table = torch.randn(PIECES, PIECES, generator=torch.Generator().manual_seed(seed))

    def forward(self, input_ids, attention_mask):
        return SimpleNamespace(logits=self.table[input_ids])


def naive(model, row):
    """The mean log-probability of the tokens of one row's reply, one by one."""
    told = [
        float(model.table[int(before)].double().log_softmax(0)[int(token)])
        for before, token in zip(row["input_ids"], row["input_ids"][1:], strict=False)
    ]
    return np.mean([value for value, target in zip(told, row["targets"][1:], strict=True) if target != IGNORED])


def selected(split, model, objective):
    collator = Collator(0, objective.targets)
    return objective.examined(Report({"loss": 1.0}), model, split, collator).metrics


def reply_of(row):
    return bytes(row["targets"][row["targets"] != IGNORED].astype(np.int32))


def up_to_the_last_reply(split):
    """The plain template ends a conversation with a line break behind it."""
    return {bytes(row["input_ids"][:-1]) for row in (split[n] for n in range(len(split)))}


def test_each_selection_is_one_conversation_with_ten_different_replies_the_true_one_first(split):
    rows = contests(split, 8)
    assert len(rows) == 80
    assert {bytes(rows[n]["input_ids"]) for n in range(0, 80, 10)} <= up_to_the_last_reply(split)
    assert not {bytes(rows[n]["input_ids"]) for n in range(1, 80, 10)} & up_to_the_last_reply(split)
    for start in range(0, 80, 10):
        ten = [rows[n] for n in range(start, start + 10)]
        assert len({reply_of(row) for row in ten}) == 10
        begin = int((ten[0]["targets"] != IGNORED).argmax())
        assert {bytes(row["input_ids"][:begin]) for row in ten} == {bytes(ten[0]["input_ids"][:begin])}


def test_the_draws_are_the_same_every_time_and_all_are_asked_where_there_are_fewer(split):
    assert np.array_equal(contests(split, 8).input_ids.values, contests(split, 8).input_ids.values)
    few, more = contests(split, 8), contests(split, 12)
    assert np.array_equal(few.input_ids.values, more.input_ids.values[: len(few.input_ids.values)])
    assert len(contests(split, 500)) == 200


@pytest.mark.parametrize("seed", [0, 1])
def test_the_share_is_that_of_a_loop_whatever_the_batches_and_the_padding(split, seed):
    model, rows = Bigrams(seed), contests(split, 20)
    told = np.array([naive(model, rows[n]) for n in range(len(rows))]).reshape(-1, 10)
    expected = float((told.argmax(1) == 0).mean())
    for tokens in (1, 200, 10_000):
        objective = type("Sized", (ReplySelection,), {"evaluation_tokens": tokens})(selections=20)
        assert selected(split, model, objective) == {"loss": 1.0, "recall_at_1_of_10": pytest.approx(expected)}
    assert 0 < expected < 1


def test_a_model_that_knows_the_replies_finds_them_and_one_that_knows_nothing_has_chance(split):
    class Knows(nn.Module):
        def forward(self, input_ids, attention_mask):
            known = up_to_the_last_reply(split)
            rows = zip(input_ids.int(), attention_mask.bool(), strict=True)
            right = [bytes(row[mask].numpy()) in known for row, mask in rows]
            sure = torch.nn.functional.one_hot(input_ids.roll(-1, 1), PIECES) * torch.tensor(right)[:, None, None]
            return SimpleNamespace(logits=sure.float())

    class Nothing(nn.Module):
        def forward(self, input_ids, attention_mask):
            return SimpleNamespace(logits=torch.zeros(*input_ids.shape, PIECES))

    asked = ReplySelection(selections=20)
    assert selected(split, Knows(), asked)["recall_at_1_of_10"] == 1.0
    assert selected(split, Nothing(), asked)["recall_at_1_of_10"] == pytest.approx(0.1)
    assert asked.baselines(None)[0]["metrics"] == {"recall_at_1_of_10": 0.1}


def test_ties_share_the_hit():
    assert share_of_first(np.array([[0.0, -1.0, -2.0]])) == 1.0
    assert share_of_first(np.array([[-1.0, 0.0, -2.0]])) == 0.0
    assert share_of_first(np.array([[0.0, 0.0, -2.0], [0.0, 0.0, 0.0]])) == pytest.approx((1 / 2 + 1 / 3) / 2)


def test_no_row_is_longer_than_the_longest_of_the_split():
    split = tokenized([chat("a" * (3 * n), word * 3) for n, word in enumerate(WORDS)])
    rows = contests(split, 13)
    assert rows.lengths.max() <= split.lengths.max()
    ten = [rows[n] for n in range(10)]
    assert len({reply_of(row) for row in ten}) == 10  # none was cut
    everything = tokenized([chat("a", word * 9) for word in WORDS], max_length=20)  # replies that are cut themselves
    assert contests(everything, 3).lengths.max() <= 20


def test_where_too_few_replies_are_left_the_figure_is_left_out(split):
    few = tokenized([chat("a", word) for word in WORDS[:9]])
    assert selected(few, Bigrams(), ReplySelection()) == {"loss": 1.0}
    enough = tokenized([chat("a", word) for word in WORDS[:10]])
    assert "recall_at_1_of_10" in selected(enough, Bigrams(), ReplySelection())


def test_a_split_of_too_few_replies_is_refused_before_training():
    few, enough = (Split([chat("a", word) for word in WORDS[:n]] * 2, []) for n in (9, 10))
    with pytest.raises(DataError, match=r"task\.selections=5: the test split has 9 different last replies"):
        check_replies({"validation": enough, "test": few}, 5)
    check_replies({"validation": enough, "test": enough}, 5)


def test_it_is_a_chat_with_one_figure_more():
    found = ReplySelection(template=PLAIN, selections=7)
    assert found.name == "chat"
    assert found.metrics[:-1] == Chat.metrics
    assert found.artifact_facts() == Chat(template=PLAIN).artifact_facts()
    assert found.settings() == {"selections": 7} != replace(found, selections=8).settings()
    assert found.metrics[-1].key == reply_selection.RECALL
