"""A run that ends in time: a few steps are timed, and what fits is said before training, as plain settings."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

import psutil
import torch

from accel.core.compression import Compression
from accel.core.durable import write_durably
from accel.core.engine import Engine
from accel.core.plan import Plan, digest
from accel.core.steps import duration_text
from accel.data.prepared import Prepared
from accel.data.tokenized import Tokenized
from accel.errors import DataError
from accel.forecast.measured import seconds_of
from accel.run.baseline import dense_plan, folder_of
from accel.run.rehearsal import Rehearsal, untrained_teacher

if TYPE_CHECKING:
    from accel.core.console import Console
    from accel.core.facts import LatencyTable
    from accel.run.state import RunState

KEPT = "time_plan.json"
"""In the run's folder: what was decided, for a run that goes on."""
WARM, TIMED = 2, 8
"""Steps that are not counted, and that are."""
MARGIN = 0.03
"""Of the limit, for what nobody foresees."""
LONG = 0.5
"""Of the limit: from here on the end of the run is shortened before training is."""
FEW_ROUNDS = 15
LEAST_STEPS = 10
AROUND_S = 10.0
"""Of export, records and reports, on a machine that has not done it before."""


@dataclass(frozen=True)
class Paces:
    """What was timed."""

    own_s: float
    """An optimizer step of the plan, with all of its techniques."""
    dense_s: float
    """One of the dense baseline."""
    token_s: float
    """A token that is scored."""


@dataclass(frozen=True)
class Allotted:
    """What fits into the limit; None where nothing changes."""

    max_steps: int | None = None
    baseline_steps: int | None = None
    rounds: int | None = None
    engines: tuple[str, ...] | None = None

    def applied(self, plan: Plan) -> Plan:
        """The plan with these settings and without a limit."""
        changed: dict[str, Any] = {
            k: getattr(self, k) for k in ("max_steps", "baseline_steps") if getattr(self, k) is not None
        }
        engines = plan.engines
        if self.engines is not None:
            engines = tuple(engine for engine in engines if engine.option_name() in self.engines)
        trainer = replace(plan.trainer, time_limit=None, **changed)
        return replace(plan, trainer=trainer, engines=engines, rounds=self.rounds or plan.rounds)

    def words(self) -> list[str]:
        """As they are typed, so that the run can be repeated without a clock."""
        found = ["trainer.time_limit=null"]
        found += [f"trainer.{k}={v}" for k in ("max_steps", "baseline_steps") if (v := getattr(self, k)) is not None]
        found += [f"rounds={self.rounds}"] if self.rounds is not None else []
        return [*found, f"engines=[{','.join(self.engines)}]"] if self.engines is not None else found

    def plain(self) -> dict[str, Any]:
        """As JSON holds it."""
        return {k: v for k, v in vars(self).items() if v is not None}

    @classmethod
    def of(cls, found: Mapping[str, Any]) -> Allotted:
        """As ``plain`` told it."""
        engines = found.get("engines")
        rest = {name: value for name, value in found.items() if name != "engines"}
        return cls(**rest, engines=None if engines is None else tuple(engines))

    @classmethod
    def read(cls, folder: Path) -> Allotted:
        """What an earlier part of the run decided; nothing where it did not come so far."""
        try:
            return cls.of(json.loads((folder / KEPT).read_text("utf8")))
        except FileNotFoundError:
            return cls()


@dataclass(frozen=True)
class Clock:
    """What a run has, and what its end will take."""

    limit_s: float
    end_s: float

    def left_s(self) -> float:
        """For training, from now on."""
        return self.limit_s * (1 - MARGIN) - passed_s() - self.end_s


def passed_s() -> float:
    """Since this process began, what it imported included."""
    return time.time() - psutil.Process().create_time()


