"""The config groups whose options are classes, each by its base class, which says what holds for the whole group."""

from __future__ import annotations

from collections.abc import Mapping

from accel.core.compression import Compression
from accel.core.engine import Engine
from accel.core.model import Model
from accel.core.option import Option
from accel.core.privacy import Privacy
from accel.core.strategy import Strategy
from accel.core.task import Task
from accel.core.technique import Technique
from accel.core.tracker import Tracker
from accel.core.trainer import Trainer
from accel.core.tuning import Tuning

BASES: Mapping[str, type[Option]] = {
    base.group: base for base in (Task, Model, Tuning, Compression, Strategy, Privacy, Tracker, Trainer, Engine)
}


def list_groups() -> tuple[str, ...]:
    """The groups that take several options at once."""
    return tuple(group for group, base in BASES.items() if base.several)


def technique_groups() -> tuple[str, ...]:
    """The groups whose options change training."""
    return tuple(group for group, base in BASES.items() if issubclass(base, Technique))
