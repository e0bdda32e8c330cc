"""Private steps of a sharded model: sums of whole gradients, of which each process keeps a part and makes it noisy."""

import numpy as np
import pytest
import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import nn
from torch.distributed.fsdp._fully_shard import _fsdp_param_group
from torch.distributed.tensor import DTensor, Replicate, distribute_tensor, init_device_mesh

from accel.dp import pages, sums
from accel.dp.book import Book
from accel.dp.canaries import Canaries
from accel.dp.clipping import flat
from accel.dp.layers import unpatch
from accel.dp.ledger import Ledger
from accel.dp.mechanism import Mechanism
from accel.dp.noise import GaussianNoise
from accel.dp.poisson import LogicalBatch
from accel.dp.step import PrivateStep
from accel.model.tiny_bert import TinyBert
from accel.model.tiny_gpt2 import TinyGpt2
from accel.objective.classification import Classification
from accel.objective.language_modeling import LanguageModelling
from accel.ops.dropout import without_dropout
from accel.ops.parallel.shards import local, part_of_sum, pieces_of, shard, whole
from accel.ops.structured.structure import find_layers
from tests.forked_ranks import in_forks

RECORDS, TOKENS, BOUND, EXPECTED = 11, 8, 0.05, 9.5
WIDE = 37
"""Rows of a layer that no two or three processes share evenly."""


def mechanism(sigma=0.0, clipping="flat"):
    return Mechanism(sigma, BOUND, clipping, 0.1, EXPECTED, 105, 1000, 1e-5, "rdp", None, True)


class Wide(nn.Module):
    """A unit of its own, and an odd number of everything."""

    def __init__(self):
        super().__init__()
        self.words = nn.Embedding(211, 16)
        self.inner = nn.Sequential(nn.Linear(16, WIDE), nn.LayerNorm(WIDE))
        self.head = nn.Linear(WIDE, 1)

    def forward(self, ids):
        return self.head(torch.tanh(self.inner(self.words(ids))).mean(1))


def wide():
    model = Wide()
    return model, [model.inner], lambda batch: F.mse_loss(model(batch["ids"])[:, 0], batch["labels"].double())


def classifier():
    model = without_dropout(TinyBert().network(Classification(["a", "b"])))
    return model, find_layers(model), lambda batch: F.cross_entropy(model(batch["ids"]).logits, batch["labels"])


def language_model():
    """Its head is tied to its table of embeddings."""
    model = without_dropout(TinyGpt2().network(LanguageModelling()))

    def loss(batch):
        logits = model(batch["ids"]).logits[:, :-1]
        return F.cross_entropy(logits.flatten(0, 1), batch["ids"][:, 1:].flatten())

    return model, find_layers(model), loss


MODELS = {"wide": wide, "classifier": classifier, "language model": language_model}


def made(name, *, sharded, sigma=0.0, clipping="flat", noise=None, canaries=0):
    torch.manual_seed(0)
    model, layers, loss = MODELS[name]()
    model.double()
    if sharded:
        shard(model, layers, mesh=None, reduce_dtype=None, reshard_after_forward=True, cpu_offload=False)
    book, claim = Book(model), mechanism(sigma, clipping)
    birds = Canaries(book, canaries, claim, test_seed=3) if canaries else None
    step = PrivateStep(lambda batch: {"loss": loss(batch)}, book, Ledger(None, claim), noise or GaussianNoise(1), birds)
    return model, step


