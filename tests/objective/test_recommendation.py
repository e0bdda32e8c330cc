"""Histories and items: the loss beside a naive loop, and all items ranked but a user's own."""

import math
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import torch.distributed as dist
import torch.nn.functional as F

from accel.core.meta import Meta
from accel.data import Split
from accel.data.collate import Collator
from accel.data.evaluation_batches import in_order
from accel.data.interactions import NOBODY, RankingDataset
from accel.data.tokenized import Tokenized
from accel.model.tiny_bert import TinyBert
from accel.objective.answers import TasteAnswers
from accel.objective.recommendation import Held, Recommendation
from accel.objective.registry import objective_of
from accel.objective.retrieval import Retrieval
from tests.forked_ranks import free_port, in_forks

TRAIN = [[0, 1], [0, 2], [1, 2], [2, 2], [2, 3]]
"""What is learned from; the first item of each user is only in a history."""
TAKEN = [[0, 0], [1, 0], [2, 1], *TRAIN]
ITEMS = 6


def users(back):
    """What is to come for each, and what was taken before."""
    coming = {0: [[4], [0, 1, 2]], 1: [[5], [0, 2]], 2: [[4], [1, 2, 3]]}
    return [[user, NOBODY, *coming[user]] for user in coming] if back else []


def dataset():
    texts = [(f"history {n}", "") for n in range(3)] + [("", f"item {n}") for n in range(ITEMS)]
    held = Split(texts, [*users(1), *([NOBODY, n] for n in range(ITEMS))])
    train = Split([(f"past of {u}", f"item {i}") for u, i in TRAIN], [list(pair) for pair in TRAIN])
    taken = np.array(TAKEN)
    times = np.arange(len(TAKEN)) * 86400.0 * 10
    return RankingDataset(
        train, held, held, [], "", users=taken[:, 0], items=taken[:, 1], times=times, num_users=3, num_items=ITEMS
    )


def objective(temperature=0.1):
    return Recommendation.of_interactions(dataset(), temperature)


def vectors(count, seed=0):
    return F.normalize(torch.randn(count, 8, generator=torch.Generator().manual_seed(seed)).double(), dim=1)


def loss(kind, found, pairs):
    examples = [{"input_ids": np.zeros(2), "targets": np.array([0, 1]), "label": pair} for pair in pairs]
    labels = kind.targets(kind.rows(examples), None, None)
    return float(kind.loss(SimpleNamespace(logits=found), {"labels": labels})["loss"])


def naive(found, pairs, temperature=0.1, *, masked=True):
    """Pair by pair, item by item."""
    own, items = found.chunk(2)

    def weight(i, j):
        return math.exp(float(own[i] @ items[j]) / temperature)

    total = 0.0
    for i, (user, _) in enumerate(pairs):
        others = [j for j in range(len(pairs)) if j != i and not (masked and [user, pairs[j][1]] in TAKEN)]
        total -= math.log(weight(i, i) / (weight(i, i) + sum(weight(i, j) for j in others)))
    return total / len(pairs)


def test_the_loss_is_that_of_a_loop():
    """Negative control: where what a user took is a negative of hers it is another."""
    found = vectors(2 * len(TRAIN))
    assert loss(objective(), found, TRAIN) == pytest.approx(naive(found, TRAIN))
    assert naive(found, TRAIN, masked=False) > naive(found, TRAIN)


def test_the_order_of_a_batch_does_not_count():
    order = [3, 0, 4, 1, 2]
    found, moved = vectors(2 * len(TRAIN)), torch.tensor([*order, *(n + len(TRAIN) for n in order)])
    assert loss(objective(), found[moved], [TRAIN[n] for n in order]) == pytest.approx(loss(objective(), found, TRAIN))


def rank_of_two(rank, port):
    """Unequal shares of one batch, weighted as the sampler does, averaged as DDP does."""
    dist.init_process_group("gloo", init_method=f"tcp://127.0.0.1:{port}", rank=rank, world_size=2)
    share = [0, 1] if rank == 0 else [2, 3, 4]
    rows = torch.tensor([*share, *(n + len(TRAIN) for n in share)])
    own = loss(objective(), vectors(2 * len(TRAIN))[rows], [TRAIN[n] for n in share])
    total = torch.tensor(own * len(share) / len(TRAIN))
    dist.all_reduce(total)
    assert float(total) == pytest.approx(naive(vectors(2 * len(TRAIN)), TRAIN))
    dist.destroy_process_group()


@pytest.mark.slow
def test_two_processes_have_the_loss_of_one():
    port = free_port()
    assert in_forks(rank_of_two, [(rank, port) for rank in range(2)], 60) == [0, 0]


