"""The jobs of a grid: the product of what was typed, where a key counts only with the option it belongs to."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from accel.errors import ConfigError


def expand(arguments: Sequence[str], params: Mapping[str, Any] | None = None) -> list[list[str]]:
    """All jobs of ``-m arguments``, in the order Hydra gives them, without repetitions.

    ``compression.prune.sparsity=0.5,0.9`` applies to the jobs whose compression has prune and is left out of the
    others, so ``compression=[],[prune]`` with it makes three jobs, not four and not an error.

    Args:
        arguments: as typed after ``-m``.
        params: of a named search (``hydra.sweeper.params``); what was typed overrides them.

    Raises:
        ConfigError: something that is no override.
    """
    typed = {_key(argument): argument for argument in arguments}
    named = [f"{key}={value}" for key, value in (params or {}).items() if key not in typed]
    axes = [_values(word) for word in [*named, *arguments]]
    jobs: list[list[str]] = []
    for words in itertools.product(*axes):
        job = [word for word in words if _applies(word, words)]
        if job not in jobs:
            jobs.append(job)
    return jobs


def _key(argument: str) -> str:
    return argument.split("=", 1)[0]


def _values(argument: str) -> list[str]:
    """The overrides that one sweep word stands for."""
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import HydraException

    try:
        override = OverridesParser.create().parse_overrides([argument])[0]
    except HydraException:
        raise ConfigError(
            f"{argument!r} is no override: write key=value or key=a,b,c (quote what your shell would split or expand)."
        ) from None
    if not override.is_sweep_override():
        return [argument]
    return [f"{override.get_key_element()}={value}" for value in override.sweep_string_iterator()]


def _applies(word: str, job: Sequence[str]) -> bool:
    """Whether the job chose the compression option that the word's key belongs to; every other word applies."""
    parts = _key(word).lstrip("+").split(".")
    if parts[0] != "compression" or len(parts) < 3:
        return True
    chosen = [w.split("=", 1)[1] for w in job if _key(w).lstrip("+") == "compression"]
    if not chosen:
        return True
    return parts[1] in [name.strip(" '\"") for name in chosen[-1].strip("[]").split(",")]
