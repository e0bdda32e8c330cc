"""An option: one choice of one group, its settings, and what it objects to.

Nothing here imports torch: a plan is decided from these classes alone.
"""

from __future__ import annotations

from abc import ABC
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

if TYPE_CHECKING:
    from accel.core.plan import Plan


@dataclass(frozen=True)
class Objection:
    """Why a plan cannot be: what was asked, because of what, and what to type instead."""

    what: str
    because: str
    instead: str
    avoidable: bool = False
    """Whether other settings of the same options would do."""


@dataclass(kw_only=True)
class Option(ABC):
    """One choice of one config group; its fields are the keys of its YAML file.

    An option holds settings only and never changes after it was built.
    """

    group: ClassVar[str]
    several: ClassVar[bool] = False
    """Whether any number of the group's options are chosen at once, as a list; of the others one is."""

    def option_name(self) -> str:
        """The word a user types for it: the name of its YAML file; of one made in Python, that of its module."""
        return getattr(self, "_chosen_as", type(self).__module__.rsplit(".", 1)[-1])

    def chosen_as(self, name: str) -> Self:
        """Itself, under the name of the YAML file that it was built from; several files may share a class."""
        self._chosen_as = name
        return self

    @property
    def key(self) -> str:
        """Where its settings live in the config, as a prefix for messages."""
        group = type(self).group  # a GroupedTask has a setting of this name
        return f"{group}.{self.option_name()}" if self.several else group

    def objections(self, plan: Plan) -> Iterator[Objection]:
        """What this option needs and the plan does not give; nothing by default."""
        del plan
        yield from ()

    def weights(self) -> list[tuple[str, Path]]:
        """(key, folder) of every model folder that the option starts from or learns from; none by default."""
        return []

    @property
    def instead_of_weights(self) -> str:
        """What to type to do without those folders."""
        return ""

    def public_texts(self) -> list[tuple[str, str]]:
        """(key, file or task) of every text beside the task's that decides what the option does; none by default."""
        return []

    def settings(self) -> dict[str, Any]:
        """The option's fields as plain values."""
        return {f.name: getattr(self, f.name) for f in fields(self)}

    def shown(self) -> dict[str, Any]:
        """Those of its settings that say what it does; all by default."""
        return self.settings()

    def out_of_range(self, name: str, expected: str, instead: str) -> Objection:
        """An objection to one of the option's own values."""
        value = getattr(self, name)
        return Objection(
            what=f"{self.key}.{name}={value}",
            because=f"{name} must be {expected}",
            instead=f"{self.key}.{name}={instead}",
        )


def typed(option: Option) -> str:
    """The option as a user types it."""
    name, group = option.option_name(), type(option).group
    return f"{group}=[{name}]" if option.several else f"{group}={name}"
