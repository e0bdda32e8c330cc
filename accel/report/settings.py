"""The settings of runs as flat keys, as typed on the command line, and which of them tell runs apart."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from accel.config.redact import printable
from accel.config.renamed import current_word, rename_keys
from accel.core.groups import list_groups
from accel.report.record import CONFIG
from accel.report.records import PLACEMENT, Recorded, joined

PLACES = ("hydra", "sweep", "name", "group", "resume", "cache", "tracker")
"""Top-level keys that say where a run goes and who watches it, not what it is."""
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""Ten times as fast where PyYAML has it."""

Settings = dict[str, Any]


def flat(config: Mapping[str, Any], prefix: str = "") -> Settings:
    """``{"trainer": {"epochs": 3}}`` as ``{"trainer.epochs": 3}``; lists as one value, classes left out."""
    found: Settings = {}
    for key, value in config.items():
        if isinstance(value, Mapping):
            found |= flat(value, f"{prefix}{key}.")
        elif key != "_target_":
            found[f"{prefix}{key}"] = json.dumps(value) if isinstance(value, list | tuple) else value
    return found


def named(config: Mapping[str, Any], choices: Mapping[str, Any]) -> Settings:
    """A configuration as it would be typed: ``model=minilm``, ``trainer.epochs=3``; without where a run goes."""
    settings = {k: v for k, v in flat(config).items() if k.split(".")[0] not in PLACES}
    lists = {group: config.get(group) for group in list_groups()}
    listed = {group: joined(sorted(v)) for group, v in lists.items() if isinstance(v, list)}  # of earlier versions
    return settings | listed | {k: joined(v) for k, v in choices.items() if k not in PLACES}


def settings_of(run: Recorded) -> Settings:
    """A run's choices and settings, as its record states them.

    Of a run of an earlier version from its configuration; of one that stopped before it had one, what was typed.
    """
    if isinstance(stated := run.record.get("settings"), dict):
        return stated
    try:
        config = printable(yaml.load((run.folder / CONFIG).read_text("utf8"), LOADER))
    except (OSError, ValueError, yaml.YAMLError):
        config = None
    if not isinstance(config, dict):
        words = [current_word(word) for word in run.overrides if "=" in word and not word.startswith(PLACEMENT)]
        return dict(map(_split, words)) | named({}, run.choices)
    rename_keys(config)
    return named(config, run.choices)


def _split(word: str) -> tuple[str, str]:
    key, _, value = word.partition("=")
    return key.lstrip("+"), value


def differing(every: Sequence[Settings]) -> list[str]:
    """Keys in which runs differ, the choice of options first.

    A setting that merely comes with an option (``tuning.rank`` beside ``tuning=lora``) tells nothing that the option
    does not; it counts once two runs with the same option differ in it.
    """
    keys = list(dict.fromkeys(key for settings in every for key in settings))
    groups = [key for key in keys if "." not in key]
    return [
        key
        for key in [*groups, *(key for key in keys if "." in key)]
        if any(len(set(values)) > 1 for values in _by_option(every, key))
    ]


def _by_option(every: Sequence[Settings], key: str) -> Iterator[list[str]]:
    """The values of a key, apart for each option of its group; all together for a key without a group.

    Not to have a key is a value only where it belongs to no group. Elsewhere it says that the technique is not used, or
    that the run is of a version of accel which did not know the key.
    """
    apart: dict[str, list[str]] = {}
    group, _, rest = key.partition(".")
    for settings in every:
        if key in settings or not rest:
            option = str(settings.get(group, "")) if rest and group not in list_groups() else ""
            apart.setdefault(option, []).append(str(written(settings.get(key, ""))))
    yield from apart.values()


def written(value: Any) -> str | float | None:
    """A setting as a cell: numbers stay numbers."""
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    return value if isinstance(value, int | float) else _number(str(value))


def _number(text: str) -> str | float:
    try:
        return float(text)
    except ValueError:
        return text


def project_of(runs: Sequence[Recorded]) -> tuple[str | None, str | None]:
    """(W&B entity, project) that the first run with one was logged to."""
    for run in runs:
        try:
            found = yaml.load(Path(run.folder, CONFIG).read_text("utf8"), LOADER)["tracker"]
        except (OSError, ValueError, TypeError, KeyError, yaml.YAMLError):
            continue
        if isinstance(found, Mapping) and found.get("project"):
            return found.get("entity"), str(found["project"])
    return None, None
