from types import SimpleNamespace

import pytest
import pytorch_lightning as pl
import torch
from torch import nn
from torch.utils.data import DataLoader

from accel.callbacks import mask_units
from accel.compression.prune import Prune, Score
from accel.core.facts import Facts
from accel.objective.classification import Classification


def facts(total_steps):
    return Facts(
        total_steps=total_steps,
        num_examples=1,
        objective=Classification(["a", "b"]),
        world_size=1,
        seed=0,
        baseline=None,
    )


def test_the_schedule_is_a_function_of_the_settings_alone():
    (callback,) = Prune(begin=0.25, end=0.5).callbacks(facts(100))
    assert (callback.ramp.begin_step, callback.ramp.end_step) == (25, 50)


def test_masks_stay_zero_through_weight_decay_and_momentum(train):
    """figures() raises when a masked weight is not zero; AdamW moves every weight it can."""
    fitted, _, _ = train(
        "compression=[prune]", "compression.prune.end=0.3", "trainer.weight_decay=0.1", "trainer.max_steps=20"
    )
    assert fitted.evidence["prune"]["removed_fraction"] > 0.3


class Scorer:
    """Notes when it is asked, and the gradient that it is shown."""

    def __init__(self):
        self.calls, self.gradients = [], []

    def on_start(self, model, blocks, scores):
        self.calls.append("start")

    def on_gradients(self, model, blocks, scores):
        self.gradients.append(model.weight.grad.clone())

    def on_choice(self, model, blocks, scores):
        self.calls.append("choice")


@pytest.fixture
def masking(monkeypatch):
    """``masking(prune) -> (callback, scorer, batches as they are asked for)``: blocks and prices stay out of it."""

    def made(prune):
        scorer, asked = Scorer(), []

        def scorer_for(score, batches):
            batches()
            return scorer

        monkeypatch.setattr("accel.data.calibration.calibration_batches", lambda *told: asked.append(told))
        monkeypatch.setattr("accel.ops.structured.unit_scores.scorer_for", scorer_for)
        for name in ("find_blocks", "price", "update_masks", "apply_masks"):
            monkeypatch.setattr(mask_units, name, lambda *_, **__: [])
        monkeypatch.setattr(mask_units, "scores_of", lambda model, blocks: {})
        monkeypatch.setattr(Prune, "budget", lambda *_, **__: (None, 0.5))
        (callback,) = prune.callbacks(facts(10))
        return callback, scorer, asked

    return made


def started(callback, step):
    trainer = SimpleNamespace(global_step=step, datamodule=SimpleNamespace(data="examples"))
    callback.on_fit_start(trainer, SimpleNamespace(model=None))


@pytest.mark.parametrize("text", [None, "public.txt"])
def test_activations_are_taken_on_the_public_text_where_there_is_one(masking, text):
    callback, _, asked = masking(Prune(score=Score.activation, public_text=text))
    started(callback, 0)
    assert asked == [("examples", text, "compression.prune.public_text")]


def test_a_resumed_run_keeps_the_scores_that_its_checkpoint_has(masking):
    callback, scorer, _ = masking(Prune(score=Score.activation))
    started(callback, 3)
    assert scorer.calls == []
    started(callback, 0)
    assert scorer.calls == ["start"]


class OneWeight(pl.LightningModule):
    """The mean of weight times input."""

    def __init__(self):
        super().__init__()
        self.model = nn.Linear(1, 1, bias=False)

    def training_step(self, batch, index):
        return self.model(batch).mean()

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.0)


def test_scores_see_the_gradient_of_every_batch_of_a_step_once(masking):
    callback, scorer, _ = masking(Prune(begin=0.0, end=1.0))
    trainer = pl.Trainer(
        max_steps=2, accumulate_grad_batches=3, callbacks=[callback], logger=False, enable_checkpointing=False,
        enable_progress_bar=False, enable_model_summary=False, accelerator="cpu",
    )  # fmt: skip
    callback.on_fit_start = lambda trainer, module: setattr(callback, "scorer", scorer)
    inputs = torch.tensor([[1.0], [2.0], [6.0], [10.0], [20.0], [60.0]])
    trainer.fit(OneWeight(), DataLoader(inputs, batch_size=1))
    assert [float(gradient) for gradient in scorer.gradients] == [3.0, 30.0]
