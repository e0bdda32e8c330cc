"""What an aggregator tells every owner when it joins, and what an owner lets it decide. No torch."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import OmegaConf

from accel.config.compose import conf_dir
from accel.core.option import Option
from accel.errors import ConfigError

if TYPE_CHECKING:
    from accel.core.plan import Plan

DECIDED = ("model", "tuning", "trainer", "strategy")
"""Groups that the aggregator decides: an owner takes settings of these from it, and of no other."""
OWN = ("task", "model", "hydra", "cache")
"""What an owner may type itself: where its data and its copy of the model are."""
LOCAL = ("local_steps", "local_epochs", "local_optimizer", "proximal", "compress")
"""Settings of the strategy that are about what a client does."""


def words_of(plan: Plan) -> list[str]:
    """What an owner composes, in overrides."""
    lengths = [f"task.max_length={n}" for n in [getattr(plan.task, "max_length", None)] if n is not None]
    return [
        f"task={plan.task.option_name()}",
        *lengths,
        *(word for option in (plan.model, plan.tuning, plan.trainer) for word in _chosen(option)),
        "strategy=federated",
        "strategy.clients=1",
        f"strategy.rounds={plan.strategy.planned_steps()}",
        *(f"strategy.{name}={json.dumps(_plain(getattr(plan.strategy, name)))}" for name in LOCAL),
        f"seed={plan.seed}",
    ]


def _chosen(option: Option) -> Iterable[str]:
    """The option, and those of its settings that its file does not have: reading overrides takes time."""
    file = conf_dir() / option.group / f"{option.option_name()}.yaml"
    known = OmegaConf.to_container(OmegaConf.load(file)) if file.is_file() else {}
    assert isinstance(known, dict)
    yield f"{option.group}={option.option_name()}"
    for name in (f.name for f in fields(option)):
        if (value := _plain(getattr(option, name))) != known.get(name, ...):
            yield f"{option.group}.{name}={json.dumps(value)}"


def _plain(value: Any) -> Any:
    """As JSON has it, which Hydra reads."""
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    return value.name if isinstance(value, Enum) else str(value) if isinstance(value, Path) else value


def joined(told: Any, typed: Sequence[str]) -> list[str]:
    """Overrides of an owner's plan: the aggregator's, where they are its to decide, and the owner's own.

    Raises:
        ConfigError: either wants to decide what is not its own.
    """
    if not isinstance(told, list) or not all(isinstance(word, str) for word in told):
        raise ConfigError("The aggregator has sent no settings that can be read.")
    for word in told:
        if not _may_decide(word):
            raise ConfigError(
                f"The aggregator wants to decide {word!r:.80}, which is an owner's own. Nothing was started."
            )
    for word in typed:
        if _group_of(word) not in OWN:
            raise ConfigError(
                f"{word}: the aggregator decides that for all owners. An owner types where its data and its copy of "
                f"the model are: task.train=mine.csv, model.path=FOLDER."
            )
    keys = {word.split("=", 1)[0] for word in typed}
    chosen = {"model", "task"} & keys  # another choice has other settings
    kept = [w for w in told if w.split("=", 1)[0] not in keys and _group_of(w) not in chosen]
    return [*kept, "tracker=none", "privacy=none", "engines=[eager]", *typed]


def _may_decide(word: str) -> bool:
    """Whether a setting is the aggregator's; never what is looked up on the owner's machine, as ``${oc.env:…}`` is."""
    key = word.split("=", 1)[0]
    group, _, name = key.partition(".")
    if "${" in word or group not in (*DECIDED, "seed", "task"):
        return False
    some = {"strategy": ("", "clients", "rounds", *LOCAL), "task": ("", "max_length")}
    return name in some.get(group, (name,))


def _group_of(word: str) -> str:
    return word.split("=", 1)[0].split(".", 1)[0]


def digest_of(parts: Iterable[tuple[str, bytes]]) -> str:
    """Over named bytes, in their order."""
    total = hashlib.sha256()
    for name, content in parts:
        total.update(f"{name} {len(content)} ".encode())
        total.update(content)
    return total.hexdigest()


def facts_of(objective: Any) -> dict[str, Any]:
    """What an objective says of itself, as JSON gives it back."""
    return json.loads(json.dumps(objective.artifact_facts(), default=str))


def what_leaves(numbers: int, size: int, sent_as: str) -> str:
    """In a sentence, for both terminals and the record."""
    form = "as they are" if sent_as == "none" else f"as {sent_as}"
    return (
        f"What leaves an owner's machine: in each round an update of {numbers:,} weights ({size / 1e6:.3g} MB, "
        f"{form}) and the mean loss of its steps; once, its name and the number of its examples. No text and no "
        f"label does. An update is no protection: texts can be rebuilt from one, the better the fewer examples it is "
        f"made of (arXiv 1906.08935)."
    )


def same_objective(mine: Mapping[str, Any], theirs: Any) -> bool:
    """Whether owner and aggregator learn the same."""
    return json.loads(json.dumps(dict(mine), default=str)) == theirs
