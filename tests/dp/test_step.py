"""A step's gradient is the noisy clipped sum over the expected batch, whatever the physical batches are."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from accel.dp.book import Book
from accel.dp.ledger import Ledger
from accel.dp.mechanism import Mechanism
from accel.dp.noise import GaussianNoise
from accel.dp.poisson import LogicalBatch
from accel.dp.step import PrivateStep

RECORDS, EXPECTED = 12, 10.5


def mechanism(sigma=0.0, clipping="flat"):
    return Mechanism(sigma, 0.1, clipping, 0.1, EXPECTED, 105, 100, 1e-5, "rdp", None, True)


def made(sigma=0.0, clipping="flat"):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 2)).double()

    def score(batch):
        return {"loss": F.cross_entropy(model(batch["x"]), batch["y"])}

    return model, PrivateStep(score, Book(model), Ledger(None, mechanism(sigma, clipping)), GaussianNoise(1))


def records():
    generator = torch.Generator().manual_seed(1)
    return torch.randn(RECORDS, 6, generator=generator).double(), torch.arange(RECORDS) % 2


def logical(size, dummy=False):
    x, y = records()
    parts = [({"x": a, "y": b}, torch.ones(len(a))) for a, b in zip(x.split(size), y.split(size), strict=True)]
    return LogicalBatch([*parts, ({"x": x[:1], "y": y[:1]}, torch.zeros(1))] if dummy else parts)


def expected():
    model, _ = made()
    x, y = records()
    total = {n: torch.zeros_like(p) for n, p in model.named_parameters()}
    from accel.dp.layers import unpatch

    unpatch(model)
    for row, label in zip(x, y, strict=True):
        model.zero_grad()
        F.cross_entropy(model(row[None]), label[None]).backward()
        norm = torch.stack([p.grad.pow(2).sum() for p in model.parameters()]).sum().sqrt()
        for name, p in model.named_parameters():
            total[name] += p.grad * min(1.0, 0.1 / (float(norm) + 1e-6))
    return {name: value / EXPECTED for name, value in total.items()}


@pytest.mark.parametrize(("size", "dummy"), [(12, False), (5, False), (1, False), (5, True)])
def test_the_gradient_is_the_clipped_sum_over_the_expected_batch(size, dummy):
    model, step = made()
    terms = step(logical(size, dummy))
    model.zero_grad()  # as Lightning does between the loss and its backward
    terms["loss"].backward()
    wanted = expected()
    for name, p in model.named_parameters():
        assert torch.allclose(p.grad, wanted[name], rtol=1e-5, atol=1e-9), name


def test_two_steps_do_not_mix():
    model, step = made()
    for _ in range(2):
        model.zero_grad()
        step(logical(5))["loss"].backward()
    wanted = expected()
    assert all(torch.allclose(p.grad, wanted[n], rtol=1e-5, atol=1e-9) for n, p in model.named_parameters())


def test_noise_is_as_large_as_the_bound_says():
    _, step = made(sigma=3.0)
    _, quiet = made()
    differences = []
    quiet(logical(12))["loss"].backward()
    clean = torch.cat([p.grad.flatten() for p in quiet.book.parameters])
    for _ in range(100):
        step(logical(12))["loss"].backward()
        differences.append(torch.cat([p.grad.flatten() for p in step.book.parameters]) - clean)
    found = float(torch.stack(differences).std())
    assert found == pytest.approx(3.0 * 0.1 / EXPECTED, rel=0.05)


def test_a_step_says_which_noise_was_added():
    _, step = made(sigma=3.0)
    assert float(step(logical(12))["noise_multiplier"]) == 3.0
    step.noise.add_ = lambda sums, std: None
    assert float(step(logical(12))["noise_multiplier"]) == 0.0


def test_a_step_is_charged_before_anything_is_computed():
    model, step = made()
    seen = []
    step.score = lambda batch: (
        seen.append(step.ledger.charged) or {"loss": F.cross_entropy(model(batch["x"]), batch["y"])}
    )
    step(logical(12))
    assert seen == [1]


def test_one_record_moves_the_sum_by_no_more_than_the_bound():
    _, step = made()
    with_all = step(logical(12))["loss"]
    with_all.backward()
    everything = torch.cat([p.grad.flatten() for p in step.book.parameters]).clone()
    x, y = records()
    for left_out in range(RECORDS):
        keep = [i for i in range(RECORDS) if i != left_out]
        step(LogicalBatch([({"x": x[keep], "y": y[keep]}, torch.ones(RECORDS - 1))]))["loss"].backward()
        rest = torch.cat([p.grad.flatten() for p in step.book.parameters])
        assert (everything - rest).norm() * EXPECTED <= 0.1 * (1 + 1e-5)


def on_one_of_two(rank, folder):
    import torch.distributed as dist

    dist.init_process_group("gloo", init_method=f"file://{folder}/store", rank=rank, world_size=2)
    _, step = made(sigma=2.0)
    x, y = records()
    step(LogicalBatch([({"x": x[rank::2], "y": y[rank::2]}, torch.ones(RECORDS // 2))]))["loss"].backward()
    torch.save([p.grad for p in step.book.parameters], folder / f"rank{rank}.pt")
    dist.barrier()


@pytest.mark.slow
def test_two_processes_make_the_gradient_of_one(tmp_path):
    """Noise is added once, not once per process."""
    torch.multiprocessing.spawn(on_one_of_two, args=(tmp_path,), nprocs=2)
    _, step = made(sigma=2.0)
    step(logical(12))["loss"].backward()
    for rank in range(2):
        grads = torch.load(tmp_path / f"rank{rank}.pt", weights_only=True)
        for found, p in zip(grads, step.book.parameters, strict=True):
            assert torch.allclose(found, p.grad, rtol=1e-10, atol=1e-14)
