"""What has to stay the same when a run goes on: a checkpoint holds one model, and what was chosen for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from accel.errors import DataError, PlanError
from accel.plan import Plan, refusal
from accel.run import CONFIG

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


def _leaves(node: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(node, Mapping):
        for key, value in node.items():
            yield from _leaves(value, f"{path}.{key}" if path else str(key))
    else:
        yield path, node
