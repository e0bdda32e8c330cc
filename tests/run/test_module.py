import numpy as np
import pytest
import torch

from accel.config.compose import compose
from accel.core.facts import Facts
from accel.data.collate import Collator
from accel.data.loader import WEIGHT, ResumableLoader
from accel.data.sampler import TokenBudgetSampler
from accel.data.tokenized import Tokenized
from accel.data.tokens import Ragged
from accel.errors import NonFiniteLossError
from accel.model.tiny_bert import TinyBert
from accel.objective.classification import Classification, ClassScores
from accel.ops.dropout import without_dropout
from accel.plan.decide import decide
from accel.run.module import TransformerModule


@pytest.mark.fault("N1")
def test_a_loss_that_is_not_finite_stops_before_the_update(train, monkeypatch):
    weights = {}

    right = Classification.loss

    def broken(self, outputs, batch):
        loss = right(self, outputs, batch)["loss"]
        return {"loss": loss * float("nan") if broken.calls == 3 else loss}

    broken.calls = 0

    def step(self, batch, index, original=TransformerModule.training_step):
        broken.calls = self.global_step
        weights[self.global_step] = self.model.classifier.weight.detach().clone()
        weights["module"] = self
        return original(self, batch, index)

    monkeypatch.setattr(Classification, "loss", broken)
    monkeypatch.setattr(TransformerModule, "training_step", step)
    with pytest.raises(NonFiniteLossError, match="nan at step 3, before the weights were updated"):
        train()
    assert torch.equal(weights["module"].model.classifier.weight, weights[3])
    assert torch.isfinite(weights[3]).all()


def with_a_nan_gradient(outputs, batch, original=Classification.loss):
    """The loss is what it was; its gradient is 0 / 0, as of a root of zero."""
    return {"loss": original(None, outputs, batch)["loss"] + (0 * outputs.logits).square().sum().sqrt()}


@pytest.mark.fault("N1")
@pytest.mark.parametrize("clip", [0.0, 1.0])
def test_a_gradient_that_is_not_finite_leaves_the_last_good_checkpoint(train, tmp_path, monkeypatch, clip):
    """Negative control: without the look at its norm, a checkpoint of NaN takes the good one's place."""
    words = [f"trainer.gradient_clip={clip}", "trainer.checkpoint_every_steps=1"]
    _, _, folder = train("trainer.max_steps=2", *words)
    kept = (folder / "checkpoints" / "last.ckpt").read_bytes()
    monkeypatch.setattr(Classification, "loss", lambda self, outputs, batch: with_a_nan_gradient(outputs, batch))
    with pytest.raises(NonFiniteLossError, match="gradient's norm became nan at step 2, before the weights"):
        train("trainer.max_steps=4", *words, folder=folder, checkpoint=folder / "checkpoints" / "last.ckpt")
    assert (folder / "checkpoints" / "last.ckpt").read_bytes() == kept


@pytest.mark.fault("N1")
@pytest.mark.parametrize("rate", ["1e38", "1e30"])
def test_weights_that_no_longer_are_a_model_are_not_saved(train, tmp_path, rate):
    """Loss and gradient of the first step are right; a step of that size leaves nothing."""
    with pytest.raises(NonFiniteLossError, match="weights' norm became inf at step 1, and the checkpoint before"):
        train(f"trainer.learning_rate={rate}", "trainer.warmup=0", "trainer.checkpoint_every_steps=1")
    assert not list((tmp_path / "fit0" / "checkpoints").glob("*.ckpt"))


def test_learns_what_can_be_learned(train):
    fitted, losses, _ = train("trainer.max_steps=150")
    assert fitted.steps == 150
    assert len(losses) == 150
    assert len(set(losses.values())) > 140  # every step's own value is logged, none stands for another
    assert sum(losses[step] for step in range(140, 150)) / 10 < 0.5 * losses[0]


