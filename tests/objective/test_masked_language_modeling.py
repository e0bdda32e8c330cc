"""Hidden words: what is given to the network, the loss as a loop over blocks, scores that depend on no batch."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from transformers import GPT2Config, T5Config

from accel.core.meta import Meta
from accel.data import Split
from accel.data.collate import Collator
from accel.data.evaluation_batches import in_order
from accel.data.loader import DRAW
from accel.data.tokenized import RECORDS, Tokenized
from accel.errors import DataError
from accel.model.tiny_bert import TinyBert
from accel.objective.language_modeling import IGNORED
from accel.objective.masked_language_modeling import MaskedLanguageModelling
from accel.objective.registry import objective_of

TOKENIZER = TinyBert().tokenizer()
OBJECTIVE = MaskedLanguageModelling(0.3).reading(TOKENIZER)
TEXTS = [("the crew was great and the food was not",), ("好人 did it",), ("a " * 60,), ("",)]


def encoded(texts=TEXTS, length=32):
    return OBJECTIVE.encode(Split(list(texts), []), TOKENIZER, length)


def tokenized(texts=TEXTS):
    found = encoded(texts)
    return Tokenized(found.input_ids, [], targets=found.targets)


def collate(data, indices, draw=None):
    more = {} if draw is None else {DRAW: draw}
    return Collator(0, OBJECTIVE.targets, OBJECTIVE.rows)([data[i] | more for i in indices])


def test_documents_are_cut_into_blocks_and_nothing_is_lost():
    found = encoded()
    rows = [ids.tolist() for ids in found.input_ids]
    assert found.records.tolist() == [0, 0, 1, 2, 2, 2, 2]  # the empty document has none
    assert {row[0] for row in rows} == {2}
    assert {row[-1] for row in rows} == {3}
    assert TOKENIZER.decode([*rows[0][1:-1], *rows[1][1:-1]]) == TEXTS[0][0]
    for ids, units in zip(found.input_ids, found.targets, strict=True):
        assert len(ids) == len(units) <= 32
        assert units[0] == units[-1] == -1
        assert units[1] == 0


def test_targets_are_the_tokens_themselves_where_a_word_is_hidden_and_nowhere_else():
    data = tokenized()
    batch = collate(data, range(len(data)))
    changed = batch["input_ids"] != collate_plain(data)
    labels = batch["labels"]
    assert not changed[labels == IGNORED].any()
    assert torch.equal(labels[labels != IGNORED], collate_plain(data)[labels != IGNORED])
    assert ((labels != IGNORED).sum(1) > 0).all()
    assert (batch["input_ids"][labels != IGNORED] == TOKENIZER.mask_token_id).float().mean() > 0.6


def collate_plain(data):
    return Collator(0, lambda examples, ids, mask: ids)([data[i] for i in range(len(data))])["labels"]


def test_what_is_scored_hides_the_same_words_in_any_batch_and_training_others_in_every_epoch():
    data = tokenized()
    alone = [collate(data, [i])["labels"] for i in range(len(data))]
    together = collate(data, range(len(data)))["labels"]
    for one, row in zip(alone, together, strict=True):
        assert torch.equal(one[0], row[: one.shape[1]])
    draws = [collate(data, range(len(data)), draw)["labels"] for draw in [(0, 0), (0, 1), (1, 0), (0, 0)]]
    assert torch.equal(draws[0], draws[3])
    assert not any(torch.equal(a, b) for a, b in [(draws[0], draws[1]), (draws[0], draws[2]), (draws[0], together)])
    share = [list(in_order(data.share(rank, 2), 64, Collator(0, OBJECTIVE.targets, OBJECTIVE.rows))) for rank in (0, 1)]
    hidden = sorted(tuple(row[row >= 0].tolist()) for part in share for batch in part for row in batch["labels"])
    assert hidden == sorted(tuple(row[row >= 0].tolist()) for row in together)


def test_the_loss_is_a_loop_over_blocks_weighed_by_their_length():
    data = tokenized()
    batch = collate(data, range(len(data)))
    logits = torch.randn(*batch["labels"].shape, 261, generator=torch.Generator().manual_seed(0)).double()
    means = [
        F.cross_entropy(row[mark := true >= 0], true[mark]) for row, true in zip(logits, batch["labels"], strict=True)
    ]
    lengths = batch["attention_mask"].sum(1).double()
    found = OBJECTIVE.loss(SimpleNamespace(logits=logits), batch)["loss"]
    assert float(found) == pytest.approx(float((torch.stack(means) * lengths).sum() / lengths.sum()), abs=1e-12)
    assert OBJECTIVE.counts(data.lengths).tolist() == lengths.tolist()
    records = torch.from_numpy(encoded().records)
    by_record = OBJECTIVE.loss(SimpleNamespace(logits=logits), {**batch, RECORDS: records})["loss"]
    each = [
        OBJECTIVE.loss(SimpleNamespace(logits=logits[records == r]), {k: v[records == r] for k, v in batch.items()})[
            "loss"
        ]
        for r in range(3)
    ]
    assert float(by_record) == pytest.approx(float(torch.stack(each).mean()), abs=1e-12)


@pytest.mark.parametrize("size", [1, 3])
def test_scores_are_over_hidden_tokens_and_depend_on_no_batch(size):
    data = tokenized()
    batch = collate(data, range(len(data)))
    logits = torch.randn(*batch["labels"].shape, 261, generator=torch.Generator().manual_seed(0))
    scores = OBJECTIVE.scores(data)
    for rows in torch.arange(len(data)).split(size):
        scores.update(logits[rows], batch["labels"][rows])
    found = scores.compute().metrics
    mark = batch["labels"] >= 0
    expected = F.cross_entropy(logits[mark], batch["labels"][mark])
    assert [m.key for m in OBJECTIVE.metrics] == list(found)
    assert found["loss"] == pytest.approx(float(expected))
    assert found["perplexity"] == pytest.approx(float(expected.exp()), rel=1e-5)
    assert found["accuracy"] == pytest.approx(float((logits[mark].argmax(1) == batch["labels"][mark]).float().mean()))
    assert len(OBJECTIVE.predictions(logits, batch["attention_mask"])) == int(data.lengths.sum())
    kept = OBJECTIVE.kept(logits, batch["labels"], np.arange(len(data)))
    assert len(kept.truths) == int(mark.sum())


def test_what_cannot_find_hidden_words_is_refused():
    for config in (GPT2Config(), T5Config()):
        with pytest.raises(DataError, match="does not read what stands on both sides"):
            OBJECTIVE.configured(config)
    tokenizer = TinyBert().tokenizer()
    tokenizer.mask_token = None
    with pytest.raises(DataError, match="no token for a hidden word"):
        MaskedLanguageModelling().reading(tokenizer)


def test_two_that_hide_alike_are_equal():
    assert replace(OBJECTIVE, pieces=None) == MaskedLanguageModelling(0.3)
    assert objective_of(Meta(max_length=8, **OBJECTIVE.artifact_facts())) == OBJECTIVE
