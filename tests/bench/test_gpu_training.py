"""How much of a GPU training uses: BERT-large's and GPT-2 medium's layers, eager and compiled, beside Hugging Face's
Trainer on the same work; ``pytest -s tests/bench/test_gpu_training.py``. Contenders take turns in one process.

Model FLOPs are those of the model's matrix products, three times the forward pass's, recomputation not counted
(Chowdhery et al. 2022, arXiv 2204.02311, appendix B); the embedding, here of 261 pieces, is left out of them.
"""

import random
import statistics
import time

import pytest
import torch

from accel.config.compose import compose
from accel.core.console import Console
from accel.data.prepared import prepare
from accel.model.tiny_bert import TinyBert
from accel.model.tiny_gpt2 import TinyGpt2
from accel.plan.decide import decide
from accel.run.fit import fit
from accel.run.module import TransformerModule

GPU = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU")
LARGE = ("model.width=1024", "model.num_layers=24", "model.num_heads=16")
SHAPES = {"BERT-large": ("model=tiny_bert", *LARGE), "GPT-2 medium": ("model=tiny_gpt2", *LARGE)}
LENGTH, BATCH, STEPS, WARM, ROUNDS = 512, 32, 40, 10, 5
MUST_USE, MUST_GAIN, MUST_KEEP_UP = 0.40, 1.15, 1.0


