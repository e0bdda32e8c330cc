"""Batches go on where they stopped: they are counted, never timed."""

import contextlib
import itertools
import json

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback

from accel.data.collate import Collator
from accel.data.loader import ResumableLoader
from accel.data.sampler import TokenBudgetSampler
from accel.objective.classification import Classification
from tests.data.lengths import tokenized

FEW = np.array([5, 9, 17, 6, 12, 20, 7, 11, 18, 5, 13, 22])


def loader():
    sampler = TokenBudgetSampler(FEW, batch_tokens=None, batch_size=2, seed=3)
    return ResumableLoader(tokenized(FEW), sampler, Collator(-1, Classification(["a", "b"]).targets))


def ids(batch):
    return batch["input_ids"][:, 0].tolist()


def test_each_iteration_is_the_next_epoch():
    fresh = loader()
    epochs = [[ids(b) for b in fresh] for _ in range(3)]
    assert epochs == [fresh.order.batches(e) for e in range(3)]


def test_an_iterator_that_is_never_used_counts_for_nothing():
    fresh = loader()
    iter(fresh)
    assert [ids(b) for b in fresh] == fresh.order.batches(0)


@pytest.mark.parametrize("done", range(7))
def test_loading_continues_at_the_next_batch_and_then_starts_clean(done):
    first = loader()
    list(itertools.islice(first, done))
    second = loader()
    second.load_state_dict(json.loads(json.dumps(first.state_dict())))
    rest = [ids(b) for b in second]
    after = [ids(b) for b in second]
    epoch = 1 if done == 6 else 0
    assert rest == first.order.batches(epoch)[done % 6 :]
    assert after == first.order.batches(epoch + 1)


class Recorder(pl.LightningModule):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(1, 1)
        self.seen = []

    def training_step(self, batch, index):
        self.seen.append(ids(batch))
        return self.layer(batch["labels"].float().unsqueeze(1)).sum()

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.0)


class StopAfter(Callback):
    def __init__(self, steps):
        self.steps = steps

    def on_train_batch_end(self, trainer, module, outputs, batch, index):
        if trainer.global_step == self.steps:
            trainer.save_checkpoint(trainer.default_root_dir + "/stopped.ckpt")
            raise KeyboardInterrupt


class SaveAtEpochEnd(Callback):
    def on_train_epoch_end(self, trainer, module):
        trainer.save_checkpoint(f"{trainer.default_root_dir}/step={trainer.global_step}.ckpt")


LENGTHS_OF_FIT = [{"max_epochs": 3}, {"max_epochs": -1, "max_steps": 18}]
"""Lightning restores loaders on different paths when it counts epochs and when it counts steps."""


def fit(folder, *callbacks, checkpoint=None, **options):
    module = Recorder()
    trainer = pl.Trainer(
        default_root_dir=folder,
        accelerator="cpu",
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        enable_checkpointing=False,
        use_distributed_sampler=False,
        callbacks=list(callbacks),
        **options,
    )
    with contextlib.suppress(KeyboardInterrupt, SystemExit):
        trainer.fit(module, loader(), ckpt_path=checkpoint, weights_only=False if checkpoint else None)
    return module.seen


@pytest.mark.fault("R1")
@pytest.mark.parametrize("steps", [1, 3, 5, 6, 7, 11, 12, 13])
@pytest.mark.parametrize("until", LENGTHS_OF_FIT, ids=["epochs", "steps"])
def test_a_fit_that_stops_anywhere_sees_the_same_examples_after_resuming(tmp_path, steps, until):
    whole = fit(tmp_path, **until)
    assert whole == [b for e in range(3) for b in loader().order.batches(e)]
    before = fit(tmp_path, StopAfter(steps), **until)
    assert before == whole[:steps]
    assert fit(tmp_path, checkpoint=tmp_path / "stopped.ckpt", **until) == whole[steps:]


@pytest.mark.parametrize("stopped_at", [6, 12])
@pytest.mark.parametrize("until", LENGTHS_OF_FIT, ids=["epochs", "steps"])
def test_a_checkpoint_of_the_end_of_an_epoch_continues_with_the_next(tmp_path, stopped_at, until):
    whole = fit(tmp_path, SaveAtEpochEnd(), **until)
    assert fit(tmp_path, checkpoint=tmp_path / f"step={stopped_at}.ckpt", **until) == whole[stopped_at:]


def test_epochs_cut_short_go_on_where_they_stopped(tmp_path):
    whole = [b for e in range(2) for b in loader().order.batches(e)]
    assert fit(tmp_path, limit_train_batches=2, max_epochs=4) == whole[:8]


def test_resuming_again_and_again_from_ends_of_epochs(tmp_path):
    until = {"max_epochs": -1, "max_steps": 24}
    whole = fit(tmp_path, **until)
    fit(tmp_path, SaveAtEpochEnd(), max_epochs=-1, max_steps=6)
    fit(tmp_path, SaveAtEpochEnd(), checkpoint=tmp_path / "step=6.ckpt", max_epochs=-1, max_steps=18)
    for step in (6, 7, 12, 18):
        assert fit(tmp_path, checkpoint=tmp_path / f"step={step}.ckpt", **until) == whole[step:]
