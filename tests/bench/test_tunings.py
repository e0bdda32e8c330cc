"""What each tuning reaches in one pass over the airline tweets, beside full tuning.

ACCEL_BENCH=folder pytest -s tests/bench/test_tunings.py     (a folder that is kept: what is finished there is not run again)

The rates are those of the cards; two and a half minutes of a core each. The four that are most used learn on three seeds,
so three splits, the others on one. AdaLoRA and LoRA also learn to tell biased comments from others (task=reddit_bias). What
a step takes in time and memory is measured by test_tuning_step.py.
"""

import os
from pathlib import Path
from statistics import fmean, stdev

import pytest

from tests.bench.runs import finished

ALL = ["model=minilm", "trainer.epochs=1", "engines=[eager]"]
RATES = {
    "full": "2e-4", "lora": "1e-3", "dora": "1e-3", "qlora": "1e-3", "adalora": "5e-3", "adapter": "1e-3",
    "bitfit": "2e-3", "norm": "5e-3", "ia3": "5e-3", "prefix": "1e-2", "prompt": "3e-2", "p_tuning": "5e-3",
    "head": "1e-2",
}  # fmt: skip
SETTINGS = {
    **{name: [f"tuning={name}", f"trainer.learning_rate={rate}"] for name, rate in RATES.items()},
    "lora_attention": ["tuning=lora", "tuning.targets=attention", "trainer.learning_rate=5e-3"],
    "lora_b": ["tuning=lora", "tuning.train=b", "trainer.learning_rate=2e-3"],
}
CELLS = [*(("tune", "airline", name) for name in SETTINGS), *(("bias", "reddit_bias", n) for n in ("lora", "adalora"))]
SEEDS = {**dict.fromkeys(SETTINGS, (0,)), **dict.fromkeys(("full", "lora", "adalora", "bitfit"), (0, 1, 2))}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return Path(os.environ.get("ACCEL_BENCH", tmp_path_factory.mktemp("tunings")))


@pytest.mark.parametrize(("begin", "task", "name"), CELLS)
def test_a_tuning(begin, task, name, folder, figures):
    words = [f"task={task}", *ALL, *SETTINGS[name]]
    records = [finished(f"{begin}_{name}_{seed}", folder, [*words, f"seed={seed}"]) for seed in SEEDS[name]]
    reached = [record["after"]["metrics"]["accuracy"] for record in records]
    figures.value(f"{task}, {name}, accuracy, mean", fmean(reached), "", rounds=len(reached))
    if len(reached) > 1:
        figures.value(f"{task}, {name}, accuracy, spread", stdev(reached), "", rounds=len(reached))
    simple = [one["metrics"]["accuracy"] for record in records for one in record["baselines"] if "trained_on" in one]
    if len(simple) > 1:
        figures.value(f"{task}, TF-IDF, accuracy, mean", fmean(simple), "", rounds=len(simple))
    assert min(reached) > 1 / 3
