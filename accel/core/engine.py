"""What a finished model runs on: an option that knows an engine, and a model that the engine has made ready to run."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from accel.core.option import Objection, Option, typed

if TYPE_CHECKING:
    import numpy as np
    from torch import nn

    from accel.core.plan import Plan
    from accel.data.prepared import Prepared
    from accel.export.export import Export

Inputs = Mapping[str, "np.ndarray"]
"""``input_ids``, ``attention_mask`` and whatever else the model is given, int64 [batch, tokens]."""


class EngineUnavailableError(Exception):
    """This machine cannot run the engine; the message says why. A reason to skip it, not to fail."""


class Runner(ABC):
    """A model made ready to run; every one takes the same numpy inputs and gives the same numpy logits.

    Args:
        dtype: what its matrix products compute in: float32, bfloat16 or int8.
        size_bytes: what must be shipped to run it.
    """

    device: ClassVar[str] = "cpu"
    """What it keeps busy."""

    def __init__(self, dtype: str, size_bytes: int) -> None:
        self.dtype = dtype
        self.size_bytes = size_bytes

    @abstractmethod
    def run(self, inputs: Inputs) -> np.ndarray:
        """Logits, float32 [batch, labels]."""

    def prepare(self, inputs: Inputs) -> None:
        """Do now what the first call with this shape would do: compile, allocate, pre-pack.

        Raises:
            EngineUnavailableError: it cannot run here.
        """
        for _ in range(2):
            self.run(inputs)

    def close(self) -> None:
        """Give back what it holds."""


class FileRunner(Runner):
    """Runs an exported file, and needs no model; nor does who writes ``imports`` and ``answer``.

    Raises:
        EngineUnavailableError: its runtime is not installed, or cannot read the file.
    """

    imports: ClassVar[str]
    """Python that imports its runtime and numpy."""
    answer: ClassVar[str]
    """Python that makes ``logits`` of a file's ``path`` and ``inputs``, arrays by name: it takes those of the file."""

    def __init__(self, path: Path, dtype: str, size_bytes: int, num_threads: int) -> None:
        super().__init__(dtype, size_bytes)
        self.path = path
        self.num_threads = num_threads


@dataclass(kw_only=True)
class Engine(Option):
    """Base of every option of the group ``engines``; each setting has a default."""

    group: ClassVar[str] = "engines"
    several: ClassVar[bool] = True
    required: ClassVar[bool] = False
    """Whether a plan with it is refused where it cannot run; else the others are measured, if there are any: see
    ``accel/plan/inputs.py``, which looks at the machine that runs the plan."""
    multiplies_int8: ClassVar[bool] = True
    """Whether it can tell what a layer costs that is left in full precision in a model of int8 layers."""
    ready_s: ClassVar[float] = 30.0
    """About how long it takes to write, load and time one model, where that was never seen: for a run that has to end
    in time."""
    packages: ClassVar[tuple[str, ...]] = ()
    """Whose versions decide how fast it is, beside torch."""

    def lacks(self) -> str | None:
        """Why it cannot run on this machine, as far as that is known without torch; None where nothing is missing."""
        return None

    def remedy(self) -> str:
        """What to do where it cannot run."""
        return "leave it out, or choose another one, e.g. engines=[eager]"

    def objections(self, plan: Plan) -> Iterator[Objection]:
        del plan
        lack = self.lacks() if self.required else None
        if lack is not None:
            yield Objection(typed(self), lack, self.remedy())

    @abstractmethod
    def candidates(self, model: nn.Module, folder: Path) -> Mapping[str, Callable[[], Runner]]:
        """The model in every form that is to be measured, by what its products compute in.

        Args:
            folder: where it was exported.
        """

    def export(self, model: nn.Module, folder: Path, data: Prepared | None) -> list[Export]:
        """Write what a run ships for it, each file compared with the model, and scored if there is data.

        Raises:
            UnsupportedError: the architecture has no such form, or it cannot be made here.
            ExportError: a file is not the model; it is renamed.
        """
        del model, folder, data
        return []

    def write(self, model: nn.Module, folder: Path) -> None:
        """Write the model's fastest form; nothing is compared, as it is only timed.

        Raises:
            UnsupportedError: it cannot be made of this architecture, or here.
        """

    @property
    def has_files(self) -> bool:
        """Whether a run ships files for it."""
        return type(self).export is not Engine.export

    def has_dense(self, model: nn.Module, folder: Path) -> bool:
        """Whether a folder holds all that ``write_dense`` writes."""
        del model, folder
        return True

    def write_dense(self, model: nn.Module, folder: Path) -> None:
        """Write the dense model as every file that a user could take instead.

        Raises:
            UnsupportedError: it cannot be made of this architecture, or here.
        """
