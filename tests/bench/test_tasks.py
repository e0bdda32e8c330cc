"""What models of the packages reach on the tasks of the packages, beside what reaches something without a network.

ACCEL_BENCH=folder pytest -s tests/bench/test_tasks.py     (a folder that is kept: what is finished there is not run again)

They need packages with data: `accel check task=NAME` says which, with the words that install them. Steps and rates were
chosen by the validation split, or taken as they are; all of them have one seed.
"""

import os
from pathlib import Path
from statistics import fmean

import pytest

from tests.bench.runs import finished

E5 = ["model=e5_small", "trainer.freeze='*word_embeddings*'", "trainer.learning_rate=2e-4"]
RUNS = {
    "headlines": ["task=headlines", "trainer.epochs=2", "trainer.batch_tokens=2048"],
    "population": ["task=population", "trainer.epochs=6"],
    "gap": ["task=gap", "trainer.epochs=4"],
    "chinese_ner": ["task=chinese_ner", "task.max_length=128", *E5, "trainer.epochs=1", "trainer.batch_tokens=2048"],
    "movielens": ["experiment=recommendation", "task.group=[gender,age]"],
    "chat_lora": [
        "task=chitchat_replies", "task.selections=100", "model=smollm2", "tuning=lora", "tuning.rank=16",
        "trainer.max_steps=150", "trainer.learning_rate=5e-4", "engines=[eager]",
    ],
}  # fmt: skip
BLOCKS = {f"finance_fold_{n}": n for n in range(5)}
NAMES = ["task=finance_ner", "trainer.epochs=12", "trainer.learning_rate=2e-4"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return Path(os.environ.get("ACCEL_BENCH", tmp_path_factory.mktemp("tasks")))


def told(name, record, figures):
    """Every score of the run, of what stands beside it, and of its groups."""
    sides = {side: (record[side] or {}).get("metrics") or {} for side in ("before", "after")}
    groups = (record.get("fairness") or {}).get("groups") or {}
    simple = {one["name"]: one["metrics"] for one in record["baselines"]}
    for of, scores in {**sides, **simple, **{group: found["after"] for group, found in groups.items()}}.items():
        for key, value in scores.items():
            if isinstance(value, float):
                figures.value(f"{name}, {key}, {of}", value, "")
    for one in record["baselines"]:
        for end, value in zip(("low", "high"), one.get("difference_interval") or (), strict=False):
            figures.value(f"{name}, above {one['name']}, {end}", value, "")


@pytest.mark.parametrize("name", RUNS)
def test_a_task(name, folder, figures):
    record = finished(name, folder, RUNS[name])
    told(name, record, figures)
    assert record["after"]["metrics"]


def test_names_in_contracts_block_by_block(folder, figures):
    """Neighbours in the file are of one contract: each fifth is tested on by a model that learned the others."""
    reached, table = [], []
    for name, fold in BLOCKS.items():
        record = finished(name, folder, [*NAMES, f"task.fold={fold}"])
        told(name, record, figures)
        reached.append(record["after"]["metrics"]["entity_f1"])
        table += [simple["metrics"]["entity_f1"] for simple in record["baselines"]]
    figures.value("finance_ner, entity F1, mean of five blocks", fmean(reached), "", rounds=len(reached))
    figures.value("finance_ner, entity F1, mean of the tables", fmean(table), "", rounds=len(table))
    assert len(table) == len(reached)
