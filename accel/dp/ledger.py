"""What has been spent, written before it is spent: a run that is killed and resumed never counts a step too few."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

from accel.dp.mechanism import Mechanism
from accel.errors import DataError, RunError

LEDGER, AUDIT = "privacy_ledger.jsonl", "privacy_audit.json"


class Ledger:
    """An append-only file with one line for each step, synced before the step begins.

    A line that a crash cut off still counts. The ledger is not part of a checkpoint, so going back to an older
    checkpoint does not take back what was spent since.
    """

    def __init__(self, file: Path | None, mechanism: Mechanism, charged: int = 0) -> None:
        self.file = file  # None counts in memory: for a process that does not write
        self.mechanism = mechanism
        self.charged = charged

    @classmethod
    def open(cls, folder: Path | None, mechanism: Mechanism, *, resumed: bool, writes: bool = True) -> Ledger:
        """A new ledger, or the one of the run that is resumed.

        Args:
            folder: the run's; without one, steps are counted in memory.
            writes: False in all processes but one.

        Raises:
            DataError: the run to resume has no ledger, or another mechanism.
        """
        file = folder / LEDGER if folder else None
        if not resumed:
            if file is not None and writes:
                file.parent.mkdir(parents=True, exist_ok=True)
                _append(file, json.dumps(asdict(mechanism)), new=True)
            return cls(file if writes else None, mechanism)
        if file is None or not file.is_file():
            raise DataError(
                f"{folder}: the run to resume has no {LEDGER}, so nobody knows what it has spent. A private run "
                f"without its ledger cannot go on; start a new one."
            )
        ledger = cls.read(file)
        if ledger.mechanism != mechanism:
            changed = [k for k, v in asdict(mechanism).items() if v != asdict(ledger.mechanism)[k]]
            raise DataError(
                f"{file}: the run was started with another mechanism ({', '.join(changed)} differ). Resume it with the "
                f"same command."
            )
        return cls(file if writes else None, mechanism, ledger.charged)

    @classmethod
    def read(cls, file: Path) -> Ledger:
        """The ledger as it stands.

        Raises:
            DataError: its first line is damaged.
        """
        head, *lines = file.read_text("utf8").split("\n")
        try:
            mechanism = Mechanism(**json.loads(head))
        except (ValueError, TypeError) as error:
            raise DataError(f"{file}: the first line is damaged ({error}), so what was spent is unknown.") from None
        return cls(file, mechanism, charged=sum(bool(line) for line in lines))

    @property
    def exhausted(self) -> bool:
        """Whether another step would spend more than the run may."""
        return self.charged >= self.mechanism.steps

    def charge(self) -> None:
        """Write the next step down before it is taken.

        Raises:
            RunError: the budget is spent.
        """
        if self.exhausted:
            raise RunError(f"privacy: all {self.mechanism.steps} steps of the budget are spent.")
        self.charged += 1
        if self.file is not None:
            _append(self.file, json.dumps({"step": self.charged}))

    def statement(self) -> dict[str, Any]:
        """What the record says of the guarantee."""
        from accel.dp.statement import statement

        return statement(self.mechanism, self.charged)


def _append(file: Path, line: str, *, new: bool = False) -> None:
    with file.open("w" if new else "a", encoding="utf8") as stream:
        stream.write(line + "\n")
        stream.flush()
        os.fsync(stream.fileno())
