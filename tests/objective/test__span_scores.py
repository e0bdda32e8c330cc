"""Scores of answers beside SQuAD's own steps, and what does not change them."""

import pytest
import torch
from torchmetrics.functional.text import squad

from accel.data.collate import Collator
from accel.data.evaluation_batches import in_order
from accel.model.tiny_bert import TinyBert
from accel.objective._span_scores import NONE, worth
from tests.objective.span_examples import LABELS, OBJECTIVE, TEXTS, collated, noise, perfect, scored, tokenized


def network(seed=0):
    torch.manual_seed(seed)
    model = TinyBert().network(OBJECTIVE).eval()
    return lambda batch: model(**{k: v for k, v in batch.items() if k != "labels"}).logits.detach()


@pytest.mark.fault("N8")
def test_scores_do_not_depend_on_batches_padding_order_or_processes():
    data, _ = tokenized()
    make = network()
    whole = scored(data, [collated(data, range(4))], make)
    apart = scored(data, [collated(data, [n]) for n in (3, 0, 2, 1)], make)
    ranks = [list(in_order(data.share(rank, 2), 64, Collator(0, OBJECTIVE.targets, OBJECTIVE.rows))) for rank in (0, 1)]
    shared = scored(data, [*ranks[1], *ranks[0]], make)
    for other in (apart, shared):
        assert other.metrics == pytest.approx(whole.metrics, rel=1e-5)
        assert (other.kept.choices == whole.kept.choices).all()
    assert whole.kept.truths.tolist() == [LABELS[0][0], [0, 3], [-1, -1], [4, 5]]


def test_a_network_that_knows_everything_is_right():
    data, _ = tokenized()
    found = scored(data, [collated(data, range(4))], perfect)
    assert [found.metrics[key] for key in ("f1", "exact_match", "answerability")] == [1, 1, 1]
    assert found.metrics["loss"] < 0.01
    details = OBJECTIVE.details(found)
    assert details["with_answer"] == {"questions": 3, "f1": 1, "exact_match": 1}
    assert details["without_answer"]["questions"] == 1


def test_exact_match_and_f1_are_squads():
    data, _ = tokenized(range(1, 4))  # one window each: what a window owns makes no difference
    batch = collated(data, range(3))
    for seed in range(5):
        logits = noise(batch, seed, 3.0)
        said = by_hand(batch, logits)
        with_answer = [n for n in range(3) if LABELS[n + 1]]
        theirs = squad(
            [{"prediction_text": said[n] or "-none-", "id": str(n)} for n in with_answer],
            [
                {
                    "answers": {"text": [TEXTS[n + 1][1][b:e] for b, e in LABELS[n + 1]], "answer_start": [0]},
                    "id": str(n),
                }
                for n in with_answer
            ],
        )
        kept = scored(data, [batch], lambda _, logits=logits: logits).kept
        assert 100 * kept.overlaps[with_answer].mean() == pytest.approx(float(theirs["f1"]))
        assert 100 * kept.hits[with_answer].mean() == pytest.approx(float(theirs["exact_match"]))
        assert bool(kept.hits[1]) == (said[1] == "")


def by_hand(batch, logits):
    said = []
    for n, (row, (_, first, last, *_)) in enumerate(zip(logits, batch["labels"].tolist(), strict=True)):
        places = [(i, j) for i in range(first, last) for j in range(i, min(i + OBJECTIVE.longest, last))]
        i, j = max(places, key=lambda place: float(row[place[0], 0] + row[place[1], 1]))
        context = TEXTS[n + 1][1]  # a token is a character
        none = float(row[0].sum()) >= float(row[i, 0] + row[j, 1])
        said.append("" if none else context[i - first : j - first + 1].strip())
    return said


def test_saying_that_there_is_no_answer_is_right_where_there_is_none():
    assert worth("ann met bob", NONE, [], OBJECTIVE.language) == (1, 1)
