"""The jobs of a grid: the product of what was typed, where a key counts only with the option it belongs to."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import yaml

from accel.config.compose import GROUPS, conf_dir, options_of
from accel.config.overrides import no_override
from accel.core.groups import list_groups
from accel.errors import ConfigError

if TYPE_CHECKING:
    from hydra.core.override_parser.types import Override


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
        job = [word for word in words if applies(word, words)]
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
        raise ConfigError(no_override(argument)) from None
    if not override.is_sweep_override():
        return [argument]
    tags = getattr(override.value(), "tags", None)
    if tags:
        raise ConfigError(
            f"{argument}: tag() says how a search draws values, and a grid takes each of them. Leave it out, or "
            f"search: hydra.sweeper.search=tpe."
        )
    return [f"{override.get_key_element()}={value}" for value in values_of(override, argument)]


def values_of(override: Override, word: str) -> list[str]:
    """All values of a choice, a range or a glob, as typed.

    Raises:
        ConfigError: an interval, which has no end of them, or a glob that is over no options or finds none.
    """
    from hydra.core.override_parser.types import Glob, IntervalSweep

    value, key = override.value(), override.key_or_group
    if isinstance(value, IntervalSweep):
        raise ConfigError(
            f"{word}: an interval has no end of values. Give some, as {key}=a,b,c or {key}=range(low,stop,step), or "
            f"search: hydra.sweeper.search=tpe."
        )
    if not isinstance(value, Glob):
        return list(override.sweep_string_iterator())
    found = value.filter(options_of(key)) if key in GROUPS else []
    if not found:
        known = f"{key} has: {', '.join(options_of(key))}" if key in GROUPS else "it is over the options of a group"
        raise ConfigError(f"{word}: glob() finds nothing; {known}. Files are given by their names, as {key}=a,b,c.")
    return found


def applies(word: str, job: Sequence[str]) -> bool:
    """Whether a word means something in a job: not where its key belongs to another option than the one chosen.

    ``tuning.rank=8`` belongs to lora, so it is left out beside ``tuning=full``; a key that no option has is kept, so
    that it is refused like any other typing error.
    """
    group, _, rest = _key(word).lstrip("+").partition(".")
    chosen = [w.split("=", 1)[1] for w in job if _key(w).lstrip("+") == group]
    if not rest or not chosen:
        return True
    names = [name.strip(" '\"") for name in chosen[-1].strip("[]").split(",")]
    if group in list_groups():
        return rest.split(".")[0] in names
    keys = {name: _keys(group, name) for name in options_of(group)}
    key = rest.split(".")[0]
    mine = [keys[name] for name in names if name in keys]  # of an option that a user brought, nothing is known here
    return len(mine) < len(names) or any(key in own for own in mine) or not any(key in own for own in keys.values())


@cache
def _keys(group: str, option: str) -> frozenset[str]:
    """What the configuration of a shipped option has."""
    return frozenset(yaml.safe_load((conf_dir() / group / f"{option}.yaml").read_text("utf8")) or ())
