"""What has to stay the same when a run goes on: a checkpoint holds one model, and what was chosen for it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from accel.config.renamed import rename_keys
from accel.core.plan import Plan, digest
from accel.data.content_store import ContentStore
from accel.data.splits import DRAWN_BY
from accel.errors import DataError
from accel.report.record import CONFIG

if TYPE_CHECKING:
    from accel.core.task import Task
    from accel.data import Dataset

SPLITS, LEARNED = "splits.json", "learned.json"
MAY_CHANGE = (
    "name",
    "group",
    "resume",
    "cache",
    "engines",
    "tracker",
    "hydra",
    "strategy",
    "trainer.max_steps",
    "trainer.epochs",
    "trainer.checkpoint_every_steps",
    "trainer.accumulate",
    "trainer.activation_checkpointing",
    "trainer.compile",
)
"""Keys and groups of the configuration. Everything else decides what the weights become, so it stays as it was.

How many batches make a step stays the same too, however many processes share them, see ``require_same_data``.
"""


def config_of(folder: Path) -> dict[str, Any] | None:
    """The configuration that a run left in its folder; None where it was killed before it had written one."""
    import yaml

    try:
        found = yaml.safe_load((folder / CONFIG).read_text("utf8"))
    except (OSError, yaml.YAMLError):
        return None
    if not isinstance(found, dict):
        return None
    rename_keys(found)
    return found


def require_same_model(before: Mapping[str, Any], now: Mapping[str, Any], folder: Path) -> None:
    """Refuse to go on with other settings than the checkpoint was made with.

    Keys that only one of the two knows are of another version of accel, unless an option came or went with them.

    Args:
        before: the configuration in the run's folder.

    Raises:
        DataError: names every key that differs.
    """
    old, new = (dict(_kept(config)) for config in (before, now))
    options = [key for key in old.keys() ^ new.keys() if key.endswith("._target_")]
    changed = [key for key in new if key in old and new[key] != old[key] and not _is_place(key, new[key])]
    differ = [f"{key}={new[key]} (it was {old[key]})" for key in changed]
    differ += [f"{key.removesuffix('._target_')} {'is new' if key in new else 'is gone'}" for key in sorted(options)]
    if differ:
        raise DataError(
            f"resume={folder} would go on otherwise than it began: {'; '.join(differ)}. Give the "
            f"settings it began with, or start a new run without resume."
        )


def _kept(config: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for key, value in _leaves(config):
        if not any(key == name or key.startswith(f"{name}.") for name in MAY_CHANGE):
            yield key, value


def _is_place(key: str, value: Any) -> bool:
    """Files may be moved: their content is compared once it is read."""
    return key.startswith("task.") and isinstance(value, str) and Path(value).expanduser().is_file()


def way_on(folder: Path) -> str:
    """What to do after an end that is nobody's mistake."""
    if any((folder / "checkpoints").glob("last.ckpt*")):
        return f"Nothing before the last checkpoint is lost: go on with the same command plus resume={folder}"
    return "There is no checkpoint yet: start it again with the same command."


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


def note_data(plan: Plan, dataset: Dataset, folder: Path) -> None:
    """Write down what a run learns from, and how much of it in a step."""
    (folder / LEARNED).write_text(json.dumps(_learned(plan, dataset)), "utf8")


def require_same_data(plan: Plan, dataset: Dataset, folder: Path) -> None:
    """Refuse to go on with other examples or labels, or with steps of another size.

    Raises:
        DataError: names what differs.
    """
    try:
        before = json.loads((folder / LEARNED).read_text("utf8"))
        data, batches = before["data"], before["batches of a step"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"resume={folder}: nothing there says which data the run began with ({LEARNED}). Start a new run without "
            f"resume."
        ) from error
    now = _learned(plan, dataset)
    if now["data"] != data:
        raise DataError(
            f"resume={folder} would go on with other data than it began with: rows, labels or splits differ"
            f"{', or its cache was replaced' if plan.privacy is not None else ''}. Give the data it began with, or "
            f"start a new run without resume."
        )
    if now["batches of a step"] != batches:
        raise DataError(
            f"resume={folder} would go on with steps of {now['batches of a step']} batches, they were of {batches}: "
            f"trainer.accumulate times the processes that share a step. Give as many processes and as much "
            f"accumulation that it is {batches} again, such as strategy=single trainer.accumulate={batches}."
        )


def _learned(plan: Plan, dataset: Dataset) -> dict[str, Any]:
    """A digest of private data has a key that stays in the cache: without it, whoever guesses the data could check."""
    key = ContentStore(plan.cache).key().hex() if plan.privacy is not None else ""
    batches = plan.strategy.num_shares() * plan.trainer.accumulate
    return {"data": digest([key, dataset.fingerprint]), "batches of a step": batches}


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
    return found if set(found.values()) == {"a file"} else {**found, "drawn by": _drawn_by(settings)}


def _drawn_by(settings: Mapping[str, Any]) -> str:
    column = settings.get("split_by")
    return f"column {column}" if column else DRAWN_BY


def _leaves(node: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(node, Mapping):
        for key, value in node.items():
            yield from _leaves(value, f"{path}.{key}" if path else str(key))
    else:
        yield path, node
