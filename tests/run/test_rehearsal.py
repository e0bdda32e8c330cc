"""Steps on a copy: they learn, and leave no trace."""

import pytest
import torch

from accel.config.compose import compose
from accel.data.prepared import prepare
from accel.plan.decide import decide
from accel.run.fit import facts_of
from accel.run.module import TransformerModule
from accel.run.rehearsal import Rehearsal
from tests.conftest import tiny_words, write_tiny_csv


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    file = write_tiny_csv(tmp_path_factory.mktemp("rehearsal") / "tiny.csv")
    plan = decide(compose([*tiny_words(file), "trainer.accumulate=2"]))
    return plan, prepare(plan.task.load(plan.seed), plan)


def begun(plan, data):
    """What a run begins with: its weights and its batches."""
    module = TransformerModule(plan, facts_of(plan, data), data.objective.scores(data.validation))
    module.configure_model()
    return module.model.state_dict(), data.sampler(plan).batches(0)


def test_a_run_begins_after_it_as_it_would_have_without(made):
    weights, batches = begun(*made)
    before = torch.get_rng_state()
    with torch.random.fork_rng():
        rehearsal = Rehearsal(*made)
        first = [rehearsal.step() for _ in range(12)]
    assert torch.equal(torch.get_rng_state(), before)
    again, order = begun(*made)
    assert order == batches
    assert all(torch.equal(again[name], weights[name]) for name in weights)
    assert first[-1] < first[0], "the copy did learn"
    learned = rehearsal.module.model.state_dict()
    assert not all(torch.equal(learned[name], weights[name]) for name in weights)


def test_it_goes_on_into_the_next_epoch(made):
    plan, data = made
    rehearsal, sampler = Rehearsal(plan, data), data.sampler(plan)
    taken = [next(rehearsal.batches) for _ in range(2 * sampler.num_batches)]
    assert taken == [*sampler.batches(0), *sampler.batches(1)]
