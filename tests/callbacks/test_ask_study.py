from types import SimpleNamespace

import pytest
import torch

from accel.callbacks.ask_study import MONITORED, AskStudy
from accel.errors import ExitCode, Pruned
from accel.sweep.stopping import Stopping


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
        callback_metrics={MONITORED: torch.tensor(0.5)}, strategy=SimpleNamespace(broadcast=lambda value: value),
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
    ask = AskStudy(Stopping("journal", 0, "asha", eta=3, epochs=5))
    assert train(ask, 5) == ended
    assert trial.reported == dict.fromkeys(range(1, ended + 1), 0.5)
    if ended == 5:  # what was trained to its end is finished, whatever the study says by then
        ask.check()
    else:
        with pytest.raises(Pruned, match="after epoch 2 of 5") as error:
            ask.check()
        assert error.value.exit_code == ExitCode.DONE