def within_limit(run: RunState, data: Prepared, latency: LatencyTable | None, console: Console) -> Clock | None:
    """Time a few steps, decide what fits, say it, and change the run's plan; None where nothing limits it.

    Raises:
        DataError: so little time is left that nothing would be learned.
    """
    limit_s = run.plan.trainer.limit_s()
    if limit_s is None:
        return None
    if run.resume:
        run.plan = Allotted.read(run.folder).applied(run.plan)
        return None
    plan = replace(run.plan, trainer=replace(run.plan.trainer, time_limit=None))
    paces = timed(plan, data, latency)
    short = shortened(plan, data, paces, limit_s)
    plan = short.applied(plan)
    clock = Clock(limit_s, end_s(plan, data, paces))
    steps, dense = data.total_steps(plan), _dense_steps(plan, data)
    whole_s = steps * _step_s(paces.own_s, plan, data, paces) + dense * _step_s(paces.dense_s, plan, data, paces)
    share = clock.left_s() / whole_s
    if share * steps < min(LEAST_STEPS, steps):
        needed = duration_text(limit_s - clock.left_s() + whole_s * LEAST_STEPS / steps)
        raise DataError(
            f"trainer.time_limit={run.plan.trainer.time_limit} leaves no time to train: {LEAST_STEPS} steps and what "
            f"stands around them take about {needed}. Give it more, a smaller model, or fewer engines."
        )
    found = short
    if share < 1:
        found = replace(short, max_steps=int(share * steps), baseline_steps=_round(share * dense) if dense else None)
    _decide(run, found, console, limit_s, paces, clock, steps)
    return clock


def again(run: RunState, data: Prepared, clock: Clock | None, console: Console) -> None:
    """After the baseline: what it really took decides how many steps of the run's own there are."""
    if clock is None or not run.record["time_limit"]["baseline_steps_planned"]:
        return
    own_s = run.record["time_limit"]["step_s"]
    before = Allotted(**run.record["time_limit"]["allotted"])
    whole = run.record["time_limit"]["steps_wanted"]
    fits = max(LEAST_STEPS, int(clock.left_s() / own_s))
    steps = min(whole, fits)
    if steps == data.total_steps(run.plan):
        return
    run.plan = replace(run.plan, trainer=replace(run.plan.trainer, max_steps=steps))
    _note(run, replace(before, max_steps=steps))
    console.say(f"After the baseline there is time for {steps} of {whole} steps.")


def _decide(
    run: RunState, found: Allotted, console: Console, limit_s: float, paces: Paces, clock: Clock, wanted: int
) -> None:
    dense = found.baseline_steps is not None
    run.record["time_limit"] = {
        "limit_s": limit_s,
        "step_s": paces.own_s,
        "baseline_step_s": paces.dense_s,
        "end_s": clock.end_s,
        "steps_wanted": wanted,
        "baseline_steps_planned": dense,
    }
    run.plan = found.applied(run.plan)
    _note(run, found)
    cut = _cut(found, wanted)
    console.say(
        f"\nTime limit {duration_text(limit_s)}: {duration_text(passed_s())} have passed, a step takes "
        f"{paces.own_s:.3f} s, and export and measurement about {duration_text(clock.end_s)}. "
        + (f"Cut: {'; '.join(cut)}." if cut else "Everything fits.")
        + f"\nThe same without a clock: {' '.join(found.words())}"
    )


def _note(run: RunState, found: Allotted) -> None:
    run.record["time_limit"] |= {"allotted": found.plain(), "repeat": found.words()}
    write_durably(run.folder / KEPT, json.dumps(found.plain()))


def _cut(found: Allotted, wanted: int) -> list[str]:
    """What there is no time for, in words."""
    cut = [f"{found.max_steps} of {wanted} steps"] if found.max_steps is not None else []
    cut += [f"{found.baseline_steps} steps of the baseline"] if found.baseline_steps is not None else []
    cut += [f"each engine timed {found.rounds} times"] if found.rounds is not None else []
    return [*cut, f"measured on {', '.join(found.engines)} alone"] if found.engines is not None else cut


