"""Vectors of texts: the loss beside a naive loop, its negatives, its figures, and two processes beside one."""

import math
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
from accel.data.tokenized import Tokenized
from accel.errors import DataError
from accel.model.tiny_bert import TinyBert
from accel.objective.registry import objective_of
from accel.objective.retrieval import Retrieval
from tests.forked_ranks import free_port, in_forks

PAIRS = [[0, 10], [1, 11], [2, 12], [3, 11], [0, 13], [4, 14], [5, 15]]
"""Query 0 has two passages, passage 11 two queries."""
EXTRA = [[2, 14]]
"""A true pair of training that is in no batch here."""
HARD = [[11, 16], [10, 17], [16, 11], [14, 12], [16, 15], [10, 11], [17, 14]]
"""Two hard negatives of each pair; some are right for another query of the batch, or stand in it as well."""
WITH_HARD = [[*pair, *others] for pair, others in zip(PAIRS, HARD, strict=True)]


def objective(temperature=0.1, pairs=PAIRS):
    return Retrieval.of_pairs([*pairs, *([*pair, *pairs[0][2:]] for pair in EXTRA)], temperature)


def vectors(seed=0, pairs=PAIRS):
    drawn = torch.randn(len(pairs[0]) * len(pairs), 8, generator=torch.Generator().manual_seed(seed))
    return F.normalize(drawn.double(), dim=1)


def numbers(pairs=PAIRS):
    return torch.tensor(pairs).T.flatten()


def loss(found, labels, kind=None):
    return (kind or objective()).loss(SimpleNamespace(logits=found), {"labels": labels})["loss"]


def naive(found, pairs, true, temperature=0.1):
    """Pair by pair, negative by negative; behind a pair stand its hard negatives."""
    queries, passages, *more = found.chunk(len(pairs[0]))
    hard = [(pair[2 + n], vector) for n, some in enumerate(more) for pair, vector in zip(pairs, some, strict=True)]
    total = 0.0
    for i, (q, p, *_) in enumerate(pairs):
        for own, partner, others, related in (
            (queries[i], passages[i], passages, lambda j, q=q: (q, pairs[j][1]) in true),
            (passages[i], queries[i], queries, lambda j, p=p: (pairs[j][0], p) in true),
        ):
            right = math.exp(float(own @ partner) / temperature)
            wrong = sum(
                math.exp(float(own @ others[j]) / temperature) for j in range(len(pairs)) if j != i and not related(j)
            )
            if others is passages:
                wrong += sum(math.exp(float(own @ vector) / temperature) for n, vector in hard if (q, n) not in true)
            total -= math.log(right / (right + wrong)) / 2
    return total / len(pairs)


def test_the_loss_is_that_of_a_loop():
    true = {tuple(pair) for pair in [*PAIRS, *EXTRA]}
    assert float(loss(vectors(), numbers())) == pytest.approx(naive(vectors(), PAIRS, true))


def test_what_belongs_together_is_no_negative_whether_or_not_the_pair_is_in_the_batch():
    """Negative controls: without the pairs of training, and with none known at all, the loss is another."""
    in_batch = {tuple(pair) for pair in PAIRS}
    whole, batch_alone = float(loss(vectors(), numbers())), float(loss(vectors(), numbers(), Retrieval(0.1)))
    assert batch_alone == pytest.approx(naive(vectors(), PAIRS, in_batch))
    assert naive(vectors(), PAIRS, set()) > batch_alone > whole


def test_the_order_of_a_batch_does_not_count():
    order = torch.randperm(len(PAIRS), generator=torch.Generator().manual_seed(3))
    both = torch.cat([order, order + len(PAIRS)])
    assert float(loss(vectors()[both], numbers()[both])) == pytest.approx(float(loss(vectors(), numbers())))


@pytest.mark.parametrize("num_hard", [1, 2])
def test_hard_negatives_are_negatives_of_every_query_they_are_not_right_for(num_hard):
    """Negative control: without them, and with none of them known to be right, the loss is another."""
    pairs = [pair[: 2 + num_hard] for pair in WITH_HARD]
    true, kind, found = {tuple(pair) for pair in [*PAIRS, *EXTRA]}, objective(pairs=pairs), vectors(pairs=pairs)
    assert kind.hard_negatives == num_hard
    assert torch.equal(kind.known, objective().known)
    whole = float(loss(found, numbers(pairs), kind))
    assert whole == pytest.approx(naive(found, pairs, true))
    assert float(loss(found[: 2 * len(PAIRS)], numbers())) < whole < naive(found, pairs, set())


def rank_of_two(rank, port, pairs):
    """Unequal shares of one batch, weighted as the sampler does, averaged as DDP does."""
    kind, whole = objective(pairs=pairs), vectors(pairs=pairs).requires_grad_()
    alone_gradient = torch.autograd.grad(expected := loss(whole, numbers(pairs), kind), whole)[0]
    dist.init_process_group("gloo", init_method=f"tcp://127.0.0.1:{port}", rank=rank, world_size=2)
    share = [0, 1] if rank == 0 else [2, 3, 4, 5, 6]
    rows = torch.tensor([i + side * len(pairs) for side in range(len(pairs[0])) for i in share])
    weighted = loss(whole[rows], numbers(pairs)[rows], kind) * len(share) * 2 / len(pairs)
    (gradient,) = torch.autograd.grad(weighted, whole)
    mean, total = weighted.detach() / 2, gradient / 2
    dist.all_reduce(mean)
    dist.all_reduce(total)
    torch.testing.assert_close(mean, expected.detach())
    torch.testing.assert_close(total, alone_gradient)
    dist.destroy_process_group()


