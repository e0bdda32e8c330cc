"""What privacy costs in time; ``make bench`` prints it.

MiniLM, full tuning and LoRA, batches of the shapes that training sees, all contenders in turn in one process: an
ordinary step (forward, backward, AdamW), a book-kept private step with noise on the same work, and Opacus' ghost
clipping. A logical batch of 256 records is made of physical ones, and the optimizer steps once for it, everywhere.
"""

import copy
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
import torch.nn.functional as F

from accel.dp.book import Book
from accel.dp.ledger import Ledger
from accel.dp.mechanism import Mechanism
from accel.dp.noise import GaussianNoise
from accel.dp.poisson import LogicalBatch
from accel.dp.step import PrivateStep
from accel.model.minilm import Minilm
from accel.objective.classification import Classification
from accel.ops.adapters import add_lora

ROUNDS, LOGICAL = 5, 256
MECHANISM = Mechanism(0.7, 1.0, "flat", 0.03, float(LOGICAL), 8000, 10**9, 1e-5, "rdp", None, False)


def build(tuning):
    torch.manual_seed(0)
    model = Minilm().network(Classification(["a", "b", "c"])).train()
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    return add_lora(model, rank=8, alpha=16.0, dropout=0.0) if tuning == "lora" else model


def physical_batches(size, tokens):
    generator = torch.Generator().manual_seed(1)
    made = []
    for _ in range(LOGICAL // size):
        ids = torch.randint(1000, 20000, (size, tokens), generator=generator)
        labels = torch.randint(0, 3, (size,), generator=generator)
        made.append({"input_ids": ids, "attention_mask": torch.ones_like(ids), "labels": labels})
    return made


def loss_of(model, batch):
    inputs = {k: v for k, v in batch.items() if k != "labels"}
    return F.cross_entropy(model(**inputs).logits, batch["labels"])


def optimizer_of(model):
    return torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-4, fused=True)


def plain(model, batches):
    optimizer = optimizer_of(model)

    def step():
        optimizer.zero_grad()
        for batch in batches:
            (loss_of(model, batch) / len(batches)).backward()
        optimizer.step()

    return step


def private(model, batches):
    optimizer = optimizer_of(model)
    ledger = Ledger(None, MECHANISM)
    private_step = PrivateStep(lambda b: {"loss": loss_of(model, b)}, Book(model), ledger, GaussianNoise())
    logical = LogicalBatch([(b, torch.ones(len(b["labels"]))) for b in batches])

    def step():
        optimizer.zero_grad()
        private_step(logical)["loss"].backward()
        optimizer.step()

    return step


def opacus_ghost(model, batches):
    from opacus.grad_sample import GradSampleModuleFastGradientClipping
    from opacus.optimizers.optimizer_fast_gradient_clipping import DPOptimizerFastGradientClipping
    from opacus.utils.fast_gradient_clipping_utils import DPLossFastGradientClipping

    wrapped = GradSampleModuleFastGradientClipping(
        model, batch_first=True, loss_reduction="mean", max_grad_norm=1.0, use_ghost_clipping=True
    )
    optimizer = DPOptimizerFastGradientClipping(
        optimizer_of(model), noise_multiplier=0.7, max_grad_norm=1.0, expected_batch_size=LOGICAL
    )
    criterion = DPLossFastGradientClipping(
        wrapped, optimizer, torch.nn.CrossEntropyLoss(reduction="mean"), loss_reduction="mean"
    )

    def step():
        optimizer.zero_grad()
        for number, batch in enumerate(batches):
            size, tokens = batch["input_ids"].shape
            inputs = {k: v for k, v in batch.items() if k != "labels"}
            inputs["position_ids"] = torch.arange(tokens).repeat(size, 1)  # ghost mode crashes without
            inputs["token_type_ids"] = torch.zeros_like(batch["input_ids"])
            criterion(wrapped(**inputs).logits, batch["labels"]).backward()
            optimizer.signal_skip_step(do_skip=number < len(batches) - 1)
            optimizer.step()
            if number < len(batches) - 1:
                optimizer.zero_grad()

    return step


def interleaved(steps):
    times = {name: [] for name in steps}
    for round_ in range(ROUNDS + 1):
        for name, step in steps.items():
            start = time.perf_counter()
            step()
            if round_:
                times[name].append(time.perf_counter() - start)
    return times


@pytest.mark.filterwarnings("ignore::UserWarning")  # Opacus' hooks on embeddings
@pytest.mark.parametrize(("size", "tokens"), [(32, 128), (16, 64)])
@pytest.mark.parametrize("tuning", ["full", "lora"])
def test_cost_of_privacy(tuning, size, tokens, figures):
    batches = physical_batches(size, tokens)
    model = build(tuning)
    steps = {
        "ordinary": plain(copy.deepcopy(model), batches),
        "again": plain(copy.deepcopy(model), batches),
        "private": private(copy.deepcopy(model), batches),
    }
    if tuning == "full":
        steps["opacus ghost"] = opacus_ghost(copy.deepcopy(model), batches)
    times = interleaved(steps)
    shape = f"{tuning}, logical {LOGICAL} = {LOGICAL // size} x [{size}, {tokens}]"
    for name, found in times.items():
        figures.median(f"{shape}, {name}, step", found, "s")
        ratios = [a / b for a, b in zip(found, times["ordinary"], strict=True)]
        figures.median(f"{shape}, {name} over ordinary", ratios, "x", roof=1)
    assert min(len(t) for t in times.values()) == ROUNDS


class TorchNoise:
    """What noise was before: torch's own generators, whose seed of 32 bits a search finds."""

    def __init__(self):
        self.generators = [torch.Generator().manual_seed(number) for number in range(4)]

    @torch.no_grad()
    def add_(self, tensors, std):
        parts = [part for tensor in tensors for part in tensor.view(-1).chunk(4)]
        with ThreadPoolExecutor(min(4, torch.get_num_threads())) as pool:
            list(pool.map(lambda n: self.fill(n, parts[n::4], std), range(4)))

    def fill(self, number, parts, std):
        for part in parts:
            part.add_(torch.randn(part.shape, generator=self.generators[number]), alpha=std)


@pytest.mark.parametrize("tuning", ["full", "lora"])
def test_cost_of_noise_that_nobody_can_search_for(tuning, figures):
    """In turn with the old noise, on the sums of MiniLM; beside it a private step of [16, 64], whose share it is."""
    model = build(tuning)
    sums = [torch.zeros_like(p) for p in model.parameters() if p.requires_grad]
    secure, plain_noise = GaussianNoise(), TorchNoise()
    with torch.no_grad():
        steps = {
            "noise": lambda: secure.add_(sums, 0.7),
            "torch's noise": lambda: plain_noise.add_(sums, 0.7),
            "step": private(copy.deepcopy(model), physical_batches(16, 64)),
        }
        with torch.enable_grad():
            times = interleaved(steps)
    for name, found in times.items():
        figures.median(f"{tuning}, {name}", [1e3 * seconds for seconds in found], "ms")
    more = zip(times["noise"], times["torch's noise"], times["step"], strict=True)
    figures.median(f"{tuning}, more noise takes, of a step", [100 * (a - b) / c for a, b, c in more], "%")
