from types import SimpleNamespace

import torch

from accel.callbacks.seed_steps import SeedSteps, step_seed


def test_seeds_differ_between_runs_ranks_and_steps():
    seeds = {step_seed(seed, rank, step) for seed in range(5) for rank in range(4) for step in range(50)}
    assert len(seeds) == 1000
    assert all(0 <= seed < 2**63 for seed in seeds)


def test_a_step_draws_the_same_whatever_was_drawn_before():
    callback, trainer = SeedSteps(0), SimpleNamespace(global_rank=0, global_step=7)
    draws = []
    for junk in (1, 100):
        torch.rand(junk)
        callback.on_train_batch_start(trainer, None, None, 0)
        draws.append(torch.rand(3))
    assert torch.equal(*draws)
