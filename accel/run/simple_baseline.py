"""What a simple model reaches on the same splits, trained in seconds, and how the finished model stands against it."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from accel.core.plan import Plan
from accel.data import Dataset
from accel.data.prepared import Prepared
from accel.objective.scores import Report
from accel.ops.tfidf import tfidf_logistic
from accel.run.behaviour import difference

NAME = "tfidf_logistic"


@dataclass(frozen=True)
class Simple:
    """The record's entry, and the predictions behind it."""

    entry: dict[str, Any]
    report: Report


def may_train(plan: Plan) -> bool:
    """Whether the texts may be seen by a model without protection: no privacy, and no owners who keep them."""
    return plan.privacy is None and not plan.strategy.trains_locally


def simple_baselines(plan: Plan, dataset: Dataset, data: Prepared) -> list[Simple]:
    """What the objective's own ones reach, and TF-IDF where each text has one of several labels."""
    if not may_train(plan):
        return []
    found = [*_of_words(dataset, data)] if data.objective.chooses_one else []
    start = time.perf_counter()
    for name, report, trained_on in data.objective.simple_models(dataset, plan.seed):
        found.append(_simple(name, report, trained_on, start))
        start = time.perf_counter()
    return found


def _of_words(dataset: Dataset, data: Prepared) -> Iterator[Simple]:
    """None where the texts have no words, or one label only."""
    start = time.perf_counter()
    texts, asked = (["\n".join(row) for row in split.texts] for split in (dataset.train, dataset.test))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it would learn on after so many steps; the figure is what it is
        found = tfidf_logistic(texts, dataset.train.labels, len(dataset.label_names), asked)
    if found is not None:
        report = _report(data, torch.from_numpy(found.log_probabilities).float(), torch.tensor(dataset.test.labels))
        yield _simple(NAME, report, found.num_texts, start)


def _simple(name: str, report: Report, trained_on: int, start: float) -> Simple:
    seconds = round(time.perf_counter() - start, 3)
    return Simple({"name": name, "metrics": report.metrics, "trained_on": trained_on, "seconds": seconds}, report)


def _report(data: Prepared, logits: torch.Tensor, labels: torch.Tensor) -> Report:
    scores = data.objective.scores(data.test)
    scores.update(logits, labels)
    kept = data.objective.kept(logits, labels, np.arange(len(labels))) if data.objective.keeps else None
    return Report(scores.compute().metrics, kept=kept)


def against(data: Prepared, simple: Simple, after: Report) -> dict[str, Any]:
    """The entry, and how much better the finished model is, with an interval."""
    comparable = simple.report.kept is not None and after.kept is not None
    return {**simple.entry, **(difference(data, simple.report, after) if comparable else {})}