def scored(kind, own, items, batches, *, popular=False):
    """As batches of any size and order bring them."""
    split = dataset().test
    if not popular:
        kind = replace(kind, log_shares=torch.zeros(ITEMS))
    rows = [*((user, own[n]) for n, user in enumerate([0, 1, 2])), *((-1 - n, items[n]) for n in range(ITEMS))]
    scores = kind.scores(split)
    for some in batches:
        numbers, found = zip(*(rows[n] for n in some), strict=True)
        scores.update(torch.stack(found), torch.tensor(numbers))
    return scores.compute()


def test_all_items_are_ranked_but_a_users_own():
    """By hand: user 0's vector is nearest to items 0 and 1, which she has, and then to 4."""
    items = torch.eye(ITEMS).double()
    own = torch.zeros(3, ITEMS).double()
    own[0, [0, 1, 4, 5]] = torch.tensor([0.6, 0.5, 0.4, 0.3]).double()
    own[1, [3, 5]] = torch.tensor([0.9, 0.2]).double()
    own[2, [5]] = 0.7
    found = scored(objective(), own, items, [range(9)])
    assert found.metrics["mrr"] == pytest.approx((1 + 1 / 2 + (1 / 2 + 1 / 3) / 2) / 3)
    assert found.metrics["hit_at_10"] == found.metrics["recall_at_10"] == 1.0
    assert found.kept.gains.tolist() == pytest.approx([1, 1 / math.log2(3), (1 / math.log2(3) + 0.5) / 2])
    assert found.kept.first[0].tolist() == [4, 5, 3, -1, -1, -1]
    assert found.metrics["coverage"] == pytest.approx(5 / 6)  # all of them have item 2
    assert list(found.metrics) == [metric.key for metric in Recommendation.metrics]


def test_a_network_that_says_the_same_of_everything_is_as_good_as_chance():
    found = scored(objective(), torch.ones(3, 1).double(), torch.ones(ITEMS, 1).double(), [range(9)])
    (chance,) = objective().baselines(dataset())
    assert chance["name"] == "random order"
    for name, value in chance["metrics"].items():
        assert found.metrics[name] == pytest.approx(value)
    assert chance["metrics"]["mrr"] == pytest.approx(
        (2 * (1 + 1 / 2 + 1 / 3) / 3 + (1 + 1 / 2 + 1 / 3 + 1 / 4) / 4) / 3
    )
    assert found.metrics["loss"] == pytest.approx((2 * math.log(3) + math.log(4)) / 3)


def test_what_is_popular_is_first_where_nothing_else_is_known():
    """Of similarities that are all equal only popularity is left; of vectors that tell apart it is not."""
    popular = {name: report for name, report, _ in objective().simple_models(dataset(), 0)}["popularity"]
    same = scored(objective(), torch.ones(3, 1).double(), torch.ones(ITEMS, 1).double(), [range(9)], popular=True)
    for name, value in popular.metrics.items():
        assert same.metrics[name] == pytest.approx(value)
    other = scored(objective(), vectors(3), vectors(ITEMS, 1), [range(9)], popular=True)
    assert other.metrics["mrr"] != pytest.approx(same.metrics["mrr"])


def test_how_likely_an_item_is_for_anybody_goes_with_the_model():
    kind = objective()
    counts = [3, 3, 4, 2, 1, 1]  # each once more than it was taken
    assert kind.log_shares.exp().tolist() == pytest.approx([count / 14 for count in counts])
    known = objective_of(Meta(max_length=8, **kind.artifact_facts()))
    assert known.priors == kind.priors
    assert (known.weighed_at, known.is_fitted, list(known.priors)[4]) == (0.1, True, "item 4")
    added = TasteAnswers.of(Meta(max_length=8, **kind.artifact_facts())).added(["item  2", "an item that is new"])
    assert added.tolist() == pytest.approx([0.1 * math.log(4 / 14), 0.1 * math.log(1 / 14)], rel=1e-5)


def rows_of(own, items):
    return torch.cat([own, items]), torch.tensor([0, 1, 2, *(-1 - n for n in range(ITEMS))])[:, None]


def test_who_knows_the_tastes_trusts_them_and_who_guesses_trusts_popularity():
    """The weight is the one with the least loss; negative control: at the other's weight each has more."""
    right, items = torch.zeros(3, ITEMS).double(), torch.eye(ITEMS).double()
    right[range(3), [label[2][0] for label in users(1)]] = 1.0
    kind = objective()
    assert not kind.is_fitted
    sure, unsure = kind.fitted(*rows_of(right, items)), kind.fitted(*rows_of(-right, items))
    assert (sure.weighed_at, unsure.weighed_at) == (0.1 * 0.5, 0.1 * 32)
    assert sure.is_fitted

    def lost(kind, own):
        scores = kind.scores(dataset().test)
        scores.update(*rows_of(own, items))
        return scores.compute().metrics["loss"]

    assert lost(sure, right) < lost(unsure, right)
    assert lost(unsure, -right) < lost(sure, -right)
    assert sure.answering()["temperature"] == sure.weighed_at


