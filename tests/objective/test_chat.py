"""The loss of replies against a naive loop, scores, batches, and what a language model's distillation sees of them."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from accel.data import Split
from accel.data.chat_templates import PLAIN
from accel.data.collate import Collator
from accel.data.tokenized import RECORDS, Tokenized
from accel.data.tokens import IGNORED, Ragged
from accel.errors import DataError
from accel.model._tiny import byte_tokenizer
from accel.objective.chat import Chat, ReplyScores

PIECES = 261


def chat(*words):
    roles = ("user", "assistant")
    return (json.dumps([{"role": roles[n % 2], "content": word} for n, word in enumerate(words)]),)


@pytest.fixture(scope="module")
def data():
    objective = Chat(template=PLAIN)
    tokenizer = objective.adapted(byte_tokenizer(segments=False))
    split = Split([chat("a", "bc"), chat("d", "efghij", "k", "l"), chat("mnopqrst", "u")], [])
    found = objective.encode(split, tokenizer, 64)
    return objective, Tokenized(found.input_ids, [], targets=found.targets, records=found.records)


def batch_of(data, *numbers):
    objective, tokens = data
    return Collator(0, objective.targets)([tokens[n] for n in numbers])


def logits_of(batch):
    return torch.randn(*batch["input_ids"].shape, PIECES, generator=torch.Generator().manual_seed(1))


def naive(row, labels):
    """(sum, count) over the tokens of replies of one conversation, one by one."""
    found = [
        float(cross_entropy(row[place - 1].double(), labels[place]))
        for place in range(1, len(labels))
        if labels[place] != IGNORED
    ]
    return sum(found), len(found)


def test_the_loss_is_the_mean_over_tokens_of_replies_alone(data):
    objective, _ = data
    batch = batch_of(data, 0, 1, 2)
    logits = logits_of(batch)
    sums = [naive(row, labels) for row, labels in zip(logits, batch["labels"], strict=True)]
    loss = objective.loss(SimpleNamespace(logits=logits), batch)["loss"]
    assert [count for _, count in sums] == [4, 8 + 3, 3]  # letters, the space before them, the end
    assert float(loss) == pytest.approx(sum(s for s, _ in sums) / sum(n for _, n in sums), rel=1e-6)
    changed = logits.clone()
    changed[0, :5] += torch.randn(PIECES)
    assert objective.loss(SimpleNamespace(logits=changed), batch)["loss"] == loss  # of the question
    private = objective.loss(SimpleNamespace(logits=logits), {**batch, RECORDS: torch.arange(3)})["loss"]
    assert float(private) == pytest.approx(float(np.mean([s / n for s, n in sums])), rel=1e-6)


def test_a_batch_counts_by_its_tokens_of_replies(data):
    objective, tokens = data
    assert objective.counts_in(tokens).tolist() == [4, 11, 3]


def test_scores_are_of_sums_whatever_the_batches_and_padding(data):
    batch = batch_of(data, 0, 1, 2)
    logits = logits_of(batch)
    whole, parts = ReplyScores(), ReplyScores()
    whole.update(logits, batch["labels"])
    for number in range(3):
        pad = (0, 8 * number)
        labels = torch.nn.functional.pad(batch["labels"][number : number + 1], pad, value=IGNORED)
        parts.update(torch.nn.functional.pad(logits[number : number + 1], (0, 0, *pad)), labels)
    sums = [naive(row, labels) for row, labels in zip(logits, batch["labels"], strict=True)]
    loss = sum(s for s, _ in sums) / sum(n for _, n in sums)
    found = whole.compute().metrics
    assert list(found) == [metric.key for metric in Chat.metrics]
    assert found == pytest.approx(parts.compute().metrics)
    assert found["loss"] == pytest.approx(loss, rel=1e-5)
    assert found["reply_perplexity"] == pytest.approx(np.exp(loss), rel=1e-5)
    assert found["loss"] != pytest.approx(np.mean([s / n for s, n in sums]), rel=1e-4)  # no mean of means


def test_a_batch_without_a_reply_is_an_error(data):
    objective, tokens = data
    example = {**tokens[0], "targets": np.full(len(tokens[0]["input_ids"]), IGNORED, dtype=np.int32)}
    with pytest.raises(DataError, match="no token of a reply"):
        Collator(0, objective.targets)([example])
    assert Collator(0, objective.targets)([example, tokens[1]])["labels"].shape[0] == 2


def test_a_teacher_is_imitated_where_replies_are(data):
    objective, _ = data
    batch = batch_of(data, 0, 1)
    logits = logits_of(batch)
    found = objective.predictions(logits, objective.places(batch))
    labels = batch["labels"]
    expected = [logits[b, t - 1] for b in range(2) for t in range(1, labels.shape[1]) if labels[b, t] != IGNORED]
    assert torch.equal(found, torch.stack(expected))
    assert objective.teachers == ("chat", "language modelling")


def test_an_example_of_which_only_the_first_token_is_a_reply_would_teach_nothing():
    tokens = Tokenized(Ragged.of([[1, 2]]), [], targets=Ragged.of([[1, IGNORED]]))
    assert Chat().counts_in(tokens).tolist() == [0]
    with pytest.raises(DataError, match="no token of a reply"):
        Collator(0, Chat().targets)([tokens[0]])
