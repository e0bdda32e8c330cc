"""Answers to questions: the loss beside a loop, scores beside SQuAD's own steps, and what does not change them."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torchmetrics.functional.text import squad

from accel.core.meta import Meta
from accel.data import Dataset, Split
from accel.data.batches import Collator, Tokenized, in_order
from accel.data.likeness import Language
from accel.errors import DataError
from accel.model.tiny_bert import TinyBert
from accel.model.tiny_t5 import TinyT5
from accel.objective._extraction import ALWAYS
from accel.objective.registry import objective_of
from accel.objective.spans import NONE, Spans

LENGTH, STRIDE = 32, 8
LONG = "the river near the river was great and bright number 989 and the lamp was cold and bob was rude"
TEXTS = [("who", LONG), ("who is it", "ann met bob"), ("where", "nobody was there"), ("what", "a b c d e f g h")]
LABELS = [
    [[LONG.index("bob"), LONG.index("bob") + 3], [LONG.index("lamp"), LONG.index("lamp") + 4]],
    [[0, 3]],
    [],
    [[4, 5]],
]
OBJECTIVE = Spans(stride=STRIDE, longest=12, threshold=0.0)


def tokenized(some=range(4), option=TinyBert):
    split = Split([TEXTS[n] for n in some], [LABELS[n] for n in some])
    found = OBJECTIVE.encode(split, option().tokenizer(), LENGTH)
    return Tokenized(
        found.input_ids, split.labels, found.token_type_ids, targets=found.targets, texts=split.texts
    ), found


def collated(data, some):
    return Collator(0, OBJECTIVE.targets, OBJECTIVE.rows)([data[n] for n in some])


def noise(batch, seed=0, scale=1.0):
    shape = (*batch["input_ids"].shape, 2)
    return scale * torch.randn(shape, generator=torch.Generator().manual_seed(seed)).double()


def perfect(batch):
    """Logits of a network that knows everything."""
    rows = torch.arange(len(batch["labels"]))
    logits = torch.full((*batch["input_ids"].shape, 2), -8.0)
    logits[rows, batch["labels"][:, 3], 0] = logits[rows, batch["labels"][:, 4], 1] = 8.0
    return logits


@pytest.mark.parametrize("option", [TinyBert, TinyT5])
def test_a_window_holds_the_question_and_teaches_an_answer_that_is_whole_in_it(option):
    tokenizer = option().tokenizer()
    data, found = tokenized(option=option)
    assert found.num_truncated == 0
    batch = collated(data, range(4))
    answers = []
    for ids, label, mask in zip(batch["input_ids"], batch["labels"], batch["attention_mask"], strict=True):
        number, first, last, start, end = label.tolist()
        assert 0 < first < last < int(mask.sum()) <= LENGTH
        if end:
            answers.append((number, tokenizer.decode(ids[start : end + 1]).strip()))
    assert {(0, "bob"), (0, "lamp"), (1, "ann"), (3, "c")} == set(answers)
    assert (batch["labels"][:, 0] == 2).sum() == 1


def test_what_is_truncated_is_counted():
    """A question that is cut, an answer whole in no window, one that is longer than an answer may be."""
    texts = [("who " * 20, "ann"), ("who", LONG), ("who", LONG), ("who", "ann")]
    labels = [[[0, 3]], [[0, 60]], [[0, 14]], [[0, 3]]]
    found = OBJECTIVE.encode(Split(texts, labels), TinyBert().tokenizer(), LENGTH)
    assert found.num_truncated == 3


def test_the_loss_is_that_of_a_loop_over_examples_and_their_windows():
    data, _ = tokenized()
    batch = collated(data, range(4))
    logits = noise(batch)
    examples = {}
    for row, (number, first, last, start, end) in zip(logits, batch["labels"].tolist(), strict=True):
        allowed = torch.tensor([0, *range(first, last)])
        losses = [
            float(F.cross_entropy(row[allowed, side][None], (allowed == place).nonzero()[0]))
            for side, place in enumerate((start, end))
        ]
        examples.setdefault(number, []).append(sum(losses) / 2)
    expected = np.mean([np.mean(losses) for losses in examples.values()])
    assert len(examples[0]) > 3
    assert float(loss_of(logits, batch)) == pytest.approx(expected, abs=1e-12)
    everything = np.mean([loss for losses in examples.values() for loss in losses])
    assert float(loss_of(logits, batch)) != pytest.approx(everything, abs=1e-3)  # long examples do not count more


def loss_of(logits, batch):
    return OBJECTIVE.loss(SimpleNamespace(logits=logits), batch)["loss"]


def test_the_loss_of_a_batch_is_the_mean_over_its_examples_and_padding_changes_nothing():
    data, _ = tokenized()
    batch = collated(data, range(4))
    logits, alone = noise(batch), []
    for n in range(4):
        mine = batch["labels"][:, 0] == n
        one = collated(data, [n])
        alone.append(float(loss_of(logits[mine][:, : one["input_ids"].shape[1]], one)))
    assert float(loss_of(logits, batch)) == pytest.approx(np.mean(alone))
    logits[:, -1] += 50  # padding, or the mark behind the context
    assert float(loss_of(logits, batch)) == pytest.approx(np.mean(alone))


def scored(data, batches, make, objective=OBJECTIVE):
    scores = objective.scores(data)
    for batch in batches:
        scores.update(make(batch), batch["labels"])
    return scores.compute()


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
    assert OBJECTIVE.worth("ann met bob", NONE, []) == (1, 1)
