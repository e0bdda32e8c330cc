"""The dense baseline: the same model on the same task without compression, trained once per content hash.

It gives the *before* column, and it is the teacher. Every run and every job of a sweep that asks for the same one
gets the same files.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock, Timeout

from accel import __version__
from accel.checkpoint.atomic import LAST
from accel.checkpoint.sharded import is_whole as is_whole_checkpoint
from accel.checkpoint.sharded import put_back, step_of
from accel.core.checksums import SUMS, is_whole, write_sums
from accel.core.console import Console
from accel.core.objective import Objective, known_objectives
from accel.core.plan import Plan, digest
from accel.core.seen import Seen
from accel.data.prepared import Prepared
from accel.objective.scores import Report
from accel.ops.inputs import PLAIN
from accel.run.fit import Fitted, fit
from accel.run.score import ready_to_answer
from accel.strategy.single import Single
from accel.tuning.full import Full
from accel.weights import artifact
from accel.weights.provenance import inherited, seen_by

NOTE, KEPT = "baseline.json", "kept.npz"
OTHERS_TRAIN_S = 3 * 3600
"""How long to wait for another process that trains the same baseline."""


@dataclass(frozen=True)
class Baseline:
    """A trained dense model."""

    folder: Path
    """An exported model, see ``accel/weights/artifact.py``."""
    report: Report
    seconds: float
    reused: bool


def dense_plan(plan: Plan) -> Plan:
    """The same model on the same task without compression, in one process: the *before* of this plan."""
    return replace(
        plan,
        trainer=plan.trainer.for_baseline(),
        compression=(),
        privacy=None,
        strategy=Single(),
        tuning=Full(),
        tracker=None,
    )


def content_hash(plan: Plan, data: Prepared) -> str:
    """Over everything that the baseline's weights depend on, and nothing else."""
    dense = dense_plan(plan)
    others = [name for name in data.input_names if name not in PLAIN]
    return digest(
        {
            **({"inputs": others} if others else {}),  # the files of older baselines took no others
            **scored_by(data.objective),
            **({"answering": known} if (known := data.objective.answering()) else {}),
            **({"learned by": chosen} if (chosen := data.objective.settings()) else {}),
            **({"importance": weights.tobytes().hex()} if (weights := data.train.importance) is not None else {}),
            "data": data.fingerprint,
            "model": dense.model.fingerprint(),
            "trainer": dense.trainer.settings(),
            "precision": dense.trainer.trainer_args()["precision"],
            "tuning": dense.tuning.option_name(),
            "seed": dense.seed,
            "versions": [__version__, version("torch"), version("transformers")],
        }
    )[:24]


def scored_by(objective: Objective) -> dict[str, Any]:
    """The metrics of an objective that is scored otherwise than the one whose name it has."""
    known = known_objectives().get(objective.name)
    return {} if known in (None, type(objective)) else {"metrics": [metric.key for metric in objective.metrics]}


def folder_of(plan: Plan, data: Prepared) -> Path:
    """Where the plan's dense baseline is, or would be."""
    return plan.cache / "baselines" / content_hash(plan, data)


def baseline(
    plan: Plan, data: Prepared, console: Console, evaluate: Callable[[Any], Report], *, train: bool = True
) -> Baseline:
    """Find the plan's dense baseline, or train it.

    Args:
        evaluate: scores a model on the test split.
        train: False in processes that only wait for rank 0's.
    """
    folder = folder_of(plan, data)
    folder.parent.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(f"{folder}.lock", timeout=OTHERS_TRAIN_S if train else 60):
            found = _read(folder, console, data)
            if found is None:
                found = _train(plan, data, console, folder, evaluate)
            else:
                found = _with_predictions(found, data, evaluate)
                console.say(f"Dense baseline: reused from {folder}")
            return found
    except Timeout:
        raise TimeoutError(f"another process has held {folder}.lock for hours: remove it if none is running") from None


