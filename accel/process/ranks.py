"""The processes of a run, as the run sees them; a run of one process has nobody to agree with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol

from accel.errors import AccelError, ExitCode
from accel.process.rank_info import RankInfo


class Elsewhere(AccelError):
    """Another process of the run ended it, and has told why."""

    def __init__(self, code: int) -> None:
        super().__init__("")
        self.exit_code = ExitCode(code) if code in set(ExitCode) else ExitCode.FAILED


class Ranks(Protocol):
    """What the processes of a run ask of each other besides averaging gradients."""

    place: RankInfo

    def agree(self, name: str, value: str) -> str:
        """Rank 0's value, on all."""
        ...

    def least(self, name: str, value: float) -> float:
        """The smallest value of all machines, on all; the first process of each machine says its own."""
        ...

    def after_leader(self, step: str) -> AbstractContextManager[None]:
        """The first process of each machine goes first, the others find what it made."""
        ...

    def gather(self) -> None:
        """Go on when all have come."""
        ...

    def share(self, folder: Path) -> None:
        """Go on if every machine sees rank 0's folder."""
        ...

    def deliver(self, path: Path) -> None:
        """Rank 0's file, or folder of files, on every machine."""
        ...

    def failed(self, message: str) -> None:
        """Say why this process will not come to the end."""
        ...

    def first_failure(self) -> str | None:
        """What another process said before it failed."""
        ...

    def leave(self, code: ExitCode, *, together: bool) -> ExitCode:
        """End as rank 0 does, once it has finished; who ends for a reason of its own goes at once."""
        ...


class SingleProcess:
    """The only process of its run."""

    def __init__(self) -> None:
        self.place = RankInfo()

    def agree(self, name: str, value: str) -> str:
        del name
        return value

    def least(self, name: str, value: float) -> float:
        del name
        return value

    @contextmanager
    def after_leader(self, step: str) -> Iterator[None]:
        del step
        yield

    def gather(self) -> None:
        pass

    def share(self, folder: Path) -> None:
        del folder

    def deliver(self, path: Path) -> None:
        del path

    def failed(self, message: str) -> None:
        del message

    def first_failure(self) -> str | None:
        return None

    def leave(self, code: ExitCode, *, together: bool) -> ExitCode:
        del together
        return code