@pytest.mark.parametrize("pairs", [PAIRS, WITH_HARD], ids=["pairs", "with hard negatives"])
@pytest.mark.slow
def test_two_processes_learn_what_one_does(pairs):
    port = free_port()
    assert in_forks(rank_of_two, [(rank, port, pairs) for rank in range(2)], 60) == [0, 0]


def report_of(found, labels, batches):
    pairs = labels.view(2, -1).T.tolist()
    scores = objective().scores(SimpleNamespace(labels=pairs))
    for some in batches:
        rows = torch.tensor([*some, *(i + len(labels) // 2 for i in some)])
        scores.update(found[rows].float(), labels[rows])
    return scores.compute()


def scored(found, labels, batches):
    return report_of(found, labels, batches).metrics


def test_figures_do_not_depend_on_batches_or_order():
    whole = scored(vectors(), numbers(), [range(7)])
    for batches in ([[0], [1], [2], [3], [4], [5], [6]], [[6, 2, 4], [1, 0], [5, 3]]):
        assert scored(vectors(), numbers(), batches) == pytest.approx(whole)


def test_figures_by_hand():
    """The query of pair 0 is nearest to the passage of pair 1; all others to their own."""
    found = torch.cat([torch.eye(3)[[1, 1, 2]], torch.eye(3)]).double()
    metrics = scored(found, numbers([[0, 0], [1, 1], [2, 2]]), [range(3)])
    assert metrics["recall_at_1"] == pytest.approx(2 / 3)
    assert metrics["recall_at_10"] == 1.0
    assert metrics["mrr"] == pytest.approx((1 + 1 + (1 / 2 + 1 / 3) / 2) / 3)  # the two others are equally far
    assert list(metrics) == [metric.key for metric in Retrieval.metrics]


def test_a_text_that_stands_in_several_pairs_is_one_text():
    """Query 0 has both of its passages first: neither is a mistake."""
    found = F.normalize(torch.tensor([[1.0, 0.1], [1.0, 0.1], [0.0, 1.0], [1.0, 0.0], [1.0, 0.2], [0.0, 1.0]]), dim=1)
    metrics = scored(found, numbers([[0, 0], [0, 1], [1, 2]]), [range(3)])
    assert metrics["ndcg_at_10"] == metrics["mrr"] == metrics["recall_at_1"] == 1.0


def test_rankings_are_kept_query_by_query_whatever_the_batches():
    whole = report_of(vectors(), numbers(), [range(7)]).kept
    assert whole.examples.tolist() == [0, 1, 2, 3, 5, 6]  # the query of example 4 is that of example 0
    assert whole.first.shape == (6, 10)
    assert set(whole.first[0]) == {10, 11, 12, 13, 14, 15, -1}
    assert whole.gains.mean() == pytest.approx(scored(vectors(), numbers(), [range(7)])["ndcg_at_10"])
    other = report_of(vectors(), numbers(), [[6, 2, 4], [1, 0], [5, 3]]).kept
    assert other.pairs_with(whole)
    assert other.gains.tolist() == pytest.approx(whole.gains.tolist())
    same = whole.change(other)
    assert (same["same_first_ten"], same["lost"], same["found"]) == (1.0, 0, 0)
    assert objective().parts_of_quality(whole, None).tolist() == [[gain, 1.0] for gain in whole.gains]


def test_what_is_asked_is_no_answer_unless_it_is_right():
    """Text 1 is a query, and the passage of query 0: its own vector would be the nearest."""
    found = F.normalize(torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.0, 1.0], [0.6, 0.8]]), dim=1)
    report = report_of(found, numbers([[0, 1], [1, 2]]), [range(2)])
    assert report.kept.first[1][:2].tolist() == [2, -1]
    assert report.kept.gains[1] == 1.0
    apart = report_of(found, numbers([[0, 1], [3, 2]]), [range(2)])  # negative control: another text like it is one
    assert apart.kept.first[1][:2].tolist() == [1, 2]
    itself = report_of(found, numbers([[0, 1], [1, 1]]), [range(2)])
    assert itself.kept.gains[1] == 1.0


def test_who_finds_the_passage_no_more_is_counted():
    """Of twelve queries, each of which finds its own passage, one points away from it now."""
    labels = numbers([[i, i] for i in range(12)])
    before = torch.cat([torch.eye(12), torch.eye(12)]).double()
    after = before.clone()
    after[3] = -after[3]
    was, now = (report_of(found, labels, [range(12)]).kept for found in (before, after))
    assert now.change(was)["lost"] == 1
    assert was.change(now)["found"] == 1


