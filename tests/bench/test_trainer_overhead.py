"""What the trainer costs over a hand-written PyTorch loop on the same work; ``make bench`` prints it.

The same model, batches, optimizer, schedule and clipping; A and B in turn in one process; each round trains a few
steps with both and the ratio is taken round by round. The bar is 1.03.
"""

import statistics
import time
from itertools import pairwise

import torch
import torch.nn.functional as F

from accel.config.compose import compose
from accel.core.console import Console
from accel.data.prepared import prepare
from accel.measure.timing import median_interval
from accel.plan.decide import decide
from accel.run.fit import fit

STEPS, ROUNDS = 24, 12
WORDS = ["task=airline", "model=minilm", f"trainer.max_steps={STEPS}", "tracker=none", "trainer.precision=fp32"]


def plain_loop(plan, data):
    """What a user would write."""
    torch.manual_seed(plan.seed)
    model = plan.model.network(data.objective)
    optimizer = plan.trainer.optimizer(model)
    schedule = plan.trainer.schedule(optimizer, STEPS)
    collate, times = data.collator(), []
    for indices in data.sampler(plan).batches(0)[:STEPS]:
        times.append(time.perf_counter())
        batch = collate([data.train[i] for i in indices])
        labels = batch.pop("labels")
        loss = F.cross_entropy(model(**batch).logits, labels)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), plan.trainer.gradient_clip)
        optimizer.step()
        schedule.step()
    return steps_ms(times)


def steps_ms(times):
    """Milliseconds of each step but the first ones, which warm up."""
    return [(b - a) * 1e3 for a, b in pairwise(times[3:])]


def trained(plan, data, monkeypatch):
    """The same through accel's trainer; a step runs from one training_step to the next."""
    from accel.run.module import TransformerModule

    times = []
    original = TransformerModule.training_step
    with monkeypatch.context() as patch:
        patch.setattr(
            TransformerModule,
            "training_step",
            lambda self, b, i: times.append(time.perf_counter()) or original(self, b, i),
        )
        fit(plan, data, Console(None, silent=True), title="bench")
    return steps_ms(times)


def test_trainer_overhead(monkeypatch, figures):
    plan = decide(compose(WORDS))
    data = prepare(plan.task.load(0), plan)
    ratios, ours, theirs = [], [], []
    for _ in range(ROUNDS):
        a, b = statistics.median(plain_loop(plan, data)), statistics.median(trained(plan, data, monkeypatch))
        theirs.append(a)
        ours.append(b)
        ratios.append(b / a)
    figures.median("plain loop, step", theirs, "ms")
    figures.median("accel, step", ours, "ms", roof=statistics.median(theirs))
    figures.median("accel over the plain loop", ratios, "x", roof=1)
    assert median_interval(ratios)[0] < 1.03
