"""One plan trained in this process, or many of them one after the other in several processes that train together.

``python -m tests.strategy.parity RANK PROCESSES FOLDER SABOTAGE`` is one of those processes; FOLDER/cases.json says what they do.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from accel.baseline import baseline, pretrained
from accel.compose import compose
from accel.console import Console
from accel.data.prepared import prepare
from accel.fit import fit
from accel.logs import quiet_third_parties
from accel.ops.dropout import without_dropout
from accel.plan import decide
from accel.report.metrics_file import read_metrics
from accel.stages import scorer
from accel.tiny import Tiny
from tests.forked_ranks import free_port


@dataclass(frozen=True)
class Trained:
    """What a run came to."""

    losses: list[float]
    weights: dict[str, Tensor]

    def distance(self, other: Trained) -> float:
        """The largest difference of any loss of any step, and of any weight at the end, relative to 1 and above."""
        assert len(self.losses) == len(other.losses) > 0
        assert self.weights.keys() == other.weights.keys()
        pairs = [(torch.tensor(self.losses), torch.tensor(other.losses))]
        pairs += [(self.weights[name], other.weights[name]) for name in self.weights]
        return max(float(((a.double() - b.double()).abs() / a.double().abs().clamp(min=1)).max()) for a, b in pairs)


def train(words: Sequence[str], folder: Path) -> Trained | None:
    """Train a plan of a tiny model without dropout; None on every rank but the first."""
    quiet_third_parties()
    plan = decide(compose(list(words)))
    data = prepare(plan.task.load(plan.seed), plan)
    console = Console(None, silent=True)
    dense = baseline(plan, data, console, scorer(data)).folder if plan.needs_baseline else None
    untrained = pretrained(plan, data, scorer(data)).folder if plan.needs_pretrained else None
    folder.mkdir(parents=True, exist_ok=True)
    with no_dropout():
        fitted = fit(plan, data, console, title="test", folder=folder, baseline=dense, pretrained=untrained)
    if int(os.environ.get("LOCAL_RANK", "0")):
        return None
    losses = [value for _, value in read_metrics(folder / "metrics.csv")["train/loss"]]
    return Trained(losses, {name: value.detach().clone() for name, value in fitted.model.state_dict().items()})


class no_dropout:  # noqa: N801 - used as a context manager
    """Split heads draw their own dropout, which no single process draws; so parity is shown without it."""

    def __enter__(self) -> None:
        self.original = Tiny.network
        original = self.original
        Tiny.network = lambda tiny, objective: without_dropout(original(tiny, objective))  # type: ignore[method-assign]

    def __exit__(self, *error: object) -> None:
        Tiny.network = self.original  # type: ignore[method-assign]


def train_together(
    cases: Mapping[str, Sequence[str]], processes: int, folder: Path, *, sabotage: str = ""
) -> dict[str, Trained]:
    """Every case, on one set of processes that is started once; with a sabotage they forget Megatron's backward sums."""
    folder.mkdir(parents=True, exist_ok=True)
    ports = [free_port() for _ in cases]
    orders = [[name, list(words), port] for (name, words), port in zip(cases.items(), ports, strict=True)]
    (folder / "cases.json").write_text(json.dumps(orders))
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    ranks = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.strategy.parity", str(rank), str(processes), str(folder), sabotage],
            env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )
        for rank in range(processes)
    ]  # fmt: skip
    try:
        outputs = [rank.communicate(timeout=1500)[0] for rank in ranks]
    finally:
        for rank in ranks:
            rank.kill()
    assert all(rank.returncode == 0 for rank in ranks), "\n".join(outputs)
    return {name: Trained(**torch.load(folder / name / "trained.pt")) for name in cases}


def _forget_one_sum() -> None:
    from accel.ops.tensor_split import _SumGradients

    _SumGradients.backward = staticmethod(lambda ctx, *grads: (grads[0], None))  # type: ignore[method-assign]


def _main(rank: str, processes: str, folder: str, sabotage: str) -> None:
    torch.set_num_threads(1)
    if sabotage:
        _forget_one_sum()
    cases = json.loads(Path(folder, "cases.json").read_text())
    for name, words, port in cases:
        os.environ.update(
            RANK=rank,
            LOCAL_RANK=rank,
            GROUP_RANK="0",
            WORLD_SIZE=processes,
            MASTER_ADDR="127.0.0.1",
            MASTER_PORT=str(port),
        )
        found = train(words, Path(folder, name))
        if found is not None:
            torch.save({"losses": found.losses, "weights": found.weights}, Path(folder, name, "trained.pt"))


if __name__ == "__main__":
    _main(*sys.argv[1:])
