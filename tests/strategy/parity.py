"""One plan trained in this process, or many of them one after the other in several processes that train together."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from accel.config.compose import compose
from accel.core.console import Console
from accel.core.logs import quiet_third_parties
from accel.data.prepared import prepare
from accel.model._tiny import Tiny
from accel.ops.dropout import without_dropout
from accel.plan.decide import decide
from accel.process.rank_info import RankInfo
from accel.report.metrics_file import read_metrics
from accel.run.baseline import baseline, pretrained
from accel.run.fit import fit
from accel.run.score import scorer
from tests.forked_ranks import free_port, in_forks

TIMEOUT_S = 900
FILE = "trained.pt"


@dataclass(frozen=True)
class Trained:
    """What a run came to."""

    losses: list[float]
    weights: dict[str, Tensor]

    @classmethod
    def of(cls, folder: Path) -> Trained:
        """What ``train_together`` left there."""
        return cls(**torch.load(folder / FILE))

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


def train_together(cases: Mapping[str, Sequence[str]], processes: int, folder: Path, *, sabotage: str = "") -> None:
    """Every case, on one set of processes that is started once; with a sabotage they forget Megatron's backward sums.

    What a case came to is in the folder of its name.
    """
    folder.mkdir(parents=True, exist_ok=True)
    orders = [(name, list(words)) for name, words in cases.items()]
    environment = dict(os.environ)
    arguments = [(rank, processes, folder, environment, sabotage, orders) for rank in range(processes)]
    codes = in_forks(_be_rank, arguments, TIMEOUT_S)
    said = "\n".join(file.read_text() for file in sorted(folder.glob("output*.txt")))
    assert not any(codes), f"{codes}\n{said}"


def _forget_one_sum() -> None:
    from accel.ops.parallel.tensor_split import _SumGradients

    _SumGradients.backward = staticmethod(lambda ctx, *grads: (grads[0], None))  # type: ignore[method-assign]


def _agreed_port(file: Path, rank: int) -> int:
    """One that is free when the case begins: minutes before, it could be somebody else's by then."""
    if rank == 0:
        half = file.with_suffix(".half")
        half.write_text(str(free_port()))
        half.replace(file)
    while not file.exists():
        time.sleep(0.01)
    return int(file.read_text())


def _be_rank(
    rank: int, processes: int, folder: Path, environment: Mapping[str, str], sabotage: str, orders: Sequence[tuple]
) -> None:
    """One of the processes: every case, meeting the others at a port of its own."""
    output = os.open(folder / f"output{rank}.txt", os.O_WRONLY | os.O_CREAT)
    for stream in (1, 2):
        os.dup2(output, stream)
    os.environ.update(environment)
    torch.set_num_threads(1)
    if sabotage:
        _forget_one_sum()
    for name, words in orders:
        port = _agreed_port(folder / f"{name}.port", rank)
        os.environ.update(RankInfo(rank, processes, rank, processes).variables("127.0.0.1", port))
        found = train(words, folder / name)
        if found is not None:
            torch.save({"losses": found.losses, "weights": found.weights}, folder / name / FILE)