def test_chance_is_told_beside_the_figures():
    split = Split([("q", "p")] * 4, [[i, i] for i in range(4)])
    (told,) = objective().baselines(SimpleNamespace(test=split))
    assert told["name"] == "random order"
    assert told["metrics"]["recall_at_1"] == pytest.approx(1 / 4)
    assert told["metrics"]["mrr"] == pytest.approx((1 + 1 / 2 + 1 / 3 + 1 / 4) / 4)


@pytest.fixture(scope="module")
def tokenized():
    texts = [("hi", "hello there, you"), ("where is my bag", "at the gate"), ("why", "because of the weather today")]
    found = Retrieval().encode(Split(texts, []), TinyBert().tokenizer(), 12)
    assert found.num_truncated == 4
    return Tokenized(found.input_ids, [[0, 0], [1, 1], [2, 2]], targets=found.targets)


def test_a_batch_has_the_queries_and_then_their_passages(tokenized):
    kind = Retrieval()
    batch = Collator(0, kind.targets, kind.rows)([tokenized[i] for i in (2, 0)])
    tokenizer = TinyBert().tokenizer()
    told = tokenizer.batch_decode(batch["input_ids"], skip_special_tokens=True)
    assert [text.replace(" ", "")[:5] for text in told] == ["why", "hi", "becau", "hello"]
    assert batch["labels"].tolist() == [2, 0, 2, 0]
    assert batch["attention_mask"].sum(1).tolist() == [5, 4, 12, 12]
    assert set(batch) == {"input_ids", "attention_mask", "labels"}


def test_hard_negatives_stand_behind_the_passages_and_count_as_tokens(tokenized):
    """So a token budget holds fewer such examples."""
    texts = [("hi", "hello there, you", "at the gate"), ("where is my bag", "at the gate", "hello there, you")]
    found = Retrieval().encode(Split(texts, []), TinyBert().tokenizer(), 12)
    split = Tokenized(found.input_ids, [[0, 0, 1], [1, 1, 0]], targets=found.targets)
    kind = Retrieval.of_pairs(split.labels, 0.1)
    batch = Collator(0, kind.targets, kind.rows)([split[1], split[0]])
    told = TinyBert().tokenizer().batch_decode(batch["input_ids"], skip_special_tokens=True)
    assert [text.replace(" ", "")[:5] for text in told] == ["where", "hi", "atthe", "hello", "hello", "atthe"]
    assert batch["labels"].tolist() == [1, 0, 1, 0, 0, 1]
    assert split.lengths[0] - tokenized.lengths[0] == batch["attention_mask"][5].sum()


def test_figures_do_not_depend_on_padding(tokenized):
    kind, network = Retrieval(), TinyBert().network(Retrieval()).eval()
    found = []
    for size in (1, 10_000):
        scores = kind.scores(tokenized)
        for batch in in_order(tokenized, size, Collator(0, kind.targets, kind.rows)):
            labels = batch.pop("labels")
            with torch.inference_mode():
                scores.update(network(**batch).logits, labels)
        found.append(scores.compute().metrics)
    assert found[0] == pytest.approx(found[1], abs=1e-5)


def test_pairs_can_be_learned_by_heart(tokenized):
    torch.manual_seed(0)
    kind = Retrieval()
    network = TinyBert(width=32, num_layers=1).network(kind).eval()
    batch = Collator(0, kind.targets, kind.rows)([tokenized[i] for i in range(3)])
    inputs = {name: value for name, value in batch.items() if name != "labels"}
    optimizer = torch.optim.AdamW(network.parameters(), 3e-3)
    for _ in range(30):
        optimizer.zero_grad()
        (value := kind.loss(network(**inputs), batch)["loss"]).backward()
        optimizer.step()
    assert float(value.detach()) < 0.01


def test_a_student_imitates_vectors_or_similarities_of_another_width():
    ours, theirs = vectors().float(), vectors(seed=1).float()
    kind = Retrieval()
    assert float(kind.imitation(ours, ours, 1.0)) == 0.0
    assert float(kind.imitation(ours, theirs, 1.0)) == pytest.approx(
        float((2 - 2 * (ours * theirs).sum(1)).mean()), 1e-4
    )
    assert float(kind.imitation(ours, F.pad(ours, (0, 3)), 1.0)) == pytest.approx(0.0, abs=1e-9)
    assert float(kind.imitation(ours, F.pad(theirs, (0, 3)), 1.0)) > 0.01


def test_it_answers_with_a_vector_and_explains_nothing():
    assert Retrieval().answer(torch.tensor([0.6, 0.8]), torch.ones(2)) == {"vector": pytest.approx([0.6, 0.8])}
    with pytest.raises(DataError, match="no single number"):
        Retrieval().explained(torch.tensor([0.6, 0.8]), torch.ones(2))


def test_an_exported_model_is_known_again():
    meta = Meta(max_length=8, **objective().artifact_facts())
    assert isinstance(objective_of(meta), Retrieval)
    assert objective().texts_together(2) == 1
    assert np.array_equal(objective().counts(np.array([3, 9])), [1, 1])
