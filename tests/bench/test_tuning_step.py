"""What a step of each tuning takes, in time and memory, beside one of full tuning; ``make bench`` prints it.

MiniLM, 32 texts of 32 tokens, dropout off: forward, backward and AdamW. Each tuning takes turns with full tuning in one
process, and ratios are taken round by round; beside full tuning itself stands what is noise. Time is the process's own,
so that neighbours on the machine count little. Memory is counted, not measured: weights, gradients and the two moments
of Adam, without activations.
"""

import time
from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F
from peft.tuners.lora import Linear as PeftLinear

from accel.config.compose import compose, options_of
from accel.objective.classification import Classification
from accel.ops.adapters import AdaptedLinear
from accel.plan.decide import decide

ROUNDS, SIZE, TOKENS = 7, 32, 32
FACTS = SimpleNamespace(total_steps=100)
SETTINGS = {
    **{name: [f"tuning={name}"] for name in options_of("tuning")},
    "lora of attention": ["tuning=lora", "tuning.targets=attention"],
    "lora, train=b": ["tuning=lora", "tuning.train=b"],
    "plain PEFT lora": ["tuning=lora"],
    "plain PEFT lora of attention": ["tuning=lora", "tuning.targets=attention"],
}


def batch():
    generator = torch.Generator().manual_seed(1)
    ids = torch.randint(1000, 20000, (SIZE, TOKENS), generator=generator)
    return ids, torch.ones_like(ids), torch.randint(0, 3, (SIZE,), generator=generator)


def built(words):
    plan = decide(compose(["task=airline", "model=minilm", *words]))
    torch.manual_seed(0)
    model = plan.tuning.adapt_model(plan.model.network(Classification(["a", "b", "c"])).train(), FACTS)
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    return plan, model


def step_of(plan, model):
    ids, mask, labels = batch()
    optimizer = plan.trainer.optimizer(model)

    def score(_):
        return {"loss": F.cross_entropy(model(input_ids=ids, attention_mask=mask).logits, labels)}

    score = plan.tuning.adapt_step(score, model, FACTS)

    def step():
        optimizer.zero_grad()
        score(None)["loss"].backward()
        optimizer.step()

    return step


def bytes_of(model):
    """Weights as they are kept, a gradient and two moments of what learns."""
    kept = {id(t): t.nbytes for t in (*model.parameters(), *model.buffers())}
    return sum(kept.values()) + 3 * sum(p.nbytes for p in model.parameters() if p.requires_grad)


def in_turn(steps):
    times = {name: [] for name in steps}
    for number in range(ROUNDS + 1):
        for name in sorted(steps, reverse=bool(number % 2)):
            start = time.process_time()
            steps[name]()
            if number:
                times[name].append(time.process_time() - start)
    return times


@pytest.mark.parametrize("name", SETTINGS)
def test_step_beside_full(name, figures, monkeypatch):
    if name.startswith("plain PEFT"):
        monkeypatch.setattr(AdaptedLinear, "forward", PeftLinear.forward)
    (plan, model), (full_plan, full) = built(SETTINGS[name]), built(["tuning=full"])
    times = in_turn({"it": step_of(plan, model), "full": step_of(full_plan, full)})
    trained = sum(p.numel() for p in model.parameters() if p.requires_grad)
    figures.median(f"{name}, step", [1e3 * seconds for seconds in times["it"]], "ms")
    figures.median(f"{name}, step over full", [a / b for a, b in zip(times["it"], times["full"], strict=True)], "x")
    figures.value(f"{name}, weights, gradients and Adam over full", bytes_of(model) / bytes_of(full), "x")
    figures.value(f"{name}, weights that learn", 100 * trained / sum(p.numel() for p in full.parameters()), "%")
    assert min(len(found) for found in times.values()) == ROUNDS