def test_figures_do_not_depend_on_batches_or_order():
    whole = scored(objective(), vectors(3), vectors(ITEMS, 1), [range(9)])
    for batches in ([[n] for n in range(9)], [[8, 2, 4], [1, 0, 7, 6], [5, 3]]):
        again = scored(objective(), vectors(3), vectors(ITEMS, 1), batches)
        assert again.metrics == pytest.approx(whole.metrics)
        assert np.array_equal(again.kept.first, whole.kept.first)


def test_the_parts_of_the_quality_are_its_mean():
    found = scored(objective(), vectors(3), vectors(ITEMS, 1), [range(9)])
    parts = objective().parts_of_quality(found.kept, None)
    assert parts[:, 0].sum() / parts[:, 1].sum() == pytest.approx(found.metrics["ndcg_at_10"])


def test_coverage_is_what_is_shown_to_somebody():
    held = Held(torch.arange(2), [[20], [21]], [[0], []], 30)
    scores = torch.arange(30.0).double()
    same = held.report(lambda users, history: scores.expand(len(users), -1))
    assert same.metrics["coverage"] == pytest.approx(10 / 30)
    apart = held.report(lambda users, history: torch.stack([scores, -scores])[users])
    assert apart.metrics["coverage"] == pytest.approx(20 / 30)


def test_simple_models_stand_beside_it():
    found = {name: (report, count) for name, report, count in objective().simple_models(dataset(), 0)}
    assert list(found) == ["popularity", "recent popularity", "item-kNN", "EASE", "BPR"]
    report, count = found["popularity"]
    assert count == len(TAKEN)
    assert "loss" not in report.metrics
    assert report.kept.pairs_with(scored(objective(), vectors(3), vectors(ITEMS, 1), [range(9)]).kept)
    assert report.metrics["mrr"] == pytest.approx(  # user 1 may be shown 1, 3, then 4 and 5, which nobody took
        ((1 / 2 + 1 / 3) / 2 + (1 / 3 + 1 / 4) / 2 + (1 / 2 + 1 / 3) / 2) / 3
    )


@pytest.fixture(scope="module")
def tokenized():
    data = dataset()
    parts = []
    for split in (data.train, data.test):
        found = Recommendation().encode(split, TinyBert().tokenizer(), 12)
        parts.append(Tokenized(found.input_ids, split.labels, targets=found.targets))
    return parts


def test_an_example_that_lacks_a_side_is_one_row(tokenized):
    kind, (train, test) = objective(), tokenized
    batch = Collator(0, kind.targets, kind.rows)([train[0], train[2]])
    assert batch["labels"].tolist() == [0, 1, -2, -3]
    batch = Collator(0, kind.targets, kind.rows)([test[4], test[1], test[3]])
    assert batch["labels"].tolist() == [1, -2, -1]
    assert len(batch["input_ids"]) == 3


def test_figures_do_not_depend_on_padding(tokenized):
    kind, network = objective(), TinyBert().network(Recommendation()).eval()
    found = []
    for size in (1, 10_000):
        scores = kind.scores(tokenized[1])
        for batch in in_order(tokenized[1], size, Collator(0, kind.targets, kind.rows)):
            labels = batch.pop("labels")
            with torch.inference_mode():
                scores.update(network(**batch).logits, labels)
        found.append(scores.compute().metrics)
    assert found[0] == pytest.approx(found[1], abs=1e-5)


def test_pairs_can_be_learned_by_heart(tokenized):
    torch.manual_seed(0)
    kind = objective(0.05)
    network = TinyBert(width=32, num_layers=1).network(kind).eval()
    batch = Collator(0, kind.targets, kind.rows)([tokenized[0][n] for n in (0, 2, 4)])
    inputs = {name: value for name, value in batch.items() if name != "labels"}
    optimizer = torch.optim.AdamW(network.parameters(), 3e-3)
    for _ in range(40):
        optimizer.zero_grad()
        (value := kind.loss(network(**inputs), batch)["loss"]).backward()
        optimizer.step()
    assert float(value.detach()) < 0.02


def test_an_exported_model_is_known_again():
    found = objective_of(Meta(max_length=8, **objective().artifact_facts()))
    assert isinstance(found, Recommendation)
    assert isinstance(found, Retrieval)
    assert found.answer(torch.tensor([0.6, 0.8]), torch.ones(2)) == {"vector": pytest.approx([0.6, 0.8])}
    assert objective().data_facts(dataset())["ranked"] == {"users": 3, "items": ITEMS}
