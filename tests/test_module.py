import pytest
import torch

from accel.errors import NonFiniteLossError
from accel.module import TransformerModule, cross_entropy


def test_a_loss_that_is_not_finite_stops_before_the_update(train, monkeypatch):
    weights = {}

    def broken(outputs, batch):
        loss = cross_entropy(outputs, batch)["loss"]
        return {"loss": loss * float("nan") if broken.calls == 3 else loss}

    broken.calls = 0

    def step(self, batch, index, original=TransformerModule.training_step):
        broken.calls = self.global_step
        weights[self.global_step] = self.model.classifier.weight.detach().clone()
        weights["module"] = self
        return original(self, batch, index)

    monkeypatch.setattr("accel.module.cross_entropy", broken)
    monkeypatch.setattr(TransformerModule, "training_step", step)
    with pytest.raises(NonFiniteLossError, match="nan at step 3, before the weights were updated"):
        train()
    assert torch.equal(weights["module"].model.classifier.weight, weights[3])
    assert torch.isfinite(weights[3]).all()


def test_learns_what_can_be_learned(train):
    fitted, losses, _ = train("trainer.max_steps=150")
    assert fitted.steps == 150
    assert len(losses) == 150
    assert len(set(losses.values())) > 140  # every step's own value is logged, none stands for another
    assert sum(losses[step] for step in range(140, 150)) / 10 < 0.5 * losses[0]


def test_fp64_is_fp64(train):
    fitted, _, _ = train("trainer.precision=fp64", "trainer.max_steps=2")
    assert next(fitted.model.parameters()).dtype == torch.float64
