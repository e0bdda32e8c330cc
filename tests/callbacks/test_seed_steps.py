from types import SimpleNamespace

import torch

from accel.callbacks.seed_steps import SeedSteps
from accel.config.compose import compose
from accel.core.seeds import step_seed
from accel.plan.decide import decide


def test_seeds_differ_between_runs_ranks_and_steps():
    seeds = {step_seed(seed, rank, step) for seed in range(5) for rank in range(4) for step in range(50)}
    assert len(seeds) == 1000
    assert all(0 <= seed < 2**63 for seed in seeds)


def test_a_step_draws_the_same_whatever_was_drawn_before():
    callback, trainer = SeedSteps(decide(compose([]))), SimpleNamespace(global_rank=0, global_step=7)
    draws = []
    for junk in (1, 100):
        torch.rand(junk)
        callback.on_train_batch_start(trainer, None, None, 0)
        draws.append(torch.rand(3))
    assert torch.equal(*draws)


def test_two_processes_draw_what_one_draws_that_takes_their_batches_in_turn():
    def draws(words, rank, turn):
        callback = SeedSteps(decide(compose(words)))
        callback.on_train_batch_start(SimpleNamespace(global_rank=rank, global_step=7), None, None, turn)
        return torch.rand(3).tolist()

    one = [draws(["trainer.accumulate=4"], 0, turn) for turn in range(4)]
    two = [draws(["trainer.accumulate=2", "strategy=ddp"], rank, turn) for turn in range(2) for rank in range(2)]
    assert one == two
    assert len({tuple(drawn) for drawn in one}) == 4
