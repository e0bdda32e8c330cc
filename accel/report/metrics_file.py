"""Reading and cutting metrics.csv; no torch."""

from __future__ import annotations

import csv
from pathlib import Path

HEADER = ("step", "name", "value")


def read_metrics(path: Path) -> dict[str, list[tuple[int, float]]]:
    """(step, value) pairs by name, in the order of steps; a last line that was cut short is left out."""
    found: dict[str, list[tuple[int, float]]] = {}
    if not path.is_file():
        return found
    with path.open(newline="", encoding="utf8") as lines:
        for row in csv.reader(lines):
            if len(row) == len(HEADER) and row[0] != HEADER[0]:
                try:
                    found.setdefault(row[1], []).append((int(row[0]), float(row[2])))
                except ValueError:
                    continue
    return found


def drop_after(path: Path, step: int) -> None:
    """Remove what was logged after a step, which a resumed run will log again."""
    with path.open(newline="", encoding="utf8") as lines:
        rows = [row for row in csv.reader(lines) if len(row) == len(HEADER)]
    kept = [row for row in rows if row[0] == HEADER[0] or int(row[0]) < step]
    temporary = path.with_suffix(".tmp")
    with temporary.open("w", newline="", encoding="utf8") as file:
        csv.writer(file).writerows(kept)
    temporary.replace(path)
