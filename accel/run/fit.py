"""Trains one plan; the run and its dense baseline both come through here."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import ModelCheckpoint
from torch import nn

from accel.callbacks.ask_study import AskStudy
from accel.callbacks.keep_best import KeepBest, Ranking
from accel.callbacks.seed_steps import SeedSteps
from accel.callbacks.show_progress import ShowProgress
from accel.callbacks.stop_on_signal import StopOnSignal
from accel.callbacks.tell_head import TellHead
from accel.callbacks.tell_spikes import TellSpikes
from accel.checkpoint.atomic import LAST, AtomicCheckpointIO
from accel.checkpoint.sharded import step_of
from accel.core.console import Console
from accel.core.facts import Facts, History
from accel.core.metric import Metric
from accel.core.plan import Plan
from accel.data.prepared import Batches, Prepared
from accel.errors import Interrupted, LostError, NoEffectError
from accel.process.lightning import keep_signals, leave_together, lost_by
from accel.process.stop_requests import EXIT_CODES
from accel.report.metrics_log import MetricsLog
from accel.run.module import TransformerModule
from accel.sweep.stopping import Stopping

if TYPE_CHECKING:
    from pytorch_lightning.loggers import Logger

    from accel.core.facts import LatencyTable


@dataclass(frozen=True)
class Fitted:
    """A trained model, not yet exported, and the proof that every technique acted."""

    model: nn.Module
    steps: int
    evidence: dict[str, dict[str, Any]]
    """By technique."""
    best: dict[str, Any] = field(default_factory=dict)
    """Which of several validations it has its weights of, and how it was chosen; empty where it is the last step's."""


