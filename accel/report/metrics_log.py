"""metrics.csv: every logged value by step, one row each, appended as it comes."""

from __future__ import annotations

import csv
from collections import defaultdict
from pathlib import Path
from typing import IO, Any

from pytorch_lightning.loggers import Logger
from pytorch_lightning.utilities.rank_zero import rank_zero_only

from accel.report.metrics_file import HEADER, drop_after, read_metrics


class MetricsLog(Logger):
    """Keeps what is logged, for the techniques' evidence and, with a path, in a file; rank 0 alone writes."""

    def __init__(self, path: Path | None, resume_step: int | None = None) -> None:
        super().__init__()
        self.path = path
        self.values: dict[str, list[float]] = defaultdict(list)
        self.file: IO[str] | None = None
        if path is not None and resume_step is not None and path.is_file():
            drop_after(path, resume_step)
            for name, points in read_metrics(path).items():
                self.values[name] = [value for _, value in points]

    @property
    def name(self) -> str:
        return "metrics"

    @property
    def version(self) -> int:
        return 0

    def log_hyperparams(self, *args: Any, **kwargs: Any) -> None:
        """Nothing: config.yaml has them."""

    @rank_zero_only
    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:  # type: ignore[override]
        rows = [(step or 0, name, float(value)) for name, value in metrics.items() if name != "epoch"]
        for _, name, value in rows:
            self.values[name].append(value)
        writer = self._writer()
        if writer is not None:
            writer.writerows(rows)
            assert self.file is not None
            self.file.flush()

    def _writer(self) -> Any:
        if self.path is None:
            return None
        if self.file is None:
            fresh = not self.path.is_file()
            self.file = self.path.open("a", newline="", encoding="utf8")
            if fresh:
                csv.writer(self.file).writerow(HEADER)
        return csv.writer(self.file)

    def history(self) -> dict[str, list[float]]:
        """Every logged value by name, in the order of steps."""
        return dict(self.values)

    def finalize(self, status: str) -> None:
        del status
        if self.file is not None:
            self.file.close()
            self.file = None
