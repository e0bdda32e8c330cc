"""One line per run in a CSV file that all runs share.

What it does: appends the choices and the final figures of each run to ``file``, beside every run's own metrics.csv.
Use it when: you compare runs in a spreadsheet.
What it costs: nothing.
Composes with: everything; runs that end at the same time take turns.
Off switch: ``tracker=none``.
Reference: cells that a spreadsheet would execute are quoted (OWASP, CSV injection).

    accel tracker=csv tracker.file=outputs/runs.csv
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from accel.config.redact import redact
from accel.core.tracker import Tracker
from accel.report.cells import safe_cell
from accel.report.summary import summary


@dataclass(kw_only=True)
class Csv(Tracker):
    """A shared table of runs."""

    file: str = "outputs/runs.csv"
    """Created with its folder if it does not exist."""

    def told(self, folder: Path) -> str:
        return f"Tracker: a line in {Path(self.file).expanduser()} at the end"

    def finish(self, record: Mapping[str, Any], folder: Path, exit_code: int) -> None:
        from filelock import FileLock

        del exit_code
        target = Path(self.file).expanduser()
        target.parent.mkdir(parents=True, exist_ok=True)
        row = redact({"name": record["name"], "folder": str(folder), **_choices(record), **summary(record)})
        # The lock's file stays: whoever removes it lets two others hold it at once.
        with FileLock(target.with_name(f".{target.name}.lock")):
            append(target, {k: safe_cell(v) for k, v in row.items()})


def _choices(record: Mapping[str, Any]) -> dict[str, str]:
    return {k: "+".join(v) if isinstance(v, list) else str(v) for k, v in (record.get("choices") or {}).items()}


def append(target: Path, row: Mapping[str, str]) -> None:
    """Add a row, in place of one of the same folder, as a run that was resumed has left one.

    A column that the file does not have yet is added to every row before it.
    """
    rows: list[Mapping[str, str]] = []
    columns: list[str] = []
    if target.is_file():
        with target.open(newline="", encoding="utf8") as lines:
            reader = csv.DictReader(lines)
            rows, columns = list(reader), list(reader.fieldnames or [])
    columns += [name for name in row if name not in columns]
    rows = [earlier for earlier in rows if "folder" not in row or earlier.get("folder") != row["folder"]]
    temporary = target.with_name(f".{target.name}.tmp")
    with temporary.open("w", newline="", encoding="utf8") as file:
        writer = csv.DictWriter(file, columns, restval="")
        writer.writeheader()
        writer.writerows([*rows, row])
    temporary.replace(target)