def write_examples(file, count, length):
    """Texts of at least ``length`` bytes, as the tokens of these models are bytes."""
    words, draw = ["late", "good", "bag", "seat", "flight", "crew", "meal", "gate"], random.Random(0)
    rows = (" ".join(draw.choices(words, k=length // 3)) + f",{'ab'[i % 2]}" for i in range(count))
    file.write_text("\n".join(["text,label", *rows]))
    return file


def plan_of(file, shape, length, batch, steps, *words):
    """A plan and its data: every example is as long as the model reads."""
    fixed = [
        "task=text_classification", f"task.train={file}", f"task.max_length={length}", "tracker=none",
        "trainer.batch_tokens=null", f"trainer.batch_size={batch}", f"trainer.max_steps={steps}",
    ]  # fmt: skip
    plan = decide(compose([*fixed, *shape, *words]))
    return plan, prepare(plan.task.load(0), plan)


class Clock:
    """Seconds per step between two steps; the GPU is waited for at both, and not in between."""

    def __init__(self, steps, warm):
        self.count, self.first, self.last = 0, warm, steps - 1
        self.times = []

    def tick(self):
        if self.count in (self.first, self.last):
            if torch.cuda.is_available():
                torch.cuda.synchronize()
            self.times.append(time.perf_counter())
        self.count += 1

    def seconds(self):
        begin, end = self.times
        return (end - begin) / (self.last - self.first)


def ours(plan, data, clock):
    """The losses of accel's trainer."""
    losses, original = [], TransformerModule.training_step

    def timed(self, batch, index):
        clock.tick()
        loss = original(self, batch, index)
        losses.append(loss.detach())
        return loss

    TransformerModule.training_step = timed
    try:
        fit(plan, data, Console(None, silent=True), title="bench")
    finally:
        TransformerModule.training_step = original
    return losses


def theirs(plan, data, clock, folder):
    """The losses of Hugging Face's Trainer on the same batches, with the same optimizer, schedule and precision."""
    from transformers import Trainer, TrainingArguments

    collate, steps = data.collator(), int(plan.trainer.settings()["max_steps"])
    batches = [[data.train[i] for i in indices] for indices in data.sampler(plan).batches(0)[:steps]]
    model = plan.model.network(data.objective)
    optimizer = plan.trainer.optimizer(model)
    losses = []

    class Timed(Trainer):
        def _get_train_sampler(self, *args):
            return torch.utils.data.SequentialSampler(batches)

        def training_step(self, *args, **kwargs):
            clock.tick()
            loss = super().training_step(*args, **kwargs)
            losses.append(loss.detach())
            return loss

    arguments = TrainingArguments(
        output_dir=str(folder),
        max_steps=steps,
        per_device_train_batch_size=1,  # an item is a batch
        bf16=plan.trainer.lightning_precision() == "bf16-mixed",
        max_grad_norm=plan.trainer.gradient_clip,
        report_to=[],
        save_strategy="no",
        logging_steps=steps,
        disable_tqdm=True,
        remove_unused_columns=False,
        dataloader_pin_memory=torch.cuda.is_available(),
        seed=plan.seed,
    )
    optimizers = (optimizer, plan.trainer.schedule(optimizer, steps))
    trainer = Timed(
        model=model,
        args=arguments,
        train_dataset=batches,
        data_collator=lambda items: collate(items[0]),
        optimizers=optimizers,
    )
    trainer.train()
    return losses


def model_flops(plan, length, batch):
    """Of one training step."""
    return 3 * plan.model.shape().forward_flops(batch * length, length)


def peak_flops_per_s():
    """Of bf16 matrix products on this GPU, measured: the most that training could use."""
    a, b = (torch.randn(8192, 8192, device="cuda", dtype=torch.bfloat16) for _ in range(2))
    times = []
    for _ in range(30):
        torch.cuda.synchronize()
        start = time.perf_counter()
        a @ b
        torch.cuda.synchronize()
        times.append(time.perf_counter() - start)
    return 2 * 8192**3 / min(times)


def contenders(file, shape, folder, sizes):
    """By name, what trains and returns (seconds per step, losses)."""
    length, batch, steps, warm = sizes
    eager, data = plan_of(file, shape, length, batch, steps)
    compiled, _ = plan_of(file, shape, length, batch, steps, "trainer.compile=true")

    def timed(train, *rest):
        clock = Clock(steps, warm)
        losses = train(*rest[:2], clock, *rest[2:])
        return clock.seconds(), [float(loss) for loss in losses]

    return eager, {
        "eager": lambda: timed(ours, eager, data),
        "compiled": lambda: timed(ours, compiled, data),
        "Hugging Face": lambda: timed(theirs, eager, data, folder),
    }


def without_dropout(config):
    """Two trainers draw different masks, and equal losses are to be seen."""
    for name in vars(config).copy():
        if "drop" in name and isinstance(getattr(config, name), float):
            setattr(config, name, 0.0)
    return config


@pytest.mark.parametrize("shape", SHAPES)
def test_the_contenders_do_the_same_work(monkeypatch, tmp_path, shape):
    """At a size for any machine: equal losses, step by step."""
    for option in (TinyBert, TinyGpt2):
        monkeypatch.setattr(option, "config", lambda self, made=option.config: without_dropout(made(self)))
    file = write_examples(tmp_path / "texts.csv", 60, 64)
    small = (SHAPES[shape][0], "trainer.precision=fp32")
    _, every = contenders(file, small, tmp_path / "hf", (64, 8, 4, 1))
    losses = {name: train()[1] for name, train in every.items() if name != "compiled"}
    assert len(losses["eager"]) == 4
    assert losses["eager"] == pytest.approx(losses["Hugging Face"], abs=1e-5)


@pytest.mark.gpu
@GPU
@pytest.mark.parametrize("shape", SHAPES)
def test_gpu_training(tmp_path, shape, figures):
    file = write_examples(tmp_path / "texts.csv", BATCH * (STEPS + 2) * 2, LENGTH)
    plan, every = contenders(file, SHAPES[shape], tmp_path / "hf", (LENGTH, BATCH, STEPS, WARM))
    seconds = {name: [] for name in every}
    for _ in range(ROUNDS):
        for name, train in every.items():
            seconds[name].append(train()[0])
    flops, peak = model_flops(plan, LENGTH, BATCH), peak_flops_per_s()
    medians = {name: statistics.median(times) for name, times in seconds.items()}
    used = {name: flops / median / peak for name, median in medians.items()}
    gain = [a / b for a, b in zip(seconds["eager"], seconds["compiled"], strict=True)]
    lead = [a / b for a, b in zip(seconds["Hugging Face"], seconds["eager"], strict=True)]
    what = f"{torch.cuda.get_device_name()}, {shape}"
    for name, times in seconds.items():
        figures.median(f"{what}, {name}, step", [1e3 * s for s in times], "ms", roof=flops / peak * 1e3)
        figures.value(f"{what}, {name}", flops / medians[name] / 1e12, "TFLOP/s", rounds=ROUNDS, roof=peak / 1e12)
    figures.median(f"{what}, compiled over eager", gain, "x")
    figures.median(f"{what}, eager over Hugging Face", lead, "x")
    assert max(used["eager"], used["compiled"]) >= MUST_USE
    assert statistics.median(gain) >= MUST_GAIN
    assert statistics.median(lead) >= MUST_KEEP_UP