def _round(steps: float) -> int:
    """Two digits: the clock's noise makes no other baseline, so that another run finds it."""
    whole = max(1, int(steps))
    unit = 10 ** max(0, len(str(whole)) - 2)
    return whole // unit * unit


def _dense_steps(plan: Plan, data: Prepared) -> int:
    """Of the baseline; none where it is not needed, or is there already."""
    if not plan.needs_baseline or folder_of(plan, data).is_dir():
        return 0
    return data.total_steps(dense_plan(plan))


def _step_s(step_s: float, plan: Plan, data: Prepared, paces: Paces) -> float:
    """With the step's share of scoring the validation split after each epoch."""
    return step_s + paces.token_s * _tokens(data.validation) / data.sampler(plan).num_steps


def _tokens(split: Tokenized) -> int:
    return int(split.lengths.sum())


def shortened(plan: Plan, data: Prepared, paces: Paces, limit_s: float) -> Allotted:
    """The end of the run, where it would take half of the limit: fewer rounds first, then the quickest engine alone."""
    found = Allotted()
    if end_s(plan, data, paces) <= LONG * limit_s:
        return found
    if plan.rounds > FEW_ROUNDS:
        found = Allotted(rounds=FEW_ROUNDS)
    if end_s(found.applied(plan), data, paces) <= LONG * limit_s or len(plan.engines) == 1:
        return found
    return replace(found, engines=(min(plan.engines, key=lambda engine: engine.ready_s).option_name(),))


def end_s(plan: Plan, data: Prepared, paces: Paces) -> float:
    """Export, scores and measurement: as long as they took last time, or a cautious guess."""
    known = _end_file(plan, data)
    if known.is_file():
        return float(known.read_text("utf8"))
    sides = 2 if plan.needs_baseline else 1
    engines = sides * sum(engine.ready_s for engine in plan.engines)
    scored = paces.token_s * (_tokens(data.test) * (1 + len(plan.engines)) + _tokens(data.validation))
    return AROUND_S + engines + scored


def note_end(plan: Plan, data: Prepared, seconds: float) -> None:
    """What it took, for the next run like this one."""
    file = _end_file(plan, data)
    file.parent.mkdir(parents=True, exist_ok=True)
    write_durably(file, str(round(seconds, 1)))


def _end_file(plan: Plan, data: Prepared) -> Path:
    chosen = plan.choices()
    what = [plan.model.fingerprint(), chosen[Engine.group], chosen[Compression.group], plan.rounds]
    what += [data.fingerprint, torch.get_num_threads(), plan.needs_baseline]
    return plan.cache / "ends" / f"{digest(what)[:24]}.txt"


def timed(plan: Plan, data: Prepared, latency: LatencyTable | None) -> Paces:
    """Steps of the plan and of its baseline on copies that are thrown away; an untrained teacher takes as long."""
    dense = dense_plan(plan)
    with untrained_teacher(plan, data) as teacher:
        own_s = _time_steps(plan, data, latency, teacher)
        dense_s = _time_steps(dense, data, latency, None) if plan.needs_baseline else own_s
        return Paces(own_s, dense_s, _time_scoring(dense, data))


def _time_steps(plan: Plan, data: Prepared, latency: LatencyTable | None, teacher: Path | None) -> float:
    rehearsal = Rehearsal(plan, data, latency, teacher)
    seconds = [seconds_of(rehearsal.step) for _ in range(WARM + TIMED)]
    return fmean(seconds[WARM:])


def _time_scoring(plan: Plan, data: Prepared) -> float:
    model = plan.model.network(data.objective).eval()
    some = list(islice(data.validation_batches(), 4))
    inputs = [{n: b[n] for n in data.input_names} for b in some]

    def score() -> None:
        with torch.no_grad():
            for batch in inputs:
                model(**batch)

    score()
    return seconds_of(score) / max(1, sum(int(b["attention_mask"].sum()) for b in some))
