"""What rounding costs in quality, and how much of it training with rounding in the loop wins back: MiniLM x airline.

Every model starts from one dense baseline. Rounded at once it is PTQ; trained on for some steps with rounding it is
QAT, and without rounding, then left as it is, the control: what the same steps give a model that is never rounded.

    pytest -s tests/bench/test_quantization_quality.py      (BENCH_STEPS and BENCH_SEEDS change how long it takes)

ROWS has one grid that accel does not offer, a group of 384 = a whole row of most layers, because int4 in small groups
may lose too little to be measured.
"""

import dataclasses
import itertools
import os
from pathlib import Path

import torch

from accel.config.compose import compose
from accel.core.console import Console
from accel.data.loader import ResumableLoader
from accel.data.prepared import prepare
from accel.ops.quantize import fake_quantize
from accel.ops.quantize.grids import Int4Groups, Int8Rows
from accel.ops.quantize.schemes import Int4WeightOnly, Int8, Int8WeightOnly
from accel.plan.decide import decide
from accel.run.baseline import baseline
from accel.run.score import scorer
from accel.weights.artifact import load_model

STEPS = int(os.environ.get("BENCH_STEPS", "150"))
SEEDS = tuple(int(s) for s in os.environ.get("BENCH_SEEDS", "0").split(",") if s)
LEARNING_RATE = 3e-5
ROWS = {
    "int8": Int8(Int8Rows()),
    "int8 weight only": Int8WeightOnly(Int8Rows()),
    "int4 groups of 32": Int4WeightOnly(Int8Rows()),
    "int4 groups of 128": Int4WeightOnly(Int8Rows(), group_size=128),
    "int4 groups of 128, tables too": Int4WeightOnly(Int4Groups(128), group_size=128),
    "int4 groups of 384, tables too": Int4WeightOnly(Int4Groups(384), group_size=384),
}
TRAINED = ("int8", "int4 groups of 128, tables too", "int4 groups of 384, tables too")


def rounded(folder: Path, scheme):
    model = load_model(folder).requires_grad_(True)
    if scheme is not None:
        fake_quantize.prepare(model, scheme)
    return model


def trained(model, data, plan, seed):
    """A few more steps at a constant small rate, in the order of the seed."""
    torch.manual_seed(seed)
    model.train()
    optimizer = torch.optim.AdamW(model.parameters(), LEARNING_RATE, weight_decay=0.0)
    sampler = data.sampler(dataclasses.replace(plan, seed=seed + 1))
    loader = ResumableLoader(data.train, sampler, data.collator())
    for batch in itertools.islice(loader, STEPS):
        inputs = {name: value for name, value in batch.items() if name != "labels"}
        loss = torch.nn.functional.cross_entropy(model(**inputs).logits, batch["labels"])
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    return model.eval()


def test_quality(figures):
    plan = decide(compose(["task=airline", "model=minilm", "tracker=none", "trainer.epochs=2", "compression=[ptq]"]))
    data = prepare(plan.task.load(plan.seed), plan)
    score = scorer(data)
    dense = baseline(plan, data, Console(None), score)

    def show(name, model):
        metrics = score(model).metrics
        for measure in ("accuracy", "loss"):
            figures.value(f"{name}, {measure}", metrics[measure], "")
        return metrics

    whole = show("fp32 dense", rounded(dense.folder, None))
    at_once = {name: show(f"ptq {name}", rounded(dense.folder, scheme)) for name, scheme in ROWS.items()}
    assert whole["accuracy"] - at_once["int8"]["accuracy"] < 0.003
    for seed in SEEDS:
        control = show(f"control, {STEPS} steps, seed {seed}", trained(rounded(dense.folder, None), data, plan, seed))
        for name in TRAINED:
            found = show(f"qat {name}, seed {seed}", trained(rounded(dense.folder, ROWS[name]), data, plan, seed))
            for measure in ("accuracy", "loss"):
                lost = at_once[name][measure] - control[measure]
                left = found[measure] - control[measure]
                if lost:
                    what = f"qat {name}, seed {seed}, won back of the {measure} that ptq lost"
                    figures.value(what, 1 - left / lost, "", roof=1)
