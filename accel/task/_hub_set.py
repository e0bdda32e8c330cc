"""What the tasks have in common whose examples are one set of a benchmark on the hub, or a copy of it in a folder.

Tables in the hub's form are Parquet files of numbered labels, a folder for each set and files for each split. -1 is the
label that is kept secret. No package but ``huggingface_hub`` and a reader of Parquet is needed, and no code of the
benchmark is run.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from accel.core.metric import OF_CLASSES, OF_F1, OF_MATTHEWS, OF_SIMILARITY, Metric
from accel.core.option import Objection
from accel.core.task import Task
from accel.data import Dataset
from accel.data.content import Row
from accel.data.examples import Example, Tally, assemble, dataset_of, unique
from accel.data.read_table import read_table
from accel.data.spelling import mended
from accel.data.splits import Splits, drawn, three_splits
from accel.data.table import Table
from accel.errors import DataError, did_you_mean, nearest
from accel.task._text_file import objections_to_sizes
from accel.weights.hub import DATASET, HubFiles

if TYPE_CHECKING:
    from accel.core.objective import Objective
    from accel.core.plan import Plan

SECRET = -1
"""The label of an example whose true one the benchmark keeps to itself."""
FILES = ("{split}.parquet", "{split}-*.parquet", "{split}/*.parquet")
"""A split's files below its set's folder: as they are uploaded, and as the hub converts a set that was a script."""


@dataclass(frozen=True)
class Measure:
    """What a benchmark scores a set by."""

    metrics: tuple[Metric, ...]
    """The benchmark's own first."""
    objective: Callable[[], type[Objective]]
    """Its class, imported when it is asked for."""


def _classification() -> type[Objective]:
    from accel.objective.classification import Classification

    return Classification


def _matthews() -> type[Objective]:
    from accel.objective.official import Matthews

    return Matthews


def _f1() -> type[Objective]:
    from accel.objective.official import F1

    return F1


def _similarity() -> type[Objective]:
    from accel.objective.official import Similarity

    return Similarity


ACCURACY = Measure(OF_CLASSES, _classification)
MATTHEWS = Measure(OF_MATTHEWS, _matthews)
F1 = Measure(OF_F1, _f1)
CORRELATION = Measure(OF_SIMILARITY, _similarity)


@dataclass(frozen=True, kw_only=True)
class HubSet:
    """How one set of a benchmark stands on the hub."""

    texts: tuple[str, ...]
    """The columns that a model reads."""
    labels: tuple[str, ...] = ()
    """Names of the hub's numbers, from 0; none where the label is a number to predict."""
    by: Measure = ACCURACY
    scale: tuple[float, float] = (0.0, 1.0)
    """By what numbers are standardised: their mean and standard deviation, as their unit suggests them."""
    folder: str = ""
    """Where another set's name is that of the folder."""
    validation: str = "validation"
    test: str = "test"
    """What the files of the splits are called."""


