"""What benchmarks found: one JSON that every run of them adds to, and one table.

A benchmark's figures take the place of older ones of the same machine, and stand beside those of other machines.
"""

import json
import statistics
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Figure:
    """One measured number."""

    machine: str
    benchmark: str
    name: str
    value: float
    unit: str
    low: float | None = None
    """Of its 90 % interval, as ``high``."""
    high: float | None = None
    rounds: int = 1
    roof: float | None = None
    """The best that this machine, or arithmetic, allows, in the same unit."""

    @property
    def key(self):
        return self.machine, self.benchmark, self.name


class Record:
    """A file of figures."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.new: dict[tuple[str, str, str], Figure] = {}

    def add(self, figure):
        """Kept at once: what comes after it may fail."""
        self.new[figure.key] = figure
        kept = {figure.key: figure for figure in self.read()} | self.new
        figures = [kept[key] for key in sorted(kept)]
        self.file.parent.mkdir(parents=True, exist_ok=True)
        half = self.file.with_suffix(".tmp")
        half.write_text(json.dumps([asdict(each) for each in figures], indent=1))
        half.replace(self.file)
        self.file.with_suffix(".md").write_text(table(figures))

    def read(self):
        return [Figure(**entry) for entry in json.loads(self.file.read_text())] if self.file.is_file() else []


class Figures:
    """A record, as one benchmark on one machine sees it. A figure's name says nothing that is measured."""

    def __init__(self, record: Record, machine: str, benchmark: str) -> None:
        self.record, self.machine, self.benchmark = record, machine, benchmark

    def value(self, name, value, unit, *, interval=(None, None), rounds=1, roof=None):
        """A number that stands for itself, or whose interval is known."""
        self.record.add(Figure(self.machine, self.benchmark, name, float(value), unit, *interval, rounds, roof))

    def median(self, name, samples, unit, roof=None):
        """Of several rounds."""
        from accel.measure.timing import median_interval

        interval, rounds = median_interval(samples), len(samples)
        self.value(name, statistics.median(samples), unit, interval=interval, rounds=rounds, roof=roof)

    def cost(self, name, cost, roof=None):
        """The latency of an engine that ``accel.measure.timing`` timed."""
        interval, rounds = cost.latency_ms_p50_interval, cost.rounds
        self.value(name, cost.latency_ms_p50, "ms", interval=interval, rounds=rounds, roof=roof)


def table(figures):
    """In Markdown, a machine under another."""
    lines = []
    for machine in sorted({figure.machine for figure in figures}):
        head = [
            "",
            f"**{machine}**",
            "",
            "| | | measured | 90 % interval | rounds | at best |",
            "|---|---|---|---|---|---|",
        ]
        lines += head + [_row(figure) for figure in figures if figure.machine == machine]
    return "\n".join([*lines[1:], ""])


def _row(figure):
    interval = "" if figure.low is None else f"{figure.low:.4g} to {figure.high:.4g}"
    roof = "" if figure.roof is None else f"{figure.roof:.4g} {figure.unit}"
    cells = (figure.benchmark, figure.name, f"{figure.value:.4g} {figure.unit}", interval, figure.rounds, roof)
    return f"| {' | '.join(map(str, cells))} |"
