"""Early stopping: arithmetic on lists of qualities, and real runs of a tiny model."""

import math

import pytest
import torch

from accel.callbacks.keep_best import Candidate, KeepBest, Ranking
from accel.config.compose import compose
from accel.errors import PlanError
from accel.plan.decide import decide
from accel.run.module import TransformerModule

EPOCHS = ["trainer.max_steps=null", "trainer.epochs=6", "trainer.batch_size=36"]
PER = 4
"""Steps of an epoch."""


def stops_after(qualities, patience):
    """How many validations are seen, and which was best, counted from 1."""
    ranking = Ranking(patience)
    for number, quality in enumerate(qualities, start=1):
        ranking.add(Candidate(number, quality, quality, {}))
        if ranking.exhausted:
            break
    return len(ranking.validations), ranking.best[0].step


@pytest.mark.parametrize(
    ("patience", "expected"),
    [(1, (3, 2)), (2, (6, 4)), (3, (7, 4)), (4, (9, 8)), (None, (9, 8))],
)
def test_patience_stops_where_it_does_by_hand(patience, expected):
    qualities = [0.5, 0.7, 0.6, 0.8, 0.8, 0.75, 0.79, 0.9, 0.1]
    assert stops_after(qualities, patience) == expected


def test_a_quality_that_is_not_a_number_is_the_worst(train, monkeypatch):
    figures = iter([0.9, math.nan, 0.5, 0.5, 0.5])
    monkeypatch.setattr(TransformerModule, "validated", validated(figures))
    fitted, _, _ = train(*EPOCHS, "trainer.patience=2")
    assert [v["step"] for v in fitted.best["validations"]] == [PER, 2 * PER, 3 * PER]
    assert fitted.best["steps"] == [PER]


def validated(figures):
    """As the module gives them, with qualities of a test's own."""

    def of(self):
        self.scores.reset()
        return {"validation/quality": next(figures), "validation/loss": 0.0}

    return of


@pytest.fixture
def judged(monkeypatch):
    """Every validation has the quality that is next in a list; the weights after it are noted."""

    def by(qualities):
        seen, figures = [], iter(qualities)

        def of(self):
            seen.append({n: p.detach().clone() for n, p in self.model.named_parameters()})
            return validated(figures)(self)

        monkeypatch.setattr(TransformerModule, "validated", of)
        return seen

    return by


def same(model, weights):
    return all(torch.equal(p, weights[name]) for name, p in model.named_parameters() if name in weights)


def test_a_run_stops_early_and_gives_the_best_of_its_models(train, judged):
    seen = judged([0.5, 0.875, 0.75, 0.625, 0.9375, 1.0])
    fitted, losses, _ = train(*EPOCHS, "trainer.patience=2")
    assert (fitted.steps, len(losses), len(seen)) == (4 * PER, 4 * PER, 4)
    assert same(fitted.model, seen[1])
    assert not same(fitted.model, seen[3])
    assert fitted.best == {
        "steps": [2 * PER],
        "quality": 0.875,
        "best_single": 0.875,
        "stopped_early": True,
        "validations": [{"step": PER * n, "quality": q} for n, q in enumerate([0.5, 0.875, 0.75, 0.625], start=1)],
    }


def test_steps_after_the_last_epoch_are_compared_too(train, judged):
    seen = judged([0.5, 0.6])
    fitted, _, _ = train("trainer.max_steps=6", "trainer.patience=1", "trainer.batch_size=36")
    assert (len(seen), fitted.best["steps"], fitted.best["stopped_early"]) == (2, [6], False)


def test_nothing_is_compared_with_a_model_of_another_form(train, judged):
    """Masks come until half of training, so what was better before counts neither as best nor against patience."""
    judged([0.9, 0.8, 0.7, 0.1, 0.2, 0.15])
    fitted, _, _ = train(*EPOCHS, "trainer.patience=2", "compression=[mask]", "compression.mask.end=0.5")
    assert [v["step"] for v in fitted.best["validations"]] == [4 * PER, 5 * PER, 6 * PER]
    assert fitted.best["steps"] == [5 * PER]
    assert fitted.evidence["mask"]["masked_fraction"] == pytest.approx(0.5, abs=0.01)


def test_what_rounds_at_the_end_rounds_a_run_that_stopped_early(train, judged):
    judged([0.9, 0.5, 0.4, 0.3])
    fitted, _, _ = train(*EPOCHS, "trainer.patience=1", "compression=[ptq]", "compression.ptq.full_precision=0.4")
    assert fitted.steps == 2 * PER
    assert fitted.evidence["ptq"]["active_fake_quantizers"] > 0
    assert fitted.evidence["ptq"]["full_precision_layers"]


