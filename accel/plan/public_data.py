"""What a private run may take for public, and why not: decided by content before any cost."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from accel.config.compose import options_of
from accel.core.option import Objection, Option, typed
from accel.core.seen import Seen, in_words
from accel.data.content import Content
from accel.data.content_store import ContentStore
from accel.errors import DataError
from accel.weights.meta import artifact_folder
from accel.weights.provenance import (
    content_of,
    inherited,
    packaged_task,
    public_tasks,
    read_note,
    seen_in,
)

if TYPE_CHECKING:
    from accel.core.plan import Plan
    from accel.core.privacy import Privacy

_NEEDS_NO_QUOTE = re.compile(r"[\w./~+@%-]+", re.ASCII)


@dataclass(frozen=True)
class PublicData:
    """What the user says is public, held against the private data.

    Weights, teachers and texts reach a private run from outside of its guarantee, so all they depend on must be public.
    Each model folder lists everything that its weights have seen (``accel/weights/provenance.py``), and each entry is
    judged:

    * one that shares records with the private data is refused, whatever is said of it, also if it was used privately:
      the epsilons of runs on the same records add up, and this run's counts its own only;
    * any other must be said to be public in ``privacy.public_data``: by the name of a packaged task or the path of a
      file, whose content must hold all rows of the entry, or by the path of the model's folder, which is the user's
      word for everything that the folder lists;
    * what is unknown (a folder without a note, one of an older version of accel, one from another machine) is not
      public until its folder is named.

    Nothing is decided by names of files. A copy, a link, another order, other columns or a part of the private file is
    the private file: one long text in common is enough, or one in twenty of the short ones. What is not found: texts
    that were rewritten, and weights whose note was changed by hand.
    """

    plan: Plan
    privacy: Privacy

    def objections(self) -> Iterator[Objection]:
        """To every weight, teacher, text and task that is not known to be public."""
        yield from self._to_what_is_said()
        yield from self._to_public_task()
        for option in self.plan.options:
            for key, name in option.public_texts():
                yield from self._to_text(key, name)
        needed = [entry for option in self.plan.options for entry in self._needed(option)]
        for option in self.plan.options:
            for key, folder in option.weights():
                yield from self._to_weights(option, key, folder, needed)

    def objections_to_resume(self, folder: Path) -> Iterator[Objection]:
        """To going on in a folder whose weights have seen anything but this run's data and public data."""
        entries = read_note(folder)
        before = set(inherited(self.plan))
        other = [e for e in entries or () if e not in before and not self._is_own(e) and not self._is_public(e)]
        if entries is None or other:
            what = f"began with other data ({in_words(other)})" if other else "do not say which records they have seen"
            yield Objection(
                f"resume={folder}  with  {typed(self.privacy)}",
                f"the weights in that folder {what}, which this run's epsilon does not count",
                "the data that it began with, or a new run without resume",
            )

    @cached_property
    def _store(self) -> ContentStore:
        return ContentStore(self.plan.cache)

    @cached_property
    def _private(self) -> Content | None:
        """None where it cannot be read: the run will say so when it reads it, before it reads anything else."""
        try:
            return self.plan.task.content(self._store.key())
        except DataError:
            return None

    @cached_property
    def _public(self) -> list[Content]:
        """Of everything that is said to be public by its content."""
        declared, task = self.privacy.public_data, self.privacy.public_task
        named = [name for name in declared if not Path(name).expanduser().is_dir() or self._is_task(name)]
        return [found for name in [*named, *filter(None, [task])] if (found := self._content(name))]

    @cached_property
    def _folders(self) -> set[Path]:
        paths = (artifact_folder(name) for name in self.privacy.public_data if not self._is_task(name))
        return {path.resolve() for path in paths if path.is_dir()}

    @staticmethod
    def _is_task(name: str) -> bool:
        return name in options_of("task")

    def _content(self, name: str) -> Content | None:
        try:
            return content_of(name, f"{self.privacy.key}.public_data", self._store)
        except DataError:
            return None

    def _known(self, entry: Seen) -> Content | None:
        """What an entry stands for; a packaged task is known by its name too."""
        found = self._store.find(entry.fingerprint)
        if found is not None:
            return found
        task = packaged_task(entry.name)
        try:
            return task.content(self._store.key()) if task is not None else None
        except DataError:
            return None

    def _is_private(self, entry: Seen) -> bool:
        return self._shares(self._known(entry))

    def _is_public(self, entry: Seen) -> bool:
        found = self._known(entry)
        return found is not None and any(found.within(public) for public in self._public)

    def _is_own(self, entry: Seen) -> bool:
        found = self._known(entry)
        return found is not None and self._private is not None and found.within(self._private)

    def _unsaid(self, folder: Path) -> list[Seen]:
        """What of a folder nobody said to be public."""
        if folder.resolve() in self._folders or not folder.is_dir():
            return []
        return [entry for entry in seen_in(folder) if not self._is_public(entry)]

    def _needed(self, option: Option) -> Iterator[str]:
        """What would have to be said of an option's weights."""
        for _, folder in option.weights():
            unsaid = self._unsaid(folder)
            if any(self._is_private(entry) for entry in unsaid):
                continue
            known = all(packaged_task(entry.name) and self._known(entry) for entry in unsaid)
            yield from [entry.name for entry in unsaid] if known else [str(folder.resolve())]

    def _to_weights(self, option: Option, key: str, folder: Path, needed: list[str]) -> Iterator[Objection]:
        if not folder.is_dir():
            return  # which others say
        same = [entry for entry in seen_in(folder) if self._is_private(entry)]
        unsaid = self._unsaid(folder)
        what = f"{key}={folder}  with  {typed(self.privacy)}"
        if same:
            yield Objection(
                what,
                f"that model was trained on the same data ({in_words(same)}) in another run, which this run's epsilon "
                f"does not count: epsilons of runs on the same records add up",
                option.instead_of_weights,
            )
        elif unsaid:
            yield Objection(
                what,
                f"that model was trained on data that is not declared public ({in_words(unsaid)}), and its weights "
                f"may leak it",
                f"{self._saying(needed)} if everybody may know it, or {option.instead_of_weights}",
            )

    def _saying(self, needed: list[str]) -> str:
        words = dict.fromkeys([*self.privacy.public_data, *needed])
        return f"{self.privacy.key}.public_data=[{','.join(map(_quoted, words))}]"

    def _to_what_is_said(self) -> Iterator[Objection]:
        for name in self.privacy.public_data:
            if not self._is_task(name) and not Path(name).expanduser().exists():
                yield Objection(
                    f"{self.privacy.key}.public_data=[{name}]",
                    f"{name} is no task, no file and no folder, and data is known by its content",
                    f"{self.privacy.key}.public_data=[tweets], or the path of a file, or of a model's folder",
                )

    def _to_public_task(self) -> Iterator[Objection]:
        name = self.privacy.public_task
        if name is None:
            return
        what = f"{self.privacy.key}.public_task={name}"
        if packaged_task(name) is None:
            known = ", ".join(task.option_name() for task in public_tasks())
            yield Objection(what, f"public_task must be one of {known}", f"{self.privacy.key}.public_task=tweets")
        elif name == self.plan.task.option_name():
            yield Objection(what, "public_task must be another task than the private one", self._without_public_task)
        elif self._shares(self._content(name)):
            yield Objection(what, "texts of it are in the private data", self._without_public_task)

    @property
    def _without_public_task(self) -> str:
        return f"{self.privacy.key}.public_task=null, or a task with other data"

    def _shares(self, content: Content | None) -> bool:
        return self._private is not None and content is not None and self._private.shares(content)

    def _to_text(self, key: str, name: str) -> Iterator[Objection]:
        try:
            content = content_of(name, key, self._store)
        except DataError as error:
            yield Objection(f"{key}={name}", str(error), f"{key}={self._another_text()}")
            return
        if self._shares(content):
            yield Objection(
                f"{key}={name}  with  {typed(self.privacy)}",
                "texts of it are in the private data, so what is chosen by it would leak them",
                f"{key}={self._another_text()}, or a file without them",
            )

    def _another_text(self) -> str:
        """A packaged task that shares nothing with the private one."""
        names = (t.option_name() for t in public_tasks() if not self._shares(self._content(t.option_name())))
        return next(names, "FILE")


def _quoted(word: str) -> str:
    """As Hydra reads it in a list."""
    return word if _NEEDS_NO_QUOTE.fullmatch(word) else "'" + word.replace("\\", "\\\\").replace("'", "\\'") + "'"