def logical(rank=0, world_size=1, size=2, drawn=()):
    """A process's share; the first one has more batches than the others."""
    generator = torch.Generator().manual_seed(1)
    ids, labels = torch.randint(5, 200, (RECORDS, TOKENS), generator=generator), torch.arange(RECORDS) % 2
    mine = [n for n in range(RECORDS) if min(n // 5, world_size - 1) == rank]
    parts = [
        ({"ids": ids[part], "labels": labels[part]}, torch.ones(len(part))) for part in torch.tensor(mine).split(size)
    ]
    return LogicalBatch(parts, list(drawn))


def released(model, step, *batch):
    model.zero_grad()
    step(logical(*batch))["loss"].backward()
    return {name: p.grad for name, p in model.named_parameters()}


def distance(found, expected):
    """The largest difference, over the largest number."""
    assert found.keys() == expected.keys()
    scale = max(float(e.abs().max()) for e in expected.values())
    return max(float((found[name] - expected[name]).abs().max()) for name in expected) / scale


@pytest.fixture
def group(tmp_path):
    """One process is a group too."""
    dist.init_process_group("gloo", init_method=f"file://{tmp_path / 'store'}", rank=0, world_size=1)
    yield
    dist.destroy_process_group()


@pytest.mark.parametrize("clipping", ["flat", "per_layer"])
@pytest.mark.parametrize("name", MODELS)
def test_what_is_released_is_what_one_whole_model_releases(group, name, clipping):
    expected = released(*made(name, sharded=False, clipping=clipping))
    found = released(*made(name, sharded=True, clipping=clipping))
    assert all(isinstance(grad, DTensor) for grad in found.values())
    assert distance({n: whole(grad) for n, grad in found.items()}, expected) < 1e-10


def test_two_steps_do_not_mix(group):
    model, step = made("wide", sharded=True)
    first = {n: whole(g).clone() for n, g in released(model, step).items()}
    assert distance({n: whole(g) for n, g in released(model, step).items()}, first) < 1e-12


@pytest.mark.parametrize("booked", [True, False])
def test_nothing_is_reduced_behind_the_book(group, monkeypatch, booked):
    """FSDP2 adds up what autograd leaves in ``grad``: unclipped gradients, which are never made. Control: no book."""
    reduced = []
    original = _fsdp_param_group.foreach_reduce
    monkeypatch.setattr(_fsdp_param_group, "foreach_reduce", lambda *a, **k: reduced.append(1) or original(*a, **k))
    model, step = made("classifier", sharded=True)
    if not booked:
        unpatch(model)
        step.score(logical().parts[0][0])["loss"].backward()
    else:
        assert all(p.grad is None for p in model.parameters())
        step(logical())
        assert all(p.grad is None for p in model.parameters())  # before the trainer asks for them
    assert bool(reduced) != booked


def test_of_the_whole_sums_one_layer_s_exist_at_a_time(group, monkeypatch):
    alive, most = [0], [0]
    original = sums.zeros_of_whole
    scattered = sums.part_of_sum

    def making(like):
        alive[0] += like.numel()
        most[0] = max(most[0], alive[0])
        return original(like)

    def freeing(full, like):
        alive[0] -= full.numel()
        return scattered(full, like)

    monkeypatch.setattr(sums, "zeros_of_whole", making)
    monkeypatch.setattr(sums, "part_of_sum", freeing)
    model, step = made("classifier", sharded=True)
    released(model, step)
    largest = max(p.numel() for p in model.parameters())
    assert largest <= most[0] < largest + max(model.config.vocab_size, 1000)
    assert not alive[0]


def test_a_layer_that_noted_nothing_is_scattered_too(group, monkeypatch):
    """Another process may have used it, and would wait for ever."""
    asked = []
    monkeypatch.setattr(pages, "scatter", lambda p: asked.append(id(p)))
    model, step = made("wide", sharded=True)
    step.book.zero()
    step.book.batch_size = 2
    model.inner(torch.randn(2, 16).double()).sum().backward()
    step.book.flush(flat(1.0), torch.ones(2))
    assert asked == [id(p) for p in step.book.parameters]


def test_whoever_has_fewer_batches_fills_up_with_what_counts_nothing(group, monkeypatch):
    """All gather together. The release is the same; without filling up the others would wait for ever."""
    monkeypatch.setattr("accel.dp.step.greatest", lambda x: x.fill_(9) if not x.is_floating_point() else x)
    model, step = made("wide", sharded=True)
    count = []
    step.score, score = lambda batch: count.append(1) or score(batch), step.score
    found = released(model, step)
    assert len(count) == 9
    expected = released(*made("wide", sharded=False))
    assert distance({n: whole(grad) for n, grad in found.items()}, expected) < 1e-10


def test_a_replica_gets_no_noise_of_its_own(group):
    """Processes that hold the same would each add their own noise to it, and drift apart."""
    same = distribute_tensor(torch.zeros(4), init_device_mesh("cpu", (1,)), [Replicate()])
    with pytest.raises(AssertionError):
        part_of_sum(torch.zeros(4), same)


def test_a_step_says_if_any_process_added_no_noise(group, monkeypatch):
    _, step = made("wide", sharded=True, sigma=2.0)
    assert float(step(logical())["noise_multiplier"]) == 2.0
    monkeypatch.setattr("accel.dp.step.greatest", lambda x: torch.ones_like(x) if x.is_floating_point() else x)
    assert float(step(logical())["noise_multiplier"]) == 0.0
    monkeypatch.undo()
    step.noise.add_ = lambda tensors, std: None
    assert float(step(logical())["noise_multiplier"]) == 0.0


def test_canaries_of_a_sharded_model_score_as_those_of_a_whole_one(group):
    (_, whole_step), (model, step) = (made("wide", sharded=s, canaries=20) for s in (False, True))
    for one in (whole_step, step):
        one(logical(drawn=range(20)))
        one(logical())
    assert isinstance(step.canaries.weight, DTensor)
    assert step.canaries.scores == pytest.approx(whole_step.canaries.scores)
    assert step.canaries.observed().contributed == pytest.approx(whole_step.canaries.observed().joined, rel=1e-3)
    unpatch(model)
    assert not any(hasattr(p, "clipped_part") or hasattr(p, "clipped_sum") for p in model.parameters())


def on_a_rank(rank, world_size, folder):
    """Everything that a process of several is asked; see the tests below."""
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/store", rank=rank, world_size=world_size)
    found = {}
    for name in MODELS:
        model, step = made(name, sharded=True)
        found[name] = {n: whole(grad) for n, grad in released(model, step, rank, world_size).items()}
    model, step = made("wide", sharded=True, clipping="per_layer")
    found["per_layer"] = {n: whole(grad) for n, grad in released(model, step, rank, world_size).items()}
    for name, noise in {"own": GaussianNoise(), "by rank": GaussianNoise(7, rank), "same": GaussianNoise(7)}.items():
        found[name] = noises(noise, rank, world_size)
    found["canaries"] = seen_by_canaries(GaussianNoise(), rank, world_size)
    found["too little"] = seen_by_canaries(TooLittle(rank), rank, world_size)
    torch.save(found, folder / f"{rank}.pt")
    dist.barrier()
    dist.destroy_process_group()


class TooLittle(GaussianNoise):
    """On every process but the first half of what is claimed."""

    def __init__(self, rank):
        super().__init__()
        self.share = 0.5 if rank else 1.0

    def add_(self, tensors, std):
        super().add_(tensors, std * self.share)


def seen_by_canaries(noise, rank, world_size):
    """The noise multiplier, as the canaries of this process see it."""
    _, step = made("wide", sharded=True, sigma=1.5, noise=noise, canaries=300)
    for _ in range(20):
        step(logical(rank, world_size, drawn=range(rank, 300, world_size)))
    return float(np.sqrt(np.mean(np.square(step.canaries.observed().noise))))


def noises(noise, rank, world_size, steps=30):
    """[steps, rows, 16] of this process's rows of the table of words: what is released with noise and without."""
    quiet_model, quiet = made("wide", sharded=True)
    model, step = made("wide", sharded=True, sigma=1.5, noise=noise)
    clean = local(released(quiet_model, quiet, rank, world_size)["words.weight"]).clone()
    rows = [local(released(model, step, rank, world_size)["words.weight"]) - clean for _ in range(steps)]
    assert clean.shape == pieces_of(model.words.weight)[0].values.shape
    return torch.stack(rows)


@pytest.fixture(scope="module", params=[2, 3])
def ranks(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("ranks")
    count = request.param
    assert not any(in_forks(on_a_rank, [(rank, count, folder) for rank in range(count)], timeout_s=300))
    return [torch.load(folder / f"{rank}.pt", weights_only=True) for rank in range(count)]


@pytest.mark.slow
def test_several_processes_release_what_one_does(ranks):
    """Of rows that they cannot share evenly, and with unequal numbers of batches."""
    for name in MODELS:
        expected = released(*made(name, sharded=False))
        assert all(distance(found[name], expected) < 1e-10 for found in ranks), name
    expected = released(*made("wide", sharded=False, clipping="per_layer"))
    assert all(distance(found["per_layer"], expected) < 1e-10 for found in ranks)


@pytest.mark.slow
def test_every_element_has_the_claimed_noise_once_and_of_its_own(ranks):
    claimed = 1.5 * BOUND / EXPECTED
    for name in ("own", "by rank"):
        parts = [found[name] for found in ranks]
        assert sum(part.shape[1] for part in parts) == 211
        assert all(float(part.std()) == pytest.approx(claimed, rel=0.03) for part in parts)
        by_element = torch.cat(parts, 1).pow(2).mean(0).sqrt() / claimed  # of 30 draws each
        assert 1 - 5.5 / 60**0.5 < float(by_element.min()) < float(by_element.max()) < 1 + 5.5 / 60**0.5
        assert correlation(parts) < 0.03


@pytest.mark.slow
def test_canaries_see_the_noise_of_every_process(ranks):
    """Their coordinates are cut as the weights are. Negative control: others than the first add half of it."""
    assert all(found["canaries"] == pytest.approx(1.5, rel=0.08) for found in ranks)
    assert all(found["too little"] < 1.3 for found in ranks)


@pytest.mark.slow
def test_the_same_stream_on_every_process_is_seen(ranks):
    """Negative control: who knew the noise of one part would know that of the others."""
    assert correlation([found["same"] for found in ranks]) > 0.3  # parts of unequal length: half of a stream is shifted


def correlation(parts):
    """The largest between the parts of two processes, row by row."""
    rows = min(part.shape[1] for part in parts)
    found = torch.corrcoef(torch.stack([part[:, :rows].flatten() for part in parts]))
    return float((found - torch.eye(len(parts))).abs().max())
