"""What an option declares for the laws that every technique keeps, in the test file that mirrors it, as ``LAWS``."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from accel.config.compose import options_of
from accel.core.groups import list_groups, technique_groups

GROUPS = technique_groups()
"""Whose options are techniques."""
ABSENT = "none"
"""An option that is the absence of one."""


@dataclass(frozen=True, kw_only=True)
class Laws:
    """How a technique is put to the test."""

    sabotage: tuple[str, Callable[..., Any]]
    """What to replace by what, so that the technique does nothing."""
    off: Sequence[str] | None = None
    """Settings with which nothing is left of it; None where only not to choose it does that."""
    strong: Mapping[str, Sequence[str]] = field(default_factory=lambda: {"": ()})
    """Settings with which it acts, by a name for each; those of its default have none."""
    quick: Sequence[str] = ()
    """Settings that let it act in eleven steps, wherever it is chosen."""
    agrees_within: float | None = 1e-5
    """How far logits of the trained and the exported model may lie apart; None where another test says it."""
    resumes: bool = True
    """Whether losses are the same after a resume; where they are not, its own test says what a resume does."""
    processes: int = 1
    """How many it takes to act. Where it takes several, sabotage is seen on a model that nobody trained, and the other
    laws are shown on real processes, beside tests/strategy/test_parity.py."""


@dataclass(frozen=True)
class Case:
    """A technique with settings with which it acts."""

    option: str
    variant: str
    words: tuple[str, ...]

    @property
    def name(self) -> str:
        return f"{self.option} {self.variant}".strip()


def laws() -> dict[str, Laws | None]:
    """Of every option of the groups, from the files in conf/ alone; None for what only says that nothing is done.

    Raises:
        AttributeError: an option whose test file declares none.
    """
    return {
        option: import_module(f"tests.{group}.test_{option}").LAWS
        for group in GROUPS
        for option in options_of(group)
        if option != ABSENT
    }


def choice(option: str) -> str:
    """As a user types it."""
    group = next(group for group in GROUPS if option in options_of(group))
    return f"{group}=[{option}]" if group in list_groups() else f"{group}={option}"


def words_of(option: str, settings: Sequence[str] = ()) -> list[str]:
    """The option, with settings that may choose others beside it in the same list."""
    group = choice(option).split("=")[0]
    chosen = [] if any(word.startswith(f"{group}=") for word in settings) else [choice(option)]
    words = [*chosen, *settings]
    return [*words, *(word for other, own in laws().items() if own and _chosen(other, words) for word in own.quick)]


def _chosen(option: str, words: Sequence[str]) -> bool:
    names = [
        name for word in words if word.split("=")[0] in GROUPS for name in word.split("=")[1].strip("[]").split(",")
    ]
    return option in names


def cases() -> Iterator[Case]:
    """Every technique that acts in one process, with every group of settings with which it does."""
    for option, own in laws().items():
        for variant, settings in own.strong.items() if own and own.processes == 1 else ():
            yield Case(option, variant, tuple(words_of(option, settings)))