@pytest.mark.slow
@pytest.mark.parametrize("stop_at", [10, 12])
@pytest.mark.fault("R2")
def test_a_run_that_goes_on_has_waited_as_long(train, judged, monkeypatch, stop_at):
    """Stopped within an epoch, after the last batch of one, and when patience had already run out."""
    qualities = [0.5, 0.875, 0.75, 0.625, 0.9375, 1.0]
    seen = judged(qualities)
    stored = f"trainer.checkpoint_every_steps={stop_at}"
    first, _, folder = train(*EPOCHS, "trainer.patience=2", stored)
    last = folder / "checkpoints" / "last.ckpt"
    done = (stop_at - 1) // PER  # at the end of an epoch it is saved before the validation
    judged(qualities[done:])
    resumed, _, _ = train(*EPOCHS, "trainer.patience=2", checkpoint=last)
    assert resumed.best == first.best
    assert same(resumed.model, seen[1])


def test_killed_after_it_had_stopped_it_trains_no_more(train, judged):
    seen = judged([0.9, 0.5, 0.4, 0.99])
    words = [*EPOCHS, "trainer.patience=2"]
    first, _, folder = train(*words)
    resumed, losses, _ = train(*words, checkpoint=folder / "checkpoints" / "last.ckpt")
    assert losses == {}
    assert len(seen) == 3
    assert (resumed.best, resumed.steps) == (first.best, first.steps)
    assert same(resumed.model, seen[0])


def test_a_run_that_was_interrupted_keeps_the_weights_it_has():
    ranking = Ranking(2)
    ranking.add(Candidate(1, 0.9, 0.9, {"weight": torch.ones(1)}))
    keeper = KeepBest(ranking, 0.0, 10)

    class Trainer:
        should_stop = True

    keeper.on_fit_end(Trainer(), None)
    assert Trainer.should_stop
    assert keeper.found == {}


def test_a_soup_is_the_mean_of_what_makes_it_better(train, judged):
    """Best after steps 8, 16 and 12; with step 16 it is as good, with step 12 worse."""
    seen = judged([0.5, 0.875, 0.625, 0.75, 0.875, 0.5])
    fitted, _, _ = train(*EPOCHS[:2], "trainer.epochs=4", "trainer.batch_size=36", "trainer.soup=3")
    means = {name: (seen[1][name].double() + seen[3][name]).div(2).float() for name in seen[1]}
    assert same(fitted.model, means)
    assert (fitted.best["steps"], fitted.best["quality"]) == ([2 * PER, 4 * PER], 0.875)
    tried = {name: sum(seen[n][name].double() for n in (1, 3, 2)).div(3).float() for name in seen[1]}
    assert all(torch.allclose(tried[name], seen[5][name], atol=1e-6) for name in tried)


@pytest.mark.slow
def test_a_soup_of_rounded_models_survives_a_kill_after_the_last_step(train):
    """It is scored with rounding on, though no batch of this process has switched it on."""
    words = [*EPOCHS, "trainer.soup=3", "compression=[qat]", "compression.qat.begin=0.3"]
    first, _, folder = train(*words)
    resumed, losses, _ = train(*words, checkpoint=folder / "checkpoints" / "last.ckpt")
    assert losses == {}
    assert resumed.best == first.best
    assert same(resumed.model, dict(first.model.named_parameters()))
    assert first.best["quality"] >= first.best["best_single"]


WRONG = [
    (["trainer.patience=0"], "at least 1"),
    (["trainer.soup=0"], "at least 1"),
    (["trainer.soup=4"], "not so many models"),
    (["trainer.soup=2", "trainer.epochs=4", "compression=[qat]", "compression.qat.begin=0.8"], "done at 80%"),
    (["trainer.soup=2", "privacy=dpsgd", "privacy.epsilon=8"], "the accountant does not count"),
    (["trainer.soup=2", "strategy=federated"], "stay at the clients"),
    (["trainer.soup=2", "strategy=fsdp"], "only a part of the weights"),
    (["trainer.patience=3"], "never stop early"),
    (["trainer.epochs=4", "trainer.patience=2", "compression=[mask]", "compression.mask.end=0.5"], "at 50%"),
    (["trainer.patience=1", "privacy=dpsgd", "privacy.epsilon=8"], "the accountant does not count"),
    (["trainer.patience=1", "strategy=federated"], "stay at the clients"),
    (["trainer.patience=1", "strategy=fsdp"], "only a part of the weights"),
    (["trainer.patience=1", "strategy=tensor_parallel"], "only a part of the weights"),
]


@pytest.mark.fault("B1")
@pytest.mark.parametrize(("words", "text"), WRONG)
def test_patience_is_refused_where_it_cannot_work(words, text):
    with pytest.raises(PlanError, match=text):
        decide(compose(["model=tiny_bert", *words]))