def test_fp64_is_fp64(train):
    fitted, _, _ = train("trainer.precision=fp64", "trainer.max_steps=2")
    assert next(fitted.model.parameters()).dtype == torch.float64


class OneStep(TokenBudgetSampler):
    """All examples in one optimizer step, in ``accumulate`` batches of unequal sizes and lengths."""

    def __init__(self, accumulate):
        super().__init__(np.full(20, 8), batch_tokens=None, batch_size=20, seed=0, accumulate=accumulate)
        self.num_steps = 1

    def _everything(self, epoch):
        cuts = {1: [], 2: [15], 4: [9, 15, 17], 8: [1, 3, 6, 10, 15, 17, 18]}[self.accumulate]
        return [part.tolist() for part in np.split(np.arange(20), cuts)]


def one_step(accumulate, *, means_of_means=False, importance=None):
    """(loss, gradients) of twenty examples of 3 to 60 tokens."""
    plan = decide(compose(["model=tiny_bert", "trainer.precision=fp64"]))
    objective = Classification(["a", "b"])
    module = TransformerModule(plan, Facts(1, 20, objective, 1, 0, None), ClassScores(2))
    module.configure_model()
    without_dropout(module)
    lengths = np.linspace(3, 60, 20).astype(int)
    rows = Ragged.of([np.full(n, 5 + i, dtype=np.int32) for i, n in enumerate(lengths)])
    data = Tokenized(rows, [i % 2 for i in range(20)], importance=importance)
    total = 0.0
    for batch in ResumableLoader(data, OneStep(accumulate), Collator(0, objective.targets)):
        if means_of_means:
            batch[WEIGHT] = 1.0
        loss = module._score(batch)["loss"] / accumulate  # as the trainer divides it
        loss.backward()
        total += float(loss.detach())
    return total, {name: p.grad for name, p in module.named_parameters() if p.grad is not None}


def difference(one, other):
    gradients = [float((one[1][name] - other[1][name]).abs().max()) for name in one[1]]
    return max(abs(one[0] - other[0]), *gradients)


@pytest.mark.fault("N4")
@pytest.mark.parametrize("accumulate", [2, 4, 8])
def test_a_step_is_the_same_in_however_many_unequal_batches(accumulate):
    whole = one_step(1)
    assert difference(whole, one_step(accumulate)) <= 1e-12
    assert difference(whole, one_step(accumulate, means_of_means=True)) > 1e-4  # what it would be without weights


@pytest.mark.parametrize("accumulate", [2, 8])
def test_examples_that_count_differently_do_so_over_the_whole_step(accumulate):
    """Divided by what a batch's own weights add up to, a rare label would count more where it is alone."""
    weights = np.linspace(0.1, 1.9, 20, dtype=np.float32)
    whole = one_step(1, importance=weights)
    assert difference(whole, one_step(accumulate, importance=weights)) <= 1e-12
    assert difference(whole, one_step(1)) > 1e-4
    assert difference(one_step(1), one_step(1, importance=np.ones(20, dtype=np.float32))) <= 1e-12


def test_the_first_weights_do_not_depend_on_what_ran_before(tmp_path):
    """The head of a pretrained model is new: a job of a sweep, and a run after its baseline, begin as a run alone."""
    folder = tmp_path / "pretrained"
    TinyBert().network(Classification(["a", "b"])).bert.save_pretrained(folder)
    TinyBert().tokenizer().save_pretrained(folder)
    plan = decide(compose(["model=local", f"model.path={folder}", "tuning=lora"]))

    def first(seed, before):
        module = TransformerModule(plan, Facts(1, 20, Classification(["a", "b"]), 1, seed, None), ClassScores(2))
        torch.manual_seed(before)
        module.configure_model()
        return {name: p.detach().clone() for name, p in module.model.named_parameters() if "lora_B" not in name}

    one, same, other = first(0, before=1), first(0, before=2), first(1, before=1)
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert not torch.equal(one["classifier.weight"], other["classifier.weight"])
