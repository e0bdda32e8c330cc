"""What privacy costs in memory; ``make bench`` prints it.

MiniLM, 64 records of 64 tokens: the growth of the resident set over one step, in a process of its own for each kind.
"""

import json
import subprocess
import sys

import pytest

STEP = """
import json, resource, sys
import torch
import torch.nn.functional as F
from accel.objective.classification import Classification
from accel.dp.book import Book
from accel.dp.ledger import Ledger; from accel.dp.mechanism import Mechanism
from accel.dp.noise import GaussianNoise
from accel.dp.poisson import LogicalBatch
from accel.dp.step import PrivateStep
from accel.model.minilm import Minilm

kind = sys.argv[1]
torch.manual_seed(0)
model = Minilm().network(Classification(["a", "b", "c"])).train()
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-5, fused=True)
for p in model.parameters():
    p.grad = torch.zeros_like(p)
optimizer.step()  # its state is no one's difference
optimizer.zero_grad(set_to_none=True)
ids = torch.randint(1000, 20000, (64, 64))
batch = {"input_ids": ids, "attention_mask": torch.ones_like(ids), "labels": torch.zeros(64, dtype=torch.long)}

def score(b):
    return {"loss": F.cross_entropy(model(**{k: v for k, v in b.items() if k != "labels"}).logits, b["labels"])}

if kind == "ordinary":
    step = lambda: score(batch)["loss"]
else:
    mechanism = Mechanism(0.7, 1.0, "flat", 0.03, 64.0, 8000, 10**9, 1e-5, "rdp", None, False)
    if kind == "opacus hooks":
        from accel.dp.opacus_book import OpacusBook as Book
    private = PrivateStep(score, Book(model), Ledger(None, mechanism), GaussianNoise())
    step = lambda: private(LogicalBatch([(batch, torch.ones(64))]))["loss"]
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
step().backward()
optimizer.step()
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps((after - before) * 1024))
"""
KINDS = ("ordinary", "private", "opacus hooks")


@pytest.mark.parametrize("rounds", [3])
def test_memory_of_privacy(rounds, figures):
    growth = {kind: [] for kind in KINDS}
    for _ in range(rounds):
        for kind in KINDS:
            done = subprocess.run(
                [sys.executable, "-W", "ignore", "-c", STEP, kind], capture_output=True, text=True, check=True
            )
            growth[kind].append(json.loads(done.stdout.splitlines()[-1]))
    for kind, found in growth.items():
        figures.median(f"{kind}, growth over a step of 64 x 64 tokens, full tuning", [n / 1e6 for n in found], "MB")
    assert all(len(found) == rounds for found in growth.values())
