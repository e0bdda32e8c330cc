"""Which of its jobs a search would choose, said at its end."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from accel.core.metric import metrics_of
from accel.report.figures import metric_text
from accel.report.money import PRICES, Bill, Prices, bill, said
from accel.report.pareto import Cost, Objective, goal, pareto
from accel.sweep.record import Job, Sweep

MOST = 5
"""So many of those that are beaten in nothing are told; all of them stand in sweep.json."""


def winner_lines(sweep: Sweep, sweeper: Mapping[str, Any]) -> list[str]:
    """The best job, or those that are beaten in nothing where several things are wanted; nothing of a grid.

    Args:
        sweeper: ``hydra.sweeper``.
    """
    if sweeper.get("search") is None:
        return []
    prices = Prices.of({name: sweeper.get(name) for name in PRICES}, "hydra.sweeper.{}".format)
    goals = [found for name in sweeper.get("objectives") or () if (found := goal(name, prices)) is not None]
    jobs = {job.number: job for job in sweep.jobs if job.status == "finished" and job.result is not None}
    if prices is not None and len(goals) == 1 and isinstance(goals[0], Cost):
        return list(_cheapest(jobs, prices, sweep))
    return list(_best(jobs, goals, sweep))


def _best(jobs: Mapping[int, Job], goals: Sequence[Objective], sweep: Sweep) -> Iterator[str]:
    front = pareto({number: job.result or {} for number, job in jobs.items()}, goals)
    if not front:
        return
    told = [f"{_words(jobs[number], sweep)}  {_figures(jobs[number].result or {}, goals)}" for number in front]
    if len(goals) == 1:
        equal = f", and {len(front) - 1} more that are as good" * (len(front) > 1)
        yield f"Best of {len(jobs)} finished: {told[0]}{equal}"
    else:
        yield f"Beaten in nothing, {len(front)} of {len(jobs)} finished:"
        yield from (f"  {text}" for text in told[:MOST])
        yield from [f"  and {len(front) - MOST} more"] * (len(front) > MOST)
    yield "Chosen by the validation split; what it reaches on the test split stands in its own report:"
    yield f"  {shlex.quote(str(jobs[front[0]].folder))}"


def _figures(record: Mapping[str, Any], goals: Sequence[Objective]) -> str:
    titles = {metric.key: metric.title for metric in metrics_of(record)}
    stated = [(wanted.of(record), wanted.value(record)) for wanted in goals]
    names = [_name(figure.key, titles) for figure, _ in stated]
    return ", ".join(
        f"{name} {_number(value)}" for name, (_, value) in zip(names, stated, strict=True) if value is not None
    )


def _name(path: str, titles: Mapping[str, str]) -> str:
    """``validation accuracy``: beside it stand lines with figures of the test split."""
    where, _, key = path.rpartition(".")
    return ("validation " if where.endswith("validation") else "") + titles.get(key, key)


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else metric_text(value)


def _cheapest(jobs: Mapping[int, Job], prices: Prices, sweep: Sweep) -> Iterator[str]:
    bills = {_words(job, sweep): bill(job.result or {}, prices, "validation") for job in jobs.values()}
    yield from said({words: cost for words, cost in bills.items() if isinstance(cost, Bill)}, prices)


def _words(job: Job, sweep: Sweep) -> str:
    """Its number, and what tells it from the others."""
    common = sweep.common_words()
    return f"#{job.number} {' '.join(word for word in job.overrides if word not in common)}".strip()