def pretrained(plan: Plan, data: Prepared, evaluate: Callable[[Any], Report]) -> Baseline:
    """The dense model before any training, with a new head: what a private run is compared with.

    It has seen nothing of the data, so unlike the dense baseline it may teach a private student. Its scores on the data
    are taken by each run and kept by none: the cache would tell them, and a digest of the data, to others.
    """
    dense = dense_plan(plan)
    what = [dense.model.fingerprint(), data.objective.artifact_facts(), data.max_length, dense.seed]
    folder = plan.cache / "pretrained" / digest(what)[:24]
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{folder}.lock", timeout=OTHERS_TRAIN_S):
        reused = is_whole(folder)
        if not reused:
            torch.manual_seed(dense.seed)
            seen = inherited(dense)
            with _whole(folder) as temporary:
                save_dense(dense.model.network(data.objective), data, temporary, seen)
    start = time.perf_counter()
    report = evaluate(artifact.load_model(folder / "model"))
    return Baseline(folder / "model", report, time.perf_counter() - start, reused)


def save_dense(model: Any, data: Prepared, folder: Path, seen: Sequence[Seen]) -> None:
    """As ``folder/model``, exported as a run's model is."""
    facts = {**ready_to_answer(data, model).artifact_facts(), "trained_on": seen}
    artifact.save_model(model, data.tokenizer, folder / "model", **facts)


@contextmanager
def _whole(folder: Path) -> Iterator[Path]:
    """A place beside a folder, which takes the folder's name when all is done: it appears whole or not at all."""
    temporary = folder.with_name(f".{folder.name}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    yield temporary
    write_sums(temporary)
    shutil.rmtree(folder, ignore_errors=True)
    temporary.replace(folder)


def _read(folder: Path, console: Console, data: Prepared) -> Baseline | None:
    if not folder.is_dir():
        return None
    if not is_whole(folder):
        console.say(f"Dense baseline: {folder} is damaged (its files are not what {SUMS} says); it is trained again.")
        return None
    try:
        note = json.loads((folder / NOTE).read_text("utf8"))
    except (OSError, ValueError):
        return None
    kept = data.objective.keeps.read(folder / KEPT) if data.objective.keeps is not None else None
    return Baseline(folder / "model", Report(**note["report"], kept=kept), float(note["seconds"]), reused=True)


def _with_predictions(found: Baseline, data: Prepared, evaluate: Callable[[Any], Report]) -> Baseline:
    """One of an earlier version of accel kept none, and is scored once more."""
    if data.objective.keeps is None or found.report.kept is not None:
        return found
    report = evaluate(artifact.load_model(found.folder))
    _keep(report, found.folder.parent)
    write_sums(found.folder.parent)
    return replace(found, report=replace(found.report, kept=report.kept))


def _keep(report: Report, folder: Path) -> None:
    if report.kept is not None:
        report.kept.save(folder / KEPT)


def _train(plan: Plan, data: Prepared, console: Console, folder: Path, evaluate: Callable[[Any], Report]) -> Baseline:
    console.say("Dense baseline: training it once; runs with the same data, model and trainer reuse it.")
    start = time.perf_counter()
    dense = dense_plan(plan)
    seen = seen_by(dense)
    work = folder.with_name(f".{folder.name}.training")
    fitted: Fitted = fit(
        dense, data, console, title="baseline", folder=work, checkpoint=_on_its_way(work, console), searched=False
    )
    with _whole(folder) as temporary:
        save_dense(fitted.model, data, temporary, seen)
        trained = time.perf_counter()
        report = evaluate(artifact.load_model(temporary / "model"))
        seconds = time.perf_counter() - trained
        (temporary / NOTE).write_text(json.dumps({"report": report.figures(), "seconds": seconds}))
        _keep(report, temporary)
    shutil.rmtree(work, ignore_errors=True)
    return Baseline(folder / "model", report, time.perf_counter() - start, reused=False)


def _on_its_way(work: Path, console: Console) -> Path | None:
    """Where a baseline that was stopped goes on; its folder's name says that it is the same one."""
    work.mkdir(parents=True, exist_ok=True)
    file = work / "checkpoints" / LAST
    if not put_back(file):
        return None
    if not is_whole_checkpoint(file):
        shutil.rmtree(work)
        work.mkdir()
        console.say(f"Dense baseline: {file} is damaged; it is trained from the beginning.")
        return None
    console.say(f"Dense baseline: it was stopped before, and goes on from step {step_of(file)}.")
    return file