@dataclass(kw_only=True)
class HubTask(Task):
    """Base of the tasks of one benchmark each."""

    repository: ClassVar[str]
    sets: ClassVar[Mapping[str, HubSet]]

    name: str
    """Of the set."""
    folder: str | None = None
    """A copy of the repository, or of the set's folder in it; the hub's cache, or the hub, when absent."""
    revision: str = "main"
    """Branch, tag or commit of the repository; pin a commit to repeat a run exactly."""
    max_length: int = 128
    """Tokens; longer texts are cut, and counted."""
    validation_fraction: float = 0.1
    """Of training, where the hub's validation split has to serve as the test split."""

    @property
    def chosen(self) -> HubSet:
        """The set.

        Raises:
            DataError: there is none of this name.
        """
        if self.name not in self.sets:
            raise DataError(f"{self.key}.name={self.name}: {did_you_mean(self.name, self.sets)}")
        return self.sets[self.name]

    def source(self) -> str:
        return f"{self.option_name()} {self.name}"

    def objections(self, plan: Plan) -> Iterator[Objection]:
        yield from objections_to_sizes(self)
        if self.name not in self.sets:
            near = nearest(self.name, self.sets) or list(self.sets)
            yield self.out_of_range("name", f"one of {', '.join(self.sets)}", near[0])
        elif plan.trainer.calibrate and not self.chosen.labels:
            yield Objection(
                f"trainer.calibrate=true  with  {self.key}.name={self.name}",
                "a number is no probability that could be calibrated",
                "trainer.calibrate=false",
            )

    def max_tokens(self) -> int:
        return self.max_length

    @property
    def gives_one_label(self) -> bool:
        return self.name not in self.sets or bool(self.chosen.labels)

    def predicts(self) -> type[Objective]:
        return self.chosen.by.objective()

    def metrics(self) -> tuple[Metric, ...]:
        return self.chosen.by.metrics if self.name in self.sets else super().metrics()

    def objective(self, dataset: Dataset) -> Objective:
        if self.chosen.labels:
            return super().objective(dataset)
        return self.predicts()((), *self.chosen.scale)  # type: ignore[call-arg]

    def rows(self) -> Iterator[Row]:
        parts = (self._read(split, Tally()) for split in ("train", self.chosen.validation, self.chosen.test))
        return (Row.of(*e.texts, label=e.label) for part in parts for e in part)

    def load(self, seed: int) -> Dataset:
        tally, source = Tally(), f"task={self.option_name()} task.name={self.name}"
        validation, test = (self._read(split, tally) for split in (self.chosen.validation, self.chosen.test))
        train, held_out = unique(self._read("train", tally), tally), [e for e in test if e.label]
        if held_out:
            tally.note([f"The hub's split {self.chosen.test} has labels: it is the test split"])
            validation = unique(validation, tally)
        else:
            tally.note(
                [f"The hub's split {self.chosen.test} has no labels: {self.chosen.validation} is the test split"]
            )
            held_out, validation = validation, []
        if not held_out or not train:
            raise DataError(f"{source}: no example with a label is in {'train' if held_out else 'the test split'}.")
        if self.chosen.labels:
            parts = self._drawn(three_splits, train, validation, held_out, seed, tally)
            return assemble(*parts, tally, source, self.chosen.labels)
        parts = self._drawn(drawn, train, validation, held_out, seed, tally)
        return dataset_of(parts, lambda e: float(e.label), [], tally)

    def _drawn(
        self,
        draw: Callable[..., Splits],
        train: Sequence[Example],
        validation: Sequence[Example],
        test: list[Example],
        seed: int,
        tally: Tally,
    ) -> Splits:
        """The test split is as the benchmark has it, repeated texts too: figures compare with those of others."""
        first, second, _ = draw(
            train, 0.0, self.validation_fraction, seed, validation=validation, test=test, tally=tally
        )
        return first, second, test

    def _read(self, split: str, tally: Tally) -> list[Example]:
        """A split's examples, those that may be learned or scored; of ``test`` those without a label too."""
        folder, key = self._folder(), f"task={self.option_name()} task.name={self.name}"
        found: list[Example] = []
        for file in _files(folder, split):
            columns = [*self.chosen.texts, "label"]
            found += self._examples(read_table(str(file), key, columns=columns), key)
        if split == self.chosen.test:
            return found
        known = [e for e in found if e.label]
        tally.drop(len(found) - len(known), f"no label in the hub's split {split}")
        return known

    def _examples(self, table: Table, key: str) -> list[Example]:
        columns = [table.column(name, f"{key}: the hub's column") for name in self.chosen.texts]
        labels = table.column("label", f"{key}: the hub's column")
        return [
            Example(tuple(map(_text, texts)), self._label(label, table.path, line), f"{table.path.name}, row {line}")
            for texts, label, line in zip(zip(*columns, strict=True), labels, table.lines, strict=True)
        ]

    def _label(self, label: Any, file: Path, line: int) -> str:
        """Its name, or the number to predict; empty where it is kept secret."""
        if label is None or label == SECRET or (isinstance(label, float) and math.isnan(label)):
            return ""
        if self.chosen.labels:
            return self._name(label, file, line)
        if not isinstance(label, int | float):
            raise DataError(f"{file}, row {line}: the label {label!r} is no number. Copy the file again.")
        return repr(float(label))

    def _name(self, label: Any, file: Path, line: int) -> str:
        names = self.chosen.labels
        if not isinstance(label, int) or not 0 <= label < len(names):
            raise DataError(
                f"{file}, row {line}: the label {label!r} is none of the {len(names)} that {self.name} has on the hub, "
                f"numbered from 0. Copy the file again, or read it with task=text_classification."
            )
        return names[label]

    def _folder(self) -> Path:
        """Where the set's files are, fetched if they are in no folder and not in the hub's cache."""
        instead = _copied(self.repository)
        below, needed = self.chosen.folder or self.name, ("train", self.chosen.validation)
        if self.folder is not None:
            top = Path(self.folder).expanduser()
            found = next((f for f in (top / below, top) if _holds(f, needed)), None)
            if found is None:
                raise DataError(
                    f"{self.key}.folder={self.folder} does not hold the set {below} as the hub has it: "
                    f"{below}/train-00000-of-00001.parquet and {below}/{self.chosen.validation}-… are looked for. Give "
                    f"a copy of the repository {self.repository}, or of its folder {below}."
                )
            return found
        files = HubFiles(
            self.repository, self.revision, [f"{below}/*.parquet", f"{below}/*/*.parquet"], DATASET,
            f"task={self.option_name()} task.name={self.name}: the data set ", "task.revision", instead,
        )  # fmt: skip
        cached = files.cached()
        if cached is not None and _holds(cached / below, needed):
            return cached / below
        fetched = files.download() / below
        if not _holds(fetched, needed):  # without a network the hub's client gives what another set left in the cache
            raise DataError(
                f"task={self.option_name()} task.name={self.name}: the data set {self.repository} is in the hub cache "
                f"without this set, and the rest cannot be downloaded. Connect to the network, or "
                f"{instead}."
            )
        return fetched


def _copied(repository: str) -> str:
    """How a set gets to a machine without network."""
    return (
        f"on a machine that has one type hf download {repository} --repo-type dataset --local-dir FOLDER, copy FOLDER "
        f"here, and give it as task.folder=FOLDER"
    )


def _files(folder: Path, split: str) -> list[Path]:
    return sorted(file for form in FILES for file in folder.glob(form.format(split=split)))


def _holds(folder: Path, splits: Sequence[str]) -> bool:
    return all(_files(folder, split) for split in splits)


def _text(cell: Any) -> str:
    """A cell as one text: a list of words is written with spaces."""
    if cell is None:
        return ""
    return mended(" ".join(map(str, cell)) if isinstance(cell, list) else str(cell))
