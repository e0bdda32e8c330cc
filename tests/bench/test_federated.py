"""What a federated round costs over the steps of its clients, what is sent, and what joining brings six airlines.

    pytest -s tests/bench/test_federated.py
    ACCEL_RUN=outputs/DATE/TIME pytest -s tests/bench/test_federated.py -k joining      # of a run of yours

Ten clients take 20 steps of 8 texts each, in MiniLM. The plain steps are a hand-written loop over the same batches with
the same optimizer, in the same process; it takes turns with accel's round, from which nothing is left out: drawing the
cohort, copies of the weights, fresh optimizers, the sum, the server's step, files. Bars: 1.15 for the time, and 0.27 for
the bytes of int8 over those of fp32. Six airlines have a client each; local training takes as many steps as a client's.
"""

import copy
import os
import statistics
import time
from pathlib import Path

import pytest
import torch

from accel.config.compose import compose
from accel.core.console import Console
from accel.data.prepared import prepare
from accel.federated.choices import SentAs
from accel.federated.round import FederatedRound
from accel.federated.sent import bytes_up
from accel.objective.classification import Classification
from accel.plan.decide import decide
from accel.report.record import read_record
from accel.run.fit import fit
from tests.bench.runs import finished, run_of

ROUNDS, CLIENTS, STEPS = 7, 10, 20
WORDS = ["task=airline", "model=minilm", "tracker=none", "trainer.batch_size=8", "trainer.batch_tokens=null",
         "trainer.precision=fp32", "strategy=federated", f"strategy.clients={CLIENTS}", f"strategy.local_steps={STEPS}",
         f"strategy.rounds={ROUNDS + 1}", f"strategy.validate_every={ROUNDS + 2}"]  # fmt: skip
TUNINGS = {"full": ["tuning=full"], "lora": ["tuning=lora"], "lora, train=b": ["tuning=lora", "tuning.train=b"],
           "bitfit": ["tuning=bitfit"]}  # fmt: skip


class Turns:
    """Takes the plain steps before each round, and both times; of the last round nothing follows that would end it."""

    def __init__(self):
        self.plain_s, self.begun, self.ended = [], [], []
        self.model = None

    def __call__(self, original, taken, round_):
        self.begun.append(time.process_time())
        if self.model is None:
            self.model = copy.deepcopy(taken.model)
        self.plain_s.append(self._plain(taken.plan, round_))
        self.ended.append(time.process_time())
        return original(taken, round_)

    def _plain(self, plan, round_):
        batches = [batch for client in range(CLIENTS) for batch in round_.clients.batches(client, round_.number)]
        learning = [p for p in self.model.parameters() if p.requires_grad]
        optimizer = plan.trainer.optimizer(self.model)
        start = time.process_time()
        for batch in batches:
            labels = batch.pop("labels")
            batch.pop("records", None)
            torch.nn.functional.cross_entropy(self.model(**batch).logits, labels).backward()
            torch.nn.utils.clip_grad_norm_(learning, plan.trainer.gradient_clip)
            optimizer.step()
            optimizer.zero_grad()
        return time.process_time() - start

    def ratios(self):
        """Of each round but the first, which warms up."""
        took = [begun - ended for begun, ended in zip(self.begun[1:], self.ended, strict=False)]
        return [ours / plain for ours, plain in list(zip(took, self.plain_s, strict=False))[1:]]


def test_private_clients_and_a_small_model_in_one_run(figures, tmp_path):
    """``ACCEL_BENCH=folder``: a finished run there is not run again."""
    folder = Path(os.environ.get("ACCEL_BENCH", tmp_path))
    record = finished("federated_hospital", folder, ["experiment=federated_hospital"])
    eager = next(cost for cost in record["before"]["engines"] if cost["engine"] == "eager")
    cost = record["after"]["cost"]
    for side in ("before", "after"):
        figures.value(f"federated hospital, accuracy, {side}", record[side]["metrics"]["accuracy"], "")
    figures.value("federated hospital, times smaller", eager["size_bytes"] / cost["size_bytes"], "x")
    figures.value("federated hospital, times faster", eager["latency_ms_p50"] / cost["latency_ms_p50"], "x")
    assert record["privacy"]["private"]


@pytest.mark.parametrize("name", ["full", "lora"])
def test_a_round_over_its_steps(name, figures, monkeypatch):
    plan = decide(compose([*WORDS, *TUNINGS[name]]))
    data, turns = prepare(plan.task.load(0), plan), Turns()
    original, made = FederatedRound.__call__, FederatedRound.__init__

    def remembered(self, score, model, *rest):
        made(self, score, model, *rest)
        self.model, self.plan = model, plan

    monkeypatch.setattr(FederatedRound, "__init__", remembered)
    monkeypatch.setattr(FederatedRound, "__call__", lambda self, round_: turns(original, self, round_))
    fit(plan, data, Console(None, silent=True), title="bench")
    figures.median(f"{name}, plain steps of a round", turns.plain_s, "s")
    figures.median(f"{name}, round over its plain steps", turns.ratios(), "x", roof=1)
    assert statistics.median(turns.ratios()) < 1.15


@pytest.mark.parametrize("name", TUNINGS)
def test_bytes_of_an_update(name, figures):
    plan = decide(compose([*WORDS, *TUNINGS[name]]))
    model = plan.tuning.adapt_model(plan.model.network(Classification(["a", "b", "c"])), None)
    sent = [p for p in model.parameters() if p.requires_grad]
    whole = bytes_up(sent, SentAs.none)
    figures.value(f"{name}, bytes of a client's update", whole / 1e6, "MB")
    for choice in (SentAs.bf16, SentAs.int8):
        figures.value(f"{name}, {choice.name} over fp32", bytes_up(sent, choice) / whole, "x")
    assert bytes_up(sent, SentAs.int8) <= 0.27 * whole


COMPANIES = ["task=airline", "model=minilm", "tuning=lora", "tuning.train=b", "trainer.learning_rate=2e-3", "rounds=3",
             "engines=[eager]", "strategy=federated", "strategy.partition=owner", "strategy.rounds=8", "tracker=none",
             "strategy.local_steps=40", "strategy.bars=true", "strategy.validate_every=4"]  # fmt: skip


def test_what_joining_brings_an_airline(figures, tmp_path):
    record = read_record(run_of(COMPANIES, tmp_path / "run"))
    found = record["federation"]
    federated = record["after"]["metrics"]["accuracy"]
    figures.value("airline companies, accuracy, federated", federated, "")
    for name, value in found["bars"].items():
        figures.value(f"airline companies, accuracy, {name}", value, "")
    figures.value("airline companies, MB a round", found["bytes_per_round"] / 1e6, "MB")
    assert federated > found["bars"]["alone"]
    assert federated > found["bars"]["pooled"] - 0.02
