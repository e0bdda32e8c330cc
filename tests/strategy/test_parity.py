"""single = DDP = FSDP2 = tensor parallel = accumulation, after AdamW steps of unequal batches; notes of PyTorch say
"mathematically equivalent", and this is how equal that is. ``STEPS=20`` asks after more steps than eight.

One process takes the two shares of every step one after the other; several take them at once. All processes of a size
are started once and train every case.
"""

import os
from functools import partial

import pytest
import torch

from accel.config.compose import compose
from accel.data.prepared import prepare
from accel.errors import PlanError
from accel.plan.decide import decide
from tests.slow_artefacts import made_once
from tests.strategy.parity import Trained, train, train_together

pytestmark = pytest.mark.slow

CASES = {
    "dense": ["model=tiny_bert"],
    "gpt2": ["model=tiny_gpt2"],
    "llama": ["model=tiny_llama"],
    "t5": ["model=tiny_t5"],
    "language model": ["task=language_modeling", "task.text=text", "task.block_length=32", "model=tiny_gpt2"],
    "lora": ["model=tiny_gpt2", "tuning=lora"],
    "removed": ["compression=[layers,prune]", "compression.prune.every_steps=1", "compression.prune.start=pretrained",
                "compression.layers.start=pretrained"],
    "reconstructed": ["compression=[prune]", "compression.prune.score=reconstruction", "compression.prune.every_steps=2",
                      "compression.prune.start=pretrained"],
    "moved": ["compression=[prune]", "compression.prune.score=movement", "compression.prune.every_steps=1",
              "compression.prune.start=pretrained"],
    "masked": ["compression=[mask]", "compression.mask.every_steps=1"],
    "wanda": ["compression=[mask]", "compression.mask.score=wanda", "compression.mask.every_steps=2"],
    "distilled": ["compression=[distill]", "compression.distill.teacher=pretrained",
                  "compression.distill.logits_weight=0"],
    "qat": ["compression=[qat]"],
    "private": ["privacy=dpsgd", "privacy.epsilon=null", "privacy.noise_multiplier=0", "privacy.test_seed=1",
                "privacy.logical_batch_size=24", "privacy.physical_batch_size=8", "privacy.log_figures=true"],
}  # fmt: skip
STRATEGIES = {"ddp": 2, "fsdp": 2, "tensor_parallel": 2, "grid": 4}
"""By name, how many processes."""
REFUSED = {
    *((name, case) for name in ("tensor_parallel", "grid") for case in ("qat", "private", "reconstructed", "wanda")),
}
REPEATED = {
    *((name, "gpt2") for name in STRATEGIES),
    *(("grid", case) for case in ("t5", "language model", "lora", "distilled")),
}
"""Marked ``full``: a GPT-2 is in two other cases, and the processes of a grid do what those of the others do. What sums
over both of its directions, as scores do, is not left out."""
FLOAT64, FLOAT32 = 1e-12, 5e-6
STEPS = int(os.environ.get("STEPS", "8"))


def shares(strategy, case):
    """How a strategy gets to two batches a step, as overrides."""
    once = "trainer.accumulate=1" if strategy != "tensor_parallel" and strategy != "single" else "trainer.accumulate=2"
    if case == "private":  # a private step is one sample, however many processes draw it
        once = "trainer.accumulate=1"
    chosen = ["tensor_parallel", "strategy.data_parallel=2"] if strategy == "grid" else [strategy]
    return [f"strategy={chosen[0]}", *chosen[1:], once]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("parity")


@pytest.fixture(scope="module")
def words(folder):
    from tests.conftest import write_tiny_csv

    return [
        "task=text_classification",
        f"task.train={write_tiny_csv(folder / 'tiny.csv')}",
        "model=tiny_bert",
        "tracker=none",
        "engines=[eager]",
        f"trainer.max_steps={STEPS}",
        "trainer.batch_tokens=700",
        "trainer.learning_rate=1e-3",
    ]


