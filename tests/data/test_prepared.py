"""Data made ready for a plan: facts for the export, the number of steps, and each process's batches."""

from types import SimpleNamespace

import pytest
import torch

from accel.config.compose import compose
from accel.core.facts import Facts
from accel.data.collate import padded
from accel.data.loader import ResumableLoader
from accel.data.prepared import Batches, prepare
from accel.objective.classification import Classification
from accel.plan.decide import decide


@pytest.fixture
def prepared(tmp_path):
    """``prepared(*overrides) -> (plan, data)`` of 160 short texts."""
    file = tmp_path / "data.csv"
    rows = [f"{'fine' if i % 2 else 'poor'} {'very ' * (i % 5)}{i},{'good' if i % 2 else 'bad'}" for i in range(160)]
    file.write_text("\n".join(["text,label", *rows]), encoding="utf8")
    base = [
        "task=text_classification",
        f"task.train={file}",
        "model=tiny_bert",
        "tracker=none",
        "trainer.batch_size=16",
        "trainer.batch_tokens=null",
    ]

    def make(*overrides):
        plan = decide(compose([*base, *overrides]))
        return plan, prepare(plan.task.load(plan.seed), plan)

    return make


def batches_of(plan, data, rank=0, world_size=1):
    facts = Facts(
        total_steps=8,
        num_examples=data.num_train,
        objective=Classification(["a", "b"]),
        world_size=world_size,
        seed=0,
        baseline=None,
    )
    module = Batches(plan, data, facts)
    module.trainer = SimpleNamespace(global_rank=rank, world_size=world_size)
    return module


def test_what_an_export_must_know(prepared):
    _, data = prepared("task.max_length=12")
    assert data.artifact_facts() == {
        "objective": "classification",
        "label_names": ["bad", "good"],
        "max_length": 12,
        "num_text_columns": 1,
        "inputs": ("input_ids", "attention_mask"),
        "trained_on": (),
        "private": False,
    }
    assert max(data.train.lengths) == 12
    assert 0 < data.num_truncated <= len(data.train) + len(data.validation) + len(data.test)


def test_tokens_are_made_once_and_are_the_same(prepared, tmp_path):
    where = f"cache={tmp_path / 'cache'}"
    (_, first), (_, again), (_, other) = prepared(where), prepared(where), prepared(where, "task.max_length=12")
    assert [first.reused, again.reused, other.reused] == [False, True, False]
    for name in ("train", "validation", "test"):
        a, b = getattr(first, name), getattr(again, name)
        assert [row.tolist() for row in a.input_ids] == [row.tolist() for row in b.input_ids]
        assert a.labels == b.labels
        assert a.num_truncated == b.num_truncated


def test_another_tokenizer_has_tokens_of_its_own(prepared, tmp_path):
    where = f"cache={tmp_path / 'cache'}"
    prepared(where)
    assert not prepared(where, "model=tiny_gpt2")[1].reused


def test_private_texts_leave_no_tokens_behind(prepared, tmp_path):
    pytest.importorskip("opacus")
    prepared(f"cache={tmp_path / 'cache'}", "privacy=dpsgd")
    assert not (tmp_path / "cache" / "tokens").exists()


def test_the_fingerprint_includes_the_length(prepared):
    assert prepared("task.max_length=12")[1].fingerprint == prepared("task.max_length=12")[1].fingerprint
    assert prepared("task.max_length=12")[1].fingerprint != prepared("task.max_length=16")[1].fingerprint


def test_the_number_of_steps(prepared):
    assert (lambda plan, data: data.total_steps(plan))(*prepared("trainer.max_steps=5")) == 5
    plan, data = prepared("trainer.max_steps=null", "trainer.epochs=3")
    assert data.total_steps(plan) == 3 * -(-data.num_train // 16)


def test_training_batches_cover_the_split_once_an_epoch(prepared):
    plan, data = prepared()
    loader = batches_of(plan, data).train_dataloader()
    assert isinstance(loader, ResumableLoader)
    assert sum(len(batch["labels"]) for batch in loader) == data.num_train
    assert len(loader) == -(-data.num_train // 16)


def test_a_token_budget_replaces_the_batch_size(prepared):
    plan, data = prepared("trainer.batch_size=null", "trainer.batch_tokens=256")
    batches = list(batches_of(plan, data).train_dataloader())
    assert max(b["input_ids"].numel() for b in batches) <= 256
    assert sum(len(b["labels"]) for b in batches) == data.num_train


def test_every_text_of_validation_and_test_is_scored_once(prepared):
    plan, data = prepared("strategy=ddp")
    shares = [list(batches_of(plan, data, rank, 2).val_dataloader()) for rank in range(2)]
    assert sum(len(b["labels"]) for share in shares for b in share) == len(data.validation)
    labels = torch.cat([b["labels"] for b in data.test_batches()])
    assert sorted(labels.tolist()) == sorted(data.test.labels)


def test_evaluation_batches_keep_to_their_budget_and_are_padded_little(prepared):
    _, data = prepared()
    for batch in data.test_batches():
        assert batch["input_ids"].numel() <= Classification.evaluation_tokens
        assert batch["input_ids"].shape[1] == padded(int(batch["attention_mask"].sum(1).max()))


def test_each_split_has_its_own_batches(prepared):
    plan, data = prepared()
    found = {
        "validation": data.validation_batches(), "test": data.test_batches(),
        "validation while training": batches_of(plan, data).val_dataloader(),
    }  # fmt: skip
    for name, batches in found.items():
        texts = sorted(
            row[mask.bool()].tolist()
            for b in batches
            for row, mask in zip(b["input_ids"], b["attention_mask"], strict=True)
        )
        assert texts == sorted(row.tolist() for row in getattr(data, name.split()[0]).input_ids)
