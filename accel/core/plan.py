"""One run: the options it consists of."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from accel.core.compression import Compression
from accel.core.engine import Engine
from accel.core.groups import BASES
from accel.core.model import Model
from accel.core.option import Option, typed
from accel.core.privacy import Privacy
from accel.core.strategy import Strategy
from accel.core.task import Task
from accel.core.technique import Technique
from accel.core.tracker import Tracker
from accel.core.trainer import Trainer
from accel.core.tuning import Tuning

INDENT = 6
"""Of what goes on below a line of the plan."""


@dataclass(frozen=True)
class Plan:
    """One run: the options it consists of, and nothing that was computed from data."""

    task: Task
    model: Model
    tuning: Tuning
    compression: tuple[Compression, ...]
    strategy: Strategy
    privacy: Privacy | None
    tracker: Tracker | None
    trainer: Trainer
    seed: int
    name: str
    group: str
    cache: Path
    engines: tuple[Engine, ...]
    """What the finished model is measured on."""
    rounds: int = 60
    """How often each engine is timed; fewer where that would take long."""

    @property
    def techniques(self) -> tuple[Technique, ...]:
        """Everything that changes training, in the order of stages (then by name)."""
        chosen: list[Technique] = [self.tuning, *self.compression, self.strategy]
        if self.privacy is not None:
            chosen.append(self.privacy)
        return tuple(sorted(chosen, key=lambda t: (t.stage, t.option_name())))

    @property
    def options(self) -> list[Option]:
        """Every chosen option."""
        others = [self.task, self.model, self.trainer, *([self.tracker] if self.tracker else []), *self.engines]
        return [*others, *self.techniques]

    @property
    def changes_model(self) -> bool:
        return any(t.changes_model for t in self.techniques)

    @property
    def needs_baseline(self) -> bool:
        """A *before* column is measured for whatever changes the model, never trained unprivately under privacy."""
        wanted = self.changes_model or any(t.needs_baseline for t in self.techniques)
        return wanted and self.privacy is None

    @property
    def needs_pretrained(self) -> bool:
        """Under privacy the *before* column is the model as it was before any training.

        So it is where no dense baseline is trained, if a model may know the task before it is taught.
        """
        private = self.changes_model and self.privacy is not None
        known = self.task.may_be_known and not self.needs_baseline
        return private or known or any(t.needs_pretrained for t in self.techniques)

    @property
    def settled_at(self) -> float:
        """Share of training after which no technique changes the model's form any more."""
        return max(technique.settled_at for technique in self.techniques)

    @property
    def learns_without_labels(self) -> bool:
        """Whether texts of which nobody knows the label are learned from too."""
        return any(t.learns_without_labels for t in self.techniques)

    def choices(self) -> dict[str, Any]:
        """The chosen option of each group, as the record states it."""
        return {group: _named(getattr(self, group)) for group in BASES}

    def digest(self) -> str:
        """Equal plans, equal digest: over every setting of every option, and the seed."""
        return digest({typed(o): o.settings() for o in self.options} | {"seed": self.seed})

    def describe(self, width: int | None = None) -> str:
        """The plan as plan.txt and the terminal show it.

        Args:
            width: of a terminal, in characters; lines that are longer go on below, and no setting is cut in two.
        """
        return "\n".join(line if width is None else wrapped(line, width) for line in self._lines())

    def _lines(self) -> Iterator[str]:
        yield f"{self.name}  (seed {self.seed})"
        for option in (self.task, self.model, self.trainer):
            yield f"  {typed(option):<28} {brief(option)}"
        for technique in self.techniques:
            yield f"  {typed(technique):<28} {technique.stage.name:<11} {brief(technique)}"
        for remark in self.privacy.remarks() if self.privacy is not None else ():
            yield f"  {remark}"
        dense = "trained first, or reused" if self.needs_baseline else "not needed"
        yield f"  dense baseline               {dense if not self.needs_pretrained else 'the pretrained model'}"
        yield f"  measured on                  {', '.join(engine.option_name() for engine in self.engines)}"


def _named(chosen: Option | Sequence[Option] | None) -> str | list[str]:
    """What was chosen of one group, by name."""
    if isinstance(chosen, Option):
        return chosen.option_name()
    return "none" if chosen is None else sorted(option.option_name() for option in chosen)


def wrapped(line: str, width: int) -> str:
    """A line of the plan, broken between settings; what goes on is indented."""
    first, *settings = re.split(r" (?=\w+=)", line.strip())
    rows = [line[: len(line) - len(line.lstrip())] + first]
    for setting in settings:
        if len(rows[-1]) + 1 + len(setting) > width:
            rows.append(" " * INDENT + setting)
        else:
            rows[-1] += f" {setting}"
    return "\n".join(rows)


def digest(value: Any) -> str:
    """sha256 of plain nested values."""
    text = json.dumps(value, sort_keys=True, default=_plain)
    return hashlib.sha256(text.encode()).hexdigest()


def _plain(value: Any) -> Any:
    return value.name if isinstance(value, Enum) else str(value)


def brief(option: Option) -> str:
    """An option's settings on one line."""
    return " ".join(f"{k}={_plain(v)}" for k, v in option.shown().items() if v is not None)
