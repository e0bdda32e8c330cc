"""What a plan needs and its machine may lack: files, packages, a GPU. Looked at before torch is imported.

A run does it before any cost, and ``accel check`` does nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from accel.core.hardware import may_have_gpu
from accel.core.option import typed
from accel.core.plan import Plan
from accel.data import Dataset
from accel.data.public_text import public_texts
from accel.errors import ConfigError, DataError
from accel.weights.pretrained import check_folder

Load = Callable[[Plan], Dataset]


@dataclass(frozen=True)
class Inputs:
    """The examples of a plan, and what its reader should know of them."""

    dataset: Dataset
    notes: list[str]

    def sizes(self) -> dict[str, int]:
        """Examples, by split."""
        splits = {name: getattr(self.dataset, name) for name in ("train", "validation", "test")}
        return {name: len(split) for name, split in splits.items()}

    def lines(self) -> Iterator[str]:
        """As the terminal shows them."""
        labels = f"; labels {self.dataset.label_names}" if self.dataset.label_names else ""
        yield f"Data: {', '.join(f'{n} {name}' for name, n in self.sizes().items())}{labels}"
        yield from (f"  {note}" for note in self.notes)


def load(plan: Plan) -> Dataset:
    """The examples, as a run splits them."""
    return plan.task.load(plan.seed)


def read_inputs(plan: Plan, load: Load = load) -> Inputs:
    """Read the examples and compare the plan with them.

    Raises:
        DataError: they cannot be read or learned from, or are too few.
    """
    dataset = load(plan)
    stated = plan.privacy.check_records(dataset, plan) if plan.privacy else ()
    found = Inputs(dataset, [*dataset.notes, *stated])
    _check_batch(plan, len(dataset.train))
    return found


def _check_batch(plan: Plan, num_train: int) -> None:
    size = plan.trainer.batch_size
    shares, accumulate = plan.strategy.num_shares(), plan.trainer.accumulate
    needed = (size or 1) * shares * accumulate
    if num_train < needed:
        raise DataError(
            f"trainer.batch_size={size} on {shares} process(es) with trainer.accumulate={accumulate} needs "
            f"{needed} training examples, and there are {num_train}. "
            f"Use trainer.batch_size={max(1, num_train // 4)}, or add examples."
        )


def check_files(plan: Plan) -> None:
    """Look at what stands beside the task's own files: model folders, teachers, public texts.

    Raises:
        RefusedError: names the key, the reason and the remedy.
    """
    plan.model.check()
    for option in plan.options:
        folders: list[tuple[str, Path]] = [] if option is plan.model else option.weights()
        for key, folder in folders:
            check_folder(folder, key)
        for key, name in option.public_texts():
            public_texts(name, key, limit=1)


def check_devices(plan: Plan) -> list[str]:
    """Look for what the plan must run on.

    Returns:
        Of each engine that will be left out: why.

    Raises:
        ConfigError: there is no GPU for a technique, or no engine is left.
    """
    for technique in plan.techniques:
        if technique.needs_gpu and not may_have_gpu():
            raise ConfigError(f"{technique.needs_gpu}, and this machine has none.")
    absent = {typed(engine): (why, engine.remedy()) for engine in plan.engines if (why := engine.lacks())}
    if len(absent) == len(plan.engines):
        reasons = "; ".join(f"{name}: {why}: {remedy}" for name, (why, remedy) in absent.items())
        raise ConfigError(f"No engine of the run can be used here. {reasons}. Or use engines=[eager].")
    return [f"{name} will be left out: {why}: {remedy}" for name, (why, remedy) in absent.items()]


def look(plan: Plan, load: Load = load, *, here: bool = True) -> list[str]:
    """Everything that a run refuses before it imports torch.

    Args:
        load: gives the examples, where many plans have the same.
        here: whether this machine is the one that runs it; otherwise its devices do not matter.

    Returns:
        What was found, in lines.

    Raises:
        RefusedError: names the key or the file, the reason and the remedy.
    """
    absent = plan.model.to_download()
    if not absent:
        check_files(plan)
    lines = list(read_inputs(plan, load).lines())
    if plan.tracker is not None:
        plan.tracker.check()
    return [*lines, *([absent] if absent else []), *(check_devices(plan) if here else [])]
