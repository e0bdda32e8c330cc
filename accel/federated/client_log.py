"""clients.csv: the figures of every client in every round, in the rows of metrics.csv."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from accel.report.metrics_file import HEADER, drop_after

FILE = "clients.csv"
NAMES = ("examples", "loss", "update_norm")


class ClientLog:
    """Appends a round at a time, as ``round, client 3/loss, value``.

    Args:
        folder: of the run.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE
        self.begun = False

    def write(self, number: int, clients: Iterable[Any], figures: Any) -> None:
        """The figures of a round's clients, in the order of ``NAMES``; what an earlier attempt at it left goes."""
        self._begin(number)
        with self.path.open("a", newline="", encoding="utf8") as file:
            csv.writer(file).writerows(
                (number, f"client {client}/{name}", float(value))
                for client, row in zip(clients, figures, strict=True)
                for name, value in zip(NAMES, row, strict=True)
            )

    def _begin(self, number: int) -> None:
        if self.begun:
            return
        self.begun = True
        if number and self.path.is_file():
            drop_after(self.path, number)
            return
        with self.path.open("w", newline="", encoding="utf8") as file:
            csv.writer(file).writerow(HEADER)
