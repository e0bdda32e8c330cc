"""Entities are counted strictly, whatever a model can see of them."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from accel.data import Dataset, Split
from accel.data.collate import Collator
from accel.data.tokenized import RECORDS, Tokenized
from accel.data.words import first_tokens, spelled, words_of
from accel.errors import DataError
from accel.model.tiny_bert import TinyBert
from accel.model.tiny_gpt2 import TinyGpt2
from accel.model.tiny_llama import TinyLlama
from accel.model.tiny_t5 import TinyT5
from accel.objective.tagging import IGNORED, EntityScores, Tagging

NAMES = ["O", "B-L", "I-L", "B-P", "I-P"]
TEXTS = ["Ann Lee left Rome.", "nobody here", "He saw 北京 and Ann"]
LABELS = [[3, 4, 0, 1, 0], [0, 0], [0, 0, 1, 2, 0, 3]]


def tokenized(tokenizer, max_length=64):
    split = Split([(text,) for text in TEXTS], LABELS)
    found = Tagging(NAMES).encode(split, tokenizer, max_length)
    return Tokenized(found.input_ids, LABELS, targets=found.targets, records=found.records), found


@pytest.mark.parametrize("option", [TinyBert, TinyGpt2, TinyLlama, TinyT5])
def test_the_first_token_of_each_word_has_its_tag(option):
    tokenizer = option().tokenizer()
    data, _ = tokenized(tokenizer)
    for text, tags, targets, ids in zip(TEXTS, LABELS, data.targets, data.input_ids, strict=True):
        assert [t for t in targets if t != IGNORED] == tags
        offsets = tokenizer(spelled(text), return_offsets_mapping=True)["offset_mapping"]
        first = first_tokens(text, offsets)
        assert len(first) == len(words_of(text))
        for token, (start, end) in zip(first, words_of(text), strict=True):
            begins = tokenizer.decode([ids[token]]).strip().removeprefix("##")
            assert not begins or "\ufffd" in begins or text[start:end].lower().startswith(begins.lower()[:1])


def test_what_is_cut_off_is_missed_and_a_part_of_it_is_not_learned():
    tokenizer = TinyBert().tokenizer()
    whole, _ = tokenized(tokenizer)
    last = int(np.flatnonzero(whole.targets[2] == 2)[0])
    data, encoded = tokenized(tokenizer, max_length=last + 1)  # the end mark is the last token: 京 is cut off
    assert encoded.num_truncated >= 1
    assert not {1, 2} & set(data.targets[2].tolist())
    assert {3, 4} <= set(data.targets[0].tolist())
    scores = EntityScores(NAMES, LABELS)
    batch = Collator(0, Tagging(NAMES).targets)([data[i] for i in range(3)])
    scores.update(perfect(batch["labels"]), batch["labels"])
    found = scores.compute()
    assert found.metrics["precision"] == 1.0
    assert found.metrics["recall"] < 1.0
    assert [c["support"] for c in found.classes] == [2, 2]


def perfect(labels):
    return 20.0 * F.one_hot(labels.clamp_min(0), len(NAMES)).float()


@pytest.mark.fault("N8")
def test_scores_do_not_depend_on_batches_padding_or_order():
    data, _ = tokenized(TinyBert().tokenizer())
    collate = Collator(0, Tagging(NAMES).targets)
    together, apart = EntityScores(NAMES, LABELS), EntityScores(NAMES, LABELS)
    generator = torch.Generator().manual_seed(0)
    batch = collate([data[i] for i in range(3)])
    noise = torch.randn(*batch["labels"].shape, len(NAMES), generator=generator)
    logits = 4 * noise + perfect(batch["labels"]) / 8
    together.update(logits, batch["labels"])
    for i in (2, 0, 1):
        width = len(data.input_ids[i])
        apart.update(logits[i : i + 1, :width], batch["labels"][i : i + 1, :width])
    assert together.compute().metrics == pytest.approx(apart.compute().metrics)
    assert 0 < together.compute().metrics["entity_f1"] < 1
    together.reset()
    together.update(perfect(batch["labels"]), batch["labels"])
    assert together.compute().metrics["entity_f1"] == 1.0


def test_parts_of_entity_f1_add_up_to_it_whatever_is_cut_off():
    data, _ = tokenized(TinyBert().tokenizer(), max_length=12)
    objective, order = Tagging(NAMES), np.arange(3)
    collated = Collator(0, objective.targets)([data[i] for i in range(3)])
    logits = torch.randn(*collated["labels"].shape, len(NAMES), generator=torch.manual_seed(3))
    logits[0, torch.arange(12), collated["labels"][0, :12].clamp_min(0)] += 9  # the first text is right
    scores = objective.scores(data)
    scores.update(logits, collated["labels"])
    parts = objective.parts_of_quality(objective.kept(logits, collated["labels"], order), data)
    assert parts is not None
    assert parts[:, 0].sum() / parts[:, 1].sum() == pytest.approx(scores.compute().metrics["entity_f1"])
    assert parts[0, 0] > 0


def test_the_loss_is_a_loop_over_tokens_and_under_privacy_over_texts():
    data, _ = tokenized(TinyBert().tokenizer())
    batch = Collator(0, Tagging(NAMES).targets)([data[i] for i in range(3)])
    logits = torch.randn(*batch["labels"].shape, len(NAMES), generator=torch.Generator().manual_seed(0)).double()
    outputs = type("Outputs", (), {"logits": logits})
    rows = [
        sum(float(F.cross_entropy(logits[r, t][None], label[None])) for t, label in enumerate(row) if label != IGNORED)
        for r, row in enumerate(batch["labels"])
    ]
    lengths = batch["attention_mask"].sum(1).tolist()
    assert float(Tagging(NAMES).loss(outputs, batch)["loss"]) == pytest.approx(sum(rows) / sum(lengths), abs=1e-12)
    private = Tagging(NAMES).loss(outputs, {**batch, RECORDS: torch.arange(3)})["loss"]
    assert float(private) == pytest.approx(np.mean([a / b for a, b in zip(rows, lengths, strict=True)]), abs=1e-12)


def test_an_answer_points_into_the_text():
    objective, tokenizer = Tagging(NAMES), TinyBert().tokenizer()
    data, _ = tokenized(tokenizer)
    for number, text in enumerate(TEXTS):
        offsets = tokenizer(spelled(text), return_offsets_mapping=True)["offset_mapping"]
        labels = torch.from_numpy(data.targets[number].astype(np.int64))
        answer = objective.answer_to([text], perfect(labels[None])[0], torch.ones(len(offsets)), offsets)
        found = [(e["text"], e["label"]) for e in answer["entities"]]
        assert found == [[("Ann Lee", "P"), ("Rome", "L")], [], [("北京", "L"), ("Ann", "P")]][number]
        assert all(text[e["start"] : e["end"]] == e["text"] and e["score"] > 0.99 for e in answer["entities"])


def test_each_entity_is_explained_at_its_first_token_and_none_at_what_is_nearest():
    text, offsets = "in New York", [(0, 0), (0, 2), (3, 6), (7, 9), (9, 11), (0, 0)]
    tags = torch.tensor([0, 0, 1, 2, 0, 0])
    logits, mask, objective = F.one_hot(tags, len(NAMES)).float(), torch.ones(6), Tagging(NAMES)
    assert objective.to_explain([text], logits, mask, offsets) == [("New York (L)", (2, 1))]
    assert objective.to_explain([text], logits, mask, offsets, ["P"])[0][0].startswith("no entity")
    with pytest.raises(DataError, match="no label 'X'"):
        objective.to_explain([text], logits, mask, offsets, ["X"])


def test_a_table_of_names_is_scored_as_a_model_would_be():
    train = Split([("Ann left Rome",), ("He saw Ann Lee",)], [[3, 0, 1], [0, 0, 3, 4]])
    test = Split([("Ann Lee saw Rome and Bolt",), ("nobody",)], [[3, 4, 0, 1, 0, 1], [0]])
    dataset = Dataset(train, test, test, NAMES, "")
    ((name, report, count),) = Tagging(NAMES).simple_models(dataset, 0)
    assert (name, count) == ("a table of the names of training", 2)
    assert report.metrics == pytest.approx({"precision": 1.0, "recall": 2 / 3, "entity_f1": 0.8})
    parts = Tagging(NAMES).parts_of_quality(report.kept, Tokenized([[0], [0]], test.labels))
    assert parts[:, 0].sum() / parts[:, 1].sum() == pytest.approx(0.8)
