"""A text for a text: what the decoder is given and learns, the loss as a loop over texts, what is scored and answered."""

from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F
from transformers import BartConfig, BertConfig, T5Config

from accel.behaviour.written import number_of
from accel.core.meta import Meta
from accel.data import Dataset, Split
from accel.data.collate import Collator
from accel.data.evaluation_batches import evaluation_order
from accel.data.tokenized import Tokenized
from accel.errors import DataError
from accel.model.tiny_t5 import TinyT5
from accel.objective.registry import objective_of
from accel.objective.sequence_to_sequence import IGNORED, SequenceToSequence

TINY = TinyT5(width=16, num_layers=1, num_heads=2)
OBJECTIVE = SequenceToSequence(12, 1).reading(TINY.tokenizer())
PAIRS = [("abc", "cba"), ("好人", "人好"), ("a longer text", "a far longer target"), ("x", "y")]


def tokenized(pairs=PAIRS):
    found = OBJECTIVE.encode(Split(list(pairs), []), TINY.tokenizer(), 16)
    return found, Tokenized(found.input_ids, [], targets=found.targets)


def collate(data, indices):
    return Collator(0, OBJECTIVE.targets, OBJECTIVE.rows, OBJECTIVE.more)([data[i] for i in indices])


def test_the_decoder_is_given_each_token_one_place_later_and_padding_is_not_learned():
    found, data = tokenized()
    batch = collate(data, range(4))
    assert found.num_truncated == 1
    for row, given, mask, (source, target) in zip(
        batch["labels"], batch["decoder_input_ids"], batch["attention_mask"], PAIRS, strict=True
    ):
        true = row[row != IGNORED].tolist()
        assert true[-1] == 3  # the end is learned, or nothing ever ends
        assert OBJECTIVE.said(row) == target[: 12 - 2]
        assert given.tolist()[: len(true)] == [0, *true[:-1]]
        assert (given[len(true) :] >= 0).all()
        assert int(mask.sum()) == len(source.encode()) + 2
    assert (batch["labels"] == IGNORED).any()


def test_a_tokenizer_that_ends_no_text_gets_an_end():
    tokenizer = TINY.tokenizer()
    tokenizer.backend_tokenizer.post_processor = None
    found = OBJECTIVE.encode(Split([("ab", "c"), ("ab", "c" * 40)], []), tokenizer, 16)
    answers = [ids[flags == 1].tolist() for ids, flags in zip(found.input_ids, found.targets, strict=True)]
    assert [ids[-1] for ids in answers] == [3, 3]
    assert [len(ids) for ids in answers] == [2, 12]


def test_the_loss_is_a_loop_over_texts_and_so_is_its_score():
    _, data = tokenized()
    batch = collate(data, range(4))
    logits = torch.randn(*batch["labels"].shape, 261, generator=torch.Generator().manual_seed(0)).double()
    each = [F.cross_entropy(row[true >= 0], true[true >= 0]) for row, true in zip(logits, batch["labels"], strict=True)]
    expected = float(torch.stack(each).mean())
    assert float(OBJECTIVE.loss(SimpleNamespace(logits=logits), batch)["loss"]) == pytest.approx(expected, abs=1e-12)
    scores = OBJECTIVE.scores(data)
    for i in range(4):
        alone = collate(data, [i])
        scores.update(logits[i : i + 1, : alone["labels"].shape[1]], alone["labels"])
    assert scores.compute().metrics["loss"] == pytest.approx(expected, rel=1e-6)


def test_what_is_written_is_scored_whatever_the_batch():
    """A network that writes one text by heart: right once, partly right once."""
    _, data = tokenized([("abc", "one two"), ("abd", "one three"), ("abe", "好")])

    class Parrot:
        def __call__(self, ids):
            return torch.tensor(TINY.tokenizer()("one two")["input_ids"] + [0, 0]).expand(len(ids), -1)

    class Fixed(SequenceToSequence):
        def written(self, model, inputs):
            return model(inputs["input_ids"])

    fixed = Fixed(12, 1).reading(TINY.tokenizer())
    for size in (1, 3):
        scores = fixed.scores(data)
        for rows in torch.from_numpy(evaluation_order(data)).split(size):
            batch = collate(data, rows.tolist())
            scores.update(torch.zeros(*batch["labels"].shape, 261), batch["labels"])
            scores.observe(Parrot(), batch)
        report = scores.compute()
        found, kept = report.metrics, report.kept
        assert kept is not None
        assert kept.overlaps.tolist() == [1, 0.5, 0]
        assert kept.hits.tolist() == [True, False, False]
        assert kept.texts.tolist() == [number_of("one two")] * 3
        assert kept.truths.tolist() == [number_of(text) for text in ("one two", "one three", "好")]
        assert fixed.parts_of_quality(kept, data).tolist() == [[1, 1], [0.5, 1], [0, 1]]
        scores.reset()
        scores.update(torch.zeros(*batch["labels"].shape, 261), batch["labels"])
        assert scores.compute().kept is None  # no network was seen writing
        assert found["rouge_l"] == pytest.approx((1 + 0.5 + 0) / 3)
        assert found["exact_match"] == pytest.approx(1 / 3)
    assert [m.key for m in OBJECTIVE.metrics] == list(found)


def test_answers_are_texts_and_settings_go_with_the_model():
    found = objective_of(Meta(max_length=8, **OBJECTIVE.artifact_facts()))
    assert found == OBJECTIVE
    ids = torch.tensor([2, *(TINY.tokenizer()("ok")["input_ids"][1:-1]), 3, 0, 0])
    assert OBJECTIVE.answer(ids, None) == {"output": "ok"}
    with pytest.raises(DataError, match="nothing to explain"):
        OBJECTIVE.explained(ids, ids)


def test_copying_the_source_is_told_beside():
    split = Split([("a b", "a b"), ("a b", "a c")], [])
    (guess,) = OBJECTIVE.baselines(Dataset(split, split, split, [], ""))
    assert guess["metrics"] == {"rouge_l": 0.75, "exact_match": 0.5}


@pytest.mark.parametrize(
    ("config", "text"),
    [
        (BertConfig(), "A bert has no encoder and decoder"),
        (T5Config(decoder_start_token_id=7), "begins with token 7"),
        (BartConfig(), "begins with token 2"),  # its end; this tokenizer is T5's
    ],
)
def test_what_does_not_write_or_begins_otherwise_is_refused(config, text):
    with pytest.raises(DataError, match=text):
        OBJECTIVE.configured(config)


def test_a_bart_begins_with_the_end():
    tokenizer = TINY.tokenizer()
    tokenizer.bos_token = "[CLS]"
    bart = SequenceToSequence(8).reading(tokenizer)
    assert bart.configured(BartConfig(decoder_start_token_id=3)).decoder_start_token_id == 3
    assert bart.more(torch.tensor([[5, 6, 3, IGNORED]]))["decoder_input_ids"].tolist() == [[3, 5, 6, 3]]
