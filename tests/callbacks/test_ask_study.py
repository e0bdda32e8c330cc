import math
from types import SimpleNamespace

import optuna
import pytest
import torch

from accel.callbacks.ask_study import BETWEEN_EQUALS, AskStudy, standing
from accel.core.metric import ACCURACY, NUMBER, QUALITY, Metric
from accel.errors import ExitCode, Pruned
from accel.sweep.stopping import RULES, Stopping


class Trial:
    def __init__(self, prune_at):
        self.prune_at = prune_at
        self.reported = {}

    def report(self, value, step):
        self.reported[step] = value

    def should_prune(self):
        return max(self.reported) >= self.prune_at


def train(ask, epochs):
    trainer = SimpleNamespace(
        is_global_zero=True, should_stop=False, current_epoch=0,
        callback_metrics={QUALITY: torch.tensor(0.5), BETWEEN_EQUALS: torch.tensor(0.7)},
        strategy=SimpleNamespace(broadcast=lambda value: value),
    )  # fmt: skip
    ask.on_train_start(trainer, None)
    for epoch in range(epochs):
        trainer.current_epoch = epoch
        ask.on_validation_end(trainer, None)
        if trainer.should_stop:
            return epoch + 1
    return epochs


@pytest.mark.parametrize(("prune_at", "ended"), [(2, 2), (9, 5), (5, 5)])
def test_reports_every_epoch_and_stops_when_told(monkeypatch, prune_at, ended):
    trial = Trial(prune_at)
    monkeypatch.setattr(Stopping, "own_trial", lambda self: trial)
    ask = AskStudy(Stopping("journal", 0, "asha", eta=3, epochs=5), ACCURACY)
    assert train(ask, 5) == ended
    assert trial.reported == dict.fromkeys(range(1, ended + 1), pytest.approx(0.5))
    if ended == 5:  # what was trained to its end is finished, whatever the study says by then
        ask.check()
    else:
        with pytest.raises(Pruned, match="after epoch 2 of 5") as error:
            ask.check()
        assert error.value.exit_code == ExitCode.DONE


def test_loss_decides_between_equals_and_never_against_one_example_more():
    def of(accuracy, loss):
        return standing(
            {QUALITY: torch.tensor(accuracy, dtype=torch.float64), BETWEEN_EQUALS: torch.tensor(loss)}, ACCURACY
        )

    assert of(0.63, 0.8) > of(0.63, 0.9)
    assert of(0.63 + 1e-7, 50.0) > of(0.63, 0.0)
    assert math.isnan(of(0.63, math.nan))  # which a study takes for the worst


def stopped(value_of):
    """How many of 12 trials are stopped that all answer the most frequent class, with a loss of their own."""
    study = optuna.create_study(direction="maximize", pruner=RULES["asha"](Stopping("", 0, "asha", eta=3, epochs=9)))
    count = 0
    for number in range(12):
        trial = study.ask()
        trial.report(value_of({QUALITY: 0.63, BETWEEN_EQUALS: 0.8 + number % 5 / 10}), 1)
        count += trial.should_prune()
    return count


def test_a_halving_stops_trials_that_only_their_loss_tells_apart():
    assert stopped(lambda metrics: metrics[QUALITY]) == 0  # the trap: by accuracy alone every one goes on
    assert stopped(lambda metrics: standing(metrics, ACCURACY)) >= 6


def test_where_lower_is_better_the_lower_error_stands_higher():
    rmse = Metric("rmse", "RMSE", higher_is_better=False, format=NUMBER)
    assert standing({QUALITY: 0.2}, rmse) > standing({QUALITY: 0.3}, rmse)