def fit(
    plan: Plan,
    data: Prepared,
    console: Console,
    *,
    title: str,
    folder: Path | None = None,
    baseline: Path | None = None,
    pretrained: Path | None = None,
    latency: LatencyTable | None = None,
    loggers: Sequence[Logger] = (),
    checkpoint: Path | None = None,
    searched: bool = True,
) -> Fitted:
    """Train ``plan`` on ``data``.

    Args:
        folder: where checkpoints and metrics.csv go; without one, nothing is kept.
        baseline: the dense baseline's folder, for techniques that need it.
        pretrained: the same before any training.
        latency: what layers, heads and channels cost on this machine, for techniques that need it.
        checkpoint: the file to resume from.
        searched: whether a search may stop it early; never a baseline, which other jobs need whole.

    Raises:
        NonFiniteLossError: the loss is NaN or infinite.
        NoEffectError: a technique shows no effect.
        LostError: another process of the run is gone, or has not answered in time.
        Interrupted: a signal stopped training; a checkpoint was saved.
    """
    facts = replace(
        facts_of(plan, data, latency),
        baseline=baseline,
        pretrained=pretrained,
        folder=folder,
        resumed=checkpoint is not None,
    )
    module = TransformerModule(plan, facts, data.objective.scores(data.validation))
    log = MetricsLog(folder / "metrics.csv" if folder else None, resume_step=_step_of(checkpoint))
    stop = StopOnSignal(folder / "checkpoints" if folder else None)
    quality = data.objective.quality
    asks = _asks_study(quality) if searched and folder is not None else []
    best = _best(plan, facts)
    callbacks = [
        ShowProgress(console, title, facts.total_steps, quality if len(data.validation) > 1 else None),
        TellHead(console),
        TellSpikes(console),
        stop,
        *asks,
        *best,
    ]
    with _threads(plan.strategy.local_processes()), _losses_explained(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Lightning's hints, for example at an srun that is there and not used
        trainer = _trainer(plan, folder, [log, *loggers], callbacks, facts)
        keep_signals(trainer)
        trainer.fit(module, datamodule=Batches(plan, data, facts), ckpt_path=checkpoint, weights_only=True)
    if stop.received or stop.requests.received:
        leave_together()
        raise _interrupted(stop, trainer, facts)
    for ask in asks:
        ask.check()
    try:  # rank 0 alone keeps what was logged, so it alone can prove something
        with _losses_explained():
            model = plan.trainer.release(plan.strategy.collect(module.model))
        evidence = _evidence(plan, model, log.history()) if trainer.is_global_zero else {}
    finally:
        leave_together()
    found = next((keeper.found for keeper in best), {})
    return Fitted(model=model, steps=trainer.global_step, evidence=evidence, best=found)


def _interrupted(stop: StopOnSignal, trainer: pl.Trainer, facts: Facts) -> Interrupted:
    """All ranks agreed to stop after a step, or this one heard of it after the last."""
    number = stop.received or stop.requests.received
    assert number is not None
    message = f"Stopped by {number.name} after step {trainer.global_step} of {facts.total_steps}."
    return Interrupted(message, EXIT_CODES[number], together=stop.received is not None and trainer.world_size > 1)


@contextmanager
def _losses_explained() -> Iterator[None]:
    """What the collectives say of a process that is gone is not for users."""
    try:
        yield
    except Exception as error:
        reason = lost_by(error)
        if reason is None:
            raise
        raise LostError(f"Another process of this run is gone or does not answer ({reason}).") from error


def facts_of(plan: Plan, data: Prepared, latency: LatencyTable | None = None) -> Facts:
    """What is known before any model has been trained."""
    return Facts(
        total_steps=data.total_steps(plan),
        num_examples=data.num_examples(plan),
        num_unlabelled=data.num_unlabelled(plan),
        objective=data.objective,
        world_size=plan.strategy.num_processes(),
        seed=plan.seed,
        baseline=None,
        latency=latency,
        num_threads=torch.get_num_threads(),
        kept_tokens=data.trimmed.kept if data.trimmed else None,
        cohorts=plan.strategy.cohorts(data.train.owners),
    )


def _asks_study(quality: Metric) -> list[AskStudy]:
    """For a job of a search that stops early."""
    stopping = Stopping.of_this_process(os.environ)
    return [AskStudy(stopping, quality)] if stopping is not None else []


def _best(plan: Plan, facts: Facts) -> list[KeepBest]:
    """For a plan that chooses among its validations."""
    kept = plan.trainer.kept_models
    if not kept:
        return []
    ranking = Ranking(plan.trainer.patience, kept)
    return [KeepBest(ranking, plan.settled_at * facts.total_steps, facts.total_steps)]


def _trainer(
    plan: Plan, folder: Path | None, loggers: list[Any], callbacks: list[pl.Callback], facts: Facts
) -> pl.Trainer:
    args: dict[str, Any] = {
        **plan.trainer.trainer_args(),
        "logger": loggers,
        "callbacks": [
            SeedSteps(plan),
            *callbacks,
            *_technique_callbacks(plan, facts),
            *_checkpoints(plan, folder),
        ],
        "plugins": [AtomicCheckpointIO()],
        "default_root_dir": folder,
        "enable_checkpointing": folder is not None,
        "enable_progress_bar": False,
        "enable_model_summary": False,
        "num_sanity_val_steps": 0,
        "log_every_n_steps": 1,
        "use_distributed_sampler": False,
    }
    for technique in plan.techniques:
        args = technique.trainer_args(args)
    return pl.Trainer(**args)


def _technique_callbacks(plan: Plan, facts: Facts) -> list[pl.Callback]:
    return [callback for technique in plan.techniques for callback in technique.callbacks(facts)]


def _checkpoints(plan: Plan, folder: Path | None) -> list[pl.Callback]:
    """The last one, at every epoch's end and every so many steps; callbacks keep in it what they need beside that."""
    if folder is None:
        return []
    every = plan.trainer.checkpoint_every_steps
    last = ModelCheckpoint(
        folder / "checkpoints",
        filename=LAST.removesuffix(".ckpt"),
        every_n_train_steps=every,
        every_n_epochs=None if every else 1,
        save_on_train_epoch_end=True,
        enable_version_counter=False,
        save_top_k=1,
        monitor=None,
    )
    return [last]


def _step_of(checkpoint: Path | None) -> int | None:
    if checkpoint is None:
        return None
    return step_of(checkpoint)


def _evidence(plan: Plan, model: nn.Module, history: History) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for technique in plan.techniques:
        evidence = technique.evidence(model, _short_names(history))
        if evidence is None:
            continue
        if not evidence.acted:
            raise NoEffectError(
                f"{technique.group}={technique.option_name()} shows no effect after training: expected "
                f"{evidence.expected}, found {dict(evidence.figures)}. Nothing was exported."
            )
        found[technique.option_name()] = dict(evidence.figures)
    return found


def _short_names(history: Mapping[str, list[float]]) -> dict[str, list[float]]:
    return {name.removeprefix("train/"): values for name, values in history.items()}


class _threads:  # noqa: N801 - used as a context manager
    """Share the cores among the processes that train on this machine, then give them back."""

    def __init__(self, processes: int) -> None:
        self.before = torch.get_num_threads()
        self.during = max(1, self.before // processes)

    def __enter__(self) -> None:
        torch.set_num_threads(self.during)

    def __exit__(self, *error: object) -> None:
        torch.set_num_threads(self.before)
