"""A rate that finds itself: arithmetic on losses that are given, and one test on a tiny model."""

import math
from types import SimpleNamespace

import pytest

from accel.config.compose import compose
from accel.core.console import Console
from accel.data.prepared import prepare
from accel.errors import DataError, PlanError
from accel.plan.decide import decide
from accel.process.ranks import SingleProcess
from accel.run import learning_rate
from accel.run.learning_rate import HIGHEST, LOWEST, STEPS, curve_of, suggested, with_found_rate
from tests.conftest import tiny_words, write_tiny_csv


def test_the_rate_rises_evenly_and_the_mean_is_that_of_the_losses():
    rates = []
    curve = curve_of(lambda rate: rates.append(rate) or 3.0)
    assert (len(curve), rates[0], rates[-1]) == (STEPS, LOWEST, pytest.approx(HIGHEST))
    assert all(loss == pytest.approx(3.0) for _, loss in curve), "the first losses count as the others do"
    assert [rate for rate, _ in curve] == rates


@pytest.mark.parametrize("end", [math.nan, math.inf, 1e6])
def test_it_ends_where_the_loss_explodes(end):
    curve = curve_of(lambda rate: end if rate > 1e-2 else 1.0)
    assert max(rate for rate, _ in curve) <= 1e-2
    assert all(math.isfinite(loss) for _, loss in curve)


def test_the_rate_is_a_tenth_of_that_of_the_lowest_loss():
    assert suggested([(1e-5, 1.0), (1e-4, 0.9), (3.34e-3, 0.5), (1e-2, 0.7)]) == 3.3e-4


@pytest.mark.parametrize("curve", [[], [(1e-6, 1.0), (1e-3, 0.99), (1e-1, 1.5)]])
def test_where_nothing_falls_nothing_is_suggested(curve):
    with pytest.raises(DataError, match="found no learning rate"):
        suggested(curve)


@pytest.fixture
def run(tmp_path):
    from contextlib import nullcontext

    def of(*words, resume=False, ranks=None):
        csv = write_tiny_csv(tmp_path / "tiny.csv")
        plan = decide(compose([*tiny_words(csv), "trainer.learning_rate=null", *words]))
        state = SimpleNamespace(
            plan=plan, folder=tmp_path, record={}, resume=resume, timed=lambda name: nullcontext(),
            ranks=ranks or SingleProcess(), leads=ranks is None
        )  # fmt: skip
        return state, prepare(plan.task.load(plan.seed), plan)

    return of


def test_a_tiny_model_finds_a_rate_and_says_it_in_plain_words(run, capsys):
    found, data = run()
    with_found_rate(found, data, Console(None))
    rate = found.plan.trainer.learning_rate
    assert 1e-5 < rate < 1e-1
    assert found.record["found"]["repeat"] == [f"trainer.learning_rate={rate:g}"]
    typed = decide(compose(found.record["found"]["repeat"])).trainer
    assert typed.learning_rate == rate
    assert f"Learning rate: {rate:g}" in capsys.readouterr().out
    later, data = run(resume=True)
    with_found_rate(later, data, Console(None, silent=True))
    assert later.plan.trainer == found.plan.trainer


def test_of_several_processes_the_first_one_finds_it_for_all(run, monkeypatch):
    """A step of the search has the batches of all processes."""
    seen = []
    monkeypatch.setattr(learning_rate, "tried", lambda plan, data: (seen.append(plan), [(1e-5, 2.0), (1e-3, 1.0)])[1])
    ddp = ["strategy=ddp", "strategy.processes=2"]
    first, data = run(*ddp)
    with_found_rate(first, data, Console(None, silent=True))
    assert (seen[0].trainer.accumulate, first.plan.trainer.accumulate) == (2, 1)
    other, data = run(*ddp, ranks=SimpleNamespace(agree=lambda name, value: value or "0.0001"))
    with_found_rate(other, data, Console(None, silent=True))
    assert len(seen) == 1, "the second process has found one of its own"
    assert first.plan.trainer == other.plan.trainer
    assert other.record == {}


def test_layers_keep_their_shares_of_the_rate(run, monkeypatch):
    seen = []

    class Rehearsal:
        def __init__(self, plan, data):
            self.optimizer = SimpleNamespace(param_groups=[{"lr": 1e-3}, {"lr": 0.5e-3}])

        def step(self):
            seen.append([group["lr"] for group in self.optimizer.param_groups])
            return 1.0

    monkeypatch.setattr(learning_rate, "Rehearsal", Rehearsal)
    learning_rate.tried(None, None)
    assert all(low == pytest.approx(high / 2) for high, low in seen)
    assert seen[-1][0] == pytest.approx(HIGHEST)


def test_without_the_wish_nothing_is_tried(monkeypatch):
    monkeypatch.setattr(learning_rate, "tried", lambda *a: pytest.fail("it was tried"))
    state = SimpleNamespace(plan=decide(compose(["model=tiny_bert"])))
    with_found_rate(state, None, Console(None, silent=True))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["privacy=dpsgd", "privacy.epsilon=8"], "found on the private texts"),
        (["strategy=federated"], "stay at the clients"),
        (["strategy=fsdp", "strategy.processes=2"], "each process holds a part of it"),
        (["strategy=tensor_parallel", "strategy.processes=2"], "each process holds a part of it"),
    ],
)
def test_a_search_is_refused_where_it_cannot_work(words, said):
    with pytest.raises(PlanError, match=said):
        decide(compose(["model=tiny_bert", "trainer.learning_rate=null", *words]))