@pytest.fixture(scope="module")
def alone(words, folder):
    """One process, by case and precision."""
    found = {}

    def of(case, precision, *more):
        key = (case, precision, *more)
        if key not in found:
            overrides = [*words, *CASES[case], f"trainer.precision={precision}", *shares("single", case), *more]
            found[key] = train(overrides, folder / "-".join(["alone", *key]).replace("=", "-"))
        return found[key]

    return of


@pytest.fixture(scope="module")
def together(words, tmp_path_factory):
    """Several processes: ``together(strategy, case, precision)``."""

    def of(strategy, case, precision):
        count, repeated = STRATEGIES[strategy], (strategy, case) in REPEATED
        name = f"parity{count}{'-repeated' if repeated else ''}"
        train_all = partial(train_together, all_cases(words, count, repeated=repeated), count)
        return Trained.of(made_once(tmp_path_factory, name, train_all) / f"{strategy} {case} {precision}")

    return of


def all_cases(words, processes, *, repeated):
    """The overrides of each, by name, that so many processes train."""
    return {
        f"{strategy} {case} {precision}": [
            *words, *CASES[case], f"trainer.precision={precision}", *shares(strategy, case),
            f"strategy.processes={processes}",
        ]
        for case in CASES
        for strategy, count in STRATEGIES.items()
        for precision in ("fp64", "fp32")
        if count == processes and (strategy, case) not in REFUSED and ((strategy, case) in REPEATED) == repeated
        if precision == "fp64" or case == "dense"
    }  # fmt: skip


def test_the_batches_of_a_step_are_unequal(words):
    plan = decide(compose([*words, "strategy=ddp"]))
    data = prepare(plan.task.load(plan.seed), plan)
    first, second = (data.sampler(plan, rank).weighted(0) for rank in range(2))
    different = [abs(a - b) for (_, a), (_, b) in zip(first, second, strict=True)]
    assert max(different) > 0.2


@pytest.mark.fault("N3")
@pytest.mark.parametrize(
    ("strategy", "case"),
    [
        pytest.param(strategy, case, marks=pytest.mark.full if (strategy, case) in REPEATED else ())
        for case in CASES
        for strategy in STRATEGIES
    ],
)
def test_in_float64(alone, together, words, strategy, case):
    if (strategy, case) in REFUSED:
        with pytest.raises(PlanError):
            decide(
                compose([*words, *CASES[case], *shares(strategy, case), f"strategy.processes={STRATEGIES[strategy]}"])
            )
        return
    assert alone(case, "fp64").distance(together(strategy, case, "fp64")) <= FLOAT64


@pytest.mark.fault("N3")
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_in_float32(alone, together, strategy):
    assert alone("dense", "fp32").distance(together(strategy, "dense", "fp32")) <= FLOAT32


def test_negative_control_another_order_of_examples_is_told_apart(alone):
    assert alone("dense", "fp64").distance(alone("dense", "fp64", "seed=1")) > 1e-3


def test_negative_control_a_mean_of_means_is_told_apart(words, folder, alone, monkeypatch):
    """What most trainers do: every batch counts the same, however few examples it has."""
    from accel.data.sampler import TokenBudgetSampler

    monkeypatch.setattr(TokenBudgetSampler, "weighted", lambda self, epoch: [(b, 1.0) for b in self.batches(epoch)])
    overrides = [*words, *CASES["dense"], "trainer.precision=fp64", *shares("single", "dense")]
    assert alone("dense", "fp64").distance(train(overrides, folder / "means")) > 1e-6


def test_negative_control_gradients_that_are_not_summed_are_told_apart(words, folder, alone):
    """The same cases on two processes, which forget the sums of gradients where a block begins."""
    case = {"unsummed": [*words, *CASES["dense"], "trainer.precision=fp64", *shares("tensor_parallel", "dense")]}
    train_together(case, 2, folder, sabotage="no sums")
    found = Trained.of(folder / "unsummed")
    assert alone("dense", "fp64").distance(found) > 1e-6
    assert torch.isfinite(torch.tensor(found.losses)).all()
