"""What weights have seen: everything that a run starts from, learns from and trains on, however many runs ago.

Provenance is transitive. A run notes its own data, what the folders say that it starts from or learns from
(``model.path``, a teacher, a public start, the dense baseline: all of them carry a note of their own), the public texts
that chose its vocabulary or structure, and what a checkpoint had seen from which it goes on. The note is written into
the run's folder before the first step, so a run that is killed and goes on with another file has seen both; it ends in
``accel.json`` of the exported model. Weights that say nothing are noted as weights that say nothing. No torch.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from accel.config.build import build
from accel.config.compose import compose, options_of
from accel.core.meta import META
from accel.core.seen import Seen, noted, union
from accel.core.task import Task
from accel.data.content import Content, ContentQuery, content_of_file
from accel.data.content_store import ContentStore
from accel.errors import DataError, RefusedError, did_you_mean
from accel.weights.meta import read_meta

if TYPE_CHECKING:
    from accel.core.plan import Plan

NOTE = "provenance.json"


def seen_in(folder: Path) -> tuple[Seen, ...]:
    """What a model folder says of itself; one entry of unknown content where it says nothing.

    Raises:
        DataError: its note is damaged.
    """
    found = read_meta(folder).trained_on if (folder / META).is_file() else ()
    return found or (Seen(f"{folder.absolute().parent.name}/{folder.name}"),)


def inherited(plan: Plan) -> tuple[Seen, ...]:
    """What a plan's weights, tokenizer and structure have seen before and beside its own data."""
    folders = [seen_in(folder) for option in plan.options for _, folder in option.weights()]
    texts = [_of_text(name, key, plan) for option in plan.options for key, name in option.public_texts()]
    return union(*folders, texts)


def seen_by(plan: Plan, run: str = "") -> tuple[Seen, ...]:
    """The same and its own data.

    Args:
        run: of a private run, its name.
    """
    return union(inherited(plan), [Seen(plan.task.source(), _kept(plan.task, plan), run if plan.privacy else "")])


def _kept(task: Task, plan: Plan) -> str:
    store = ContentStore(plan.cache)
    secret = store.key()
    try:
        return store.keep(task.content(secret))
    except DataError:  # it was read before, so it has just gone: unknown
        return ""


def _of_text(name: str, key: str, plan: Plan) -> Seen:
    store = ContentStore(plan.cache)
    return Seen(Path(name).name, store.keep(content_of(name, key, store)))


def content_of(name: str, key: str, store: ContentStore) -> Content:
    """What a file or a packaged task consists of.

    Raises:
        DataError: it is neither, or cannot be read.
    """
    secret = store.key()
    if Path(name).expanduser().is_file():
        return content_of_file(ContentQuery.now(name, key), secret)
    task = packaged_task(name)
    if task is None:
        raise DataError(f"{key}={name} is neither a file nor a task. {did_you_mean(name, options_of('task'))}")
    return task.content(secret)


@cache
def packaged_task(name: str) -> Task | None:
    """The task of that name, if it has data of its own; None for one that needs a file."""
    if name not in options_of("task"):
        return None
    try:
        return build(compose([f"task={name}"]).task, Task, "task", name=name)
    except RefusedError:
        return None


def begin(plan: Plan, folder: Path, run: str, *, resumed: bool) -> tuple[Seen, ...]:
    """Note what a run is going to have seen, before its first step.

    Args:
        run: its name.
        resumed: whether an earlier process has trained in the folder.
    """
    earlier = read_note(folder)
    if earlier is None:
        earlier = (Seen(f"what {folder.name} saw before it went on"),) if resumed else ()
    entries = union(earlier, seen_by(plan, run))
    temporary = folder / f".{NOTE}.tmp"
    temporary.write_text(json.dumps(plain(entries), ensure_ascii=False, indent=1), "utf8")
    temporary.replace(folder / NOTE)
    return entries


def read_note(folder: Path) -> tuple[Seen, ...] | None:
    """What a run's folder says that the run has seen; None where it does not say."""
    try:
        return noted(json.loads((folder / NOTE).read_text("utf8")))
    except (OSError, ValueError, TypeError):
        return None


def spent(entries: Sequence[Seen], run: str, statement: Mapping[str, Any] | None) -> tuple[Seen, ...]:
    """The entries with what the run spent on those that are its own."""
    if statement is None or not statement.get("private"):
        return tuple(entries)
    cost = {name: statement.get(name) for name in ("epsilon", "delta", "unit")}
    return tuple(replace(e, **cost) if e.run == run else e for e in entries)


def plain(entries: Sequence[Seen]) -> list[dict[str, Any]]:
    """As JSON holds them."""
    return [asdict(entry) for entry in entries]


def public_tasks() -> Iterator[Task]:
    """Every task that brings its data."""
    found = (packaged_task(name) for name in reversed(options_of("task")))
    yield from (task for task in found if task is not None)
