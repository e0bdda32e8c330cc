"""What has to stay the same when a run goes on: a checkpoint holds one model, and what was chosen for it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from accel.core.plan import Plan
from accel.data.examples import DRAWN_BY
from accel.errors import DataError, PlanError
from accel.plan.decide import refusal

if TYPE_CHECKING:
    from accel.core.task import Task

CONFIG, SPLITS = "config.yaml", "splits.json"
FIXED = ("seed", "model", "tuning", "compression", "privacy")
"""Keys and groups of the configuration. Steps, processes, engines and trackers may change."""


def config_of(folder: Path) -> dict[str, Any] | None:
    """The configuration that a run left in its folder; None where it was killed before it had written one."""
    import yaml

    try:
        found = yaml.safe_load((folder / CONFIG).read_text("utf8"))
    except (OSError, yaml.YAMLError):
        return None
    return found if isinstance(found, dict) else None


def require_same_model(before: Mapping[str, Any], now: Mapping[str, Any], folder: Path) -> None:
    """Refuse to go on with other settings than the checkpoint was made with.

    Keys that only one of the two knows are of another version of accel, unless an option came or went with them.

    Args:
        before: the configuration in the run's folder.

    Raises:
        DataError: names every key that differs.
    """
    old, new = (dict(_leaves({key: config.get(key) for key in FIXED})) for config in (before, now))
    options = [key for key in old.keys() ^ new.keys() if key.endswith("._target_")]
    differ = [f"{key}={new[key]} (it was {old[key]})" for key in new if key in old and new[key] != old[key]]
    differ += [f"{key.removesuffix('._target_')} {'is new' if key in new else 'is gone'}" for key in sorted(options)]
    if differ:
        raise DataError(
            f"resume={folder} would go on with another model than it began with: {'; '.join(differ)}. Give the "
            f"settings it began with, or start a new run without resume."
        )


def check_resumed(plan: Plan, folder: Path) -> None:
    """Refuse to go on privately from weights that have seen what this run's guarantee does not cover.

    Raises:
        PlanError: names it.
    """
    objections = list(plan.privacy.objections_to_resume(plan, folder)) if plan.privacy is not None else []
    if objections:
        raise PlanError(refusal(objections))


def note_splits(task: Task, folder: Path) -> None:
    """Write down how the splits of a run come about; nothing of what is in them."""
    (folder / SPLITS).write_text(json.dumps(_splits(task)), "utf8")


def require_same_splits(task: Task, folder: Path, what: str) -> None:
    """Refuse a run's folder if the splits would come out otherwise now: what it was tested on may be trained on.

    Args:
        what: was asked for, for the message.

    Raises:
        DataError: settings of the splits differ, or an earlier version of accel drew them by a shuffle.
    """
    now, before = _splits(task), _splits_noted(folder)
    differ = [f"{key}: {value}, it was {before[key]}" for key, value in now.items() if before.get(key, value) != value]
    if differ:
        raise DataError(
            f"{what}: its splits would come out otherwise now ({'; '.join(differ)}), so rows that it was trained on "
            f"would be tested on. Give the settings it began with; if an earlier accel drew them, start a new run "
            f"without resume."
        )


def _splits_noted(folder: Path) -> dict[str, Any]:
    try:
        return json.loads((folder / SPLITS).read_text("utf8"))
    except (OSError, ValueError):
        return {"drawn by": "a shuffle"}  # as it was before runs noted it


def _splits(task: Task) -> dict[str, Any]:
    settings = task.settings()
    found = {
        name: "a file" if settings.get(name) else settings.get(f"{name}_fraction", "the task's own")
        for name in ("validation", "test")
    }
    return found if set(found.values()) == {"a file"} else {**found, "drawn by": DRAWN_BY}


def _leaves(node: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(node, Mapping):
        for key, value in node.items():
            yield from _leaves(value, f"{path}.{key}" if path else str(key))
    else:
        yield path, node
