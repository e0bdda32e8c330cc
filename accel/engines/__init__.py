"""What a model runs on. Every engine takes the same numpy inputs and gives the same numpy logits."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import numpy as np

Inputs = Mapping[str, np.ndarray]
"""``input_ids``, ``attention_mask`` and whatever else the model is given, int64 [batch, tokens]."""


class EngineUnavailableError(Exception):
    """This machine cannot run the engine; the message says why. A reason to skip it, not to fail."""


class Engine(ABC):
    """A model made ready to run.

    Args:
        dtype: what its matrix products compute in: float32, bfloat16 or int8.
        size_bytes: what must be shipped to run it.
    """

    name: ClassVar[str]

    def __init__(self, dtype: str, size_bytes: int) -> None:
        self.dtype = dtype
        self.size_bytes = size_bytes

    @property
    def label(self) -> str:
        """``inductor int8``."""
        return f"{self.name} {self.dtype}"

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


class FileEngine(Engine):
    """An engine that runs an exported file, and needs no model; nor does who writes ``imports`` and ``answer``.

    Raises:
        EngineUnavailableError: it is not installed, or cannot read the file.
    """

    imports: ClassVar[str]
    """Python that imports its runtime and numpy."""
    answer: ClassVar[str]
    """Python that makes ``logits`` of a file's ``path`` and ``inputs``, arrays by name: it takes those of the file."""

    def __init__(self, path: Path, dtype: str, size_bytes: int, num_threads: int) -> None:
        super().__init__(dtype, size_bytes)
        self.path = path
        self.num_threads = num_threads
