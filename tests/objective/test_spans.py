"""Answers to questions: the threshold, distillation, baselines and what is explained."""

import numpy as np
import pytest
import torch

from accel.core.meta import Meta
from accel.data import Dataset, Split
from accel.data.likeness import Language
from accel.errors import DataError
from accel.objective._extraction import ALWAYS
from accel.objective.registry import objective_of
from accel.objective.spans import Spans
from tests.objective.span_examples import LABELS, LENGTH, OBJECTIVE, STRIDE, TEXTS, collated, noise, perfect, tokenized


def test_the_threshold_is_chosen_on_what_the_validation_split_is_worth():
    data, _ = tokenized()
    objective = Spans(stride=STRIDE, longest=12)
    assert not objective.is_fitted
    gathered, batch = objective.gathering(data), collated(data, range(4))
    logits = perfect(batch)
    logits[batch["labels"][:, 0] == 2, 3:8] += 50  # sure of an answer where there is none
    gathered.update(logits, batch["labels"])
    odds, worth = gathered.compute()
    assert worth.tolist() == [[1, 0], [1, 0], [0, 1], [1, 0]]
    fitted = objective.fitted(odds, worth)
    assert fitted.threshold == ALWAYS  # three answers are worth more than the one that is none
    logits[batch["labels"][:, 0] == 2, 3:8] -= 40
    again = objective.gathering(data)
    again.update(logits, batch["labels"])
    low, high = sorted(again.compute()[0][:, 0].tolist())[:2]
    assert low < objective.fitted(*again.compute()).threshold < high
    assert fitted.answering() == {"stride": STRIDE, "longest": 12, "threshold": ALWAYS}
    back = objective_of(Meta([], LENGTH, objective=Spans.name, answering=fitted.answering()))
    assert back == fitted


def test_distillation_compares_the_context_and_nothing_else():
    data, _ = tokenized()
    batch = collated(data, range(4))
    ours, theirs = noise(batch, 1), noise(batch, 2)
    mask = OBJECTIVE.places(batch)
    value = OBJECTIVE.imitation(OBJECTIVE.predictions(ours, mask), OBJECTIVE.predictions(theirs, mask), 2.0)
    moved = ours + 30 * (~mask)[..., None]
    again = OBJECTIVE.imitation(OBJECTIVE.predictions(moved, mask), OBJECTIVE.predictions(theirs, mask), 2.0)
    assert float(value) == pytest.approx(float(again))
    rows = []
    for mine, other, allowed in zip(ours, theirs, mask, strict=True):
        for side in (0, 1):
            p, q = ((x[allowed, side] / 2).log_softmax(0) for x in (mine, other))
            rows.append(float((q.exp() * (q - p)).sum()) * 4)
    assert float(value) == pytest.approx(np.mean(rows))
    equal = OBJECTIVE.predictions(theirs, mask)
    assert float(OBJECTIVE.imitation(equal, equal, 2.0)) == 0
    assert float(OBJECTIVE.divergence(equal, equal)) == 0


def test_baselines_are_rules_and_saying_nothing():
    split = Split([tuple(t) for t in TEXTS], LABELS)
    found = Spans.of_examples(Dataset(split, split, split, [], ""), STRIDE, 12, None, guesses={"first": [(0, 3)] * 4})
    assert found.language is Language.en
    told = {entry["name"]: entry["metrics"] for entry in found.baselines(Dataset(split, split, split, [], ""))}
    assert told["never an answer"] == {"f1": 0.25, "exact_match": 0.25, "answerability": 0.25}
    assert told["first"]["exact_match"] == 0.25  # ann
    assert told["first"]["answerability"] == 0.75
    assert found.data_facts(Dataset(split, split, split, [], ""))["without_answer"] == {"train": 1, "test": 1}


def test_an_answer_is_explained_where_it_begins_and_where_it_ends():
    columns, offsets = [None, 0, None, 1, 1, 1, None], [(0, 0), (0, 3), (0, 0), (0, 3), (3, 7), (7, 11), (0, 0)]
    logits = torch.zeros(7, 2)
    logits[4, 0] = logits[5, 1] = 6
    told = OBJECTIVE.to_explain(("who", "ann met bob"), logits, torch.ones(7), offsets, (), columns)
    assert told == [("'met bob' begins", (4, 0)), ("'met bob' ends", (5, 1))]
    with pytest.raises(DataError, match="no label 'x'"):
        OBJECTIVE.to_explain(("who", "ann"), logits, torch.ones(7), offsets, ["x"], columns)
