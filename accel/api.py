"""accel from Python: what a notebook runs, and the table by which it compares."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import OmegaConf

from accel.config.arguments import parse
from accel.config.compose import compose
from accel.config.overrides import quoted
from accel.core.extras import is_installed
from accel.errors import AccelError, ExitCode, Interrupted, RefusedError, RunError
from accel.report.record import RESULT, SWEEP

if TYPE_CHECKING:
    from accel.report.comparison import Comparison

RAISED: dict[int, type[AccelError]] = {ExitCode.REFUSED: RefusedError, ExitCode.FAILED: RunError}
"""By exit code."""
TABLE_WIDTH = 120
LAST_LINES = 20
"""Of what a command printed, in the error where it left no record that says why."""


class Fields(dict[str, Any]):
    """A part of a record: ``part.accuracy`` is ``part["accuracy"]``."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f"The record has no {name!r}. It has: {', '.join(map(str, self))}.") from None

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *map(str, self)]


class Record(Fields):
    """What became of a run or a sweep: ``record.after.metrics``, ``record["after"]["metrics"]``, ``record.folder``."""

    folder: Path

    @classmethod
    def read(cls, file: Path) -> Record:
        """A ``result.json`` or a ``sweep.json``."""
        record = cls(json.loads(file.read_text("utf8"), object_hook=Fields))
        record.folder = file.parent
        return record

    def __repr__(self) -> str:
        from accel.report.figures import headline

        return f"<{self.folder}: {headline(self) if 'status' in self else f'{len(self.jobs)} jobs'}>"


@dataclass(frozen=True)
class _Kind:
    """A run, or a sweep."""

    flags: tuple[str, ...]
    place: str
    """Key of the folder that it makes."""
    resumed: str
    """Key of the folder that it goes on in."""
    record: str


RUN = _Kind((), "hydra.run.dir", "resume", RESULT)
MANY = _Kind(("-m",), "hydra.sweep.dir", "sweep.resume", SWEEP)


def run(*words: str) -> Record:
    """See ``accel.run``."""
    return _done(RUN, words)


def sweep(*words: str) -> Record:
    """See ``accel.sweep``."""
    return _done(MANY, words)


def runs(*paths: str | Path) -> Any:
    """See ``accel.runs``."""
    from accel.config.redact import redactor
    from accel.report.compare import load
    from accel.report.comparison import compare_runs

    table = compare_runs(load([Path(path).expanduser() for path in paths or ("outputs",)])[0])
    table = replace(table, rows=redactor().tree(table.rows))
    keys = [column.key for column in table.columns]
    rows = [{key: row.get(key) for key in keys} for row in table.rows]
    return import_module("pandas").DataFrame(rows, columns=keys) if is_installed("pandas") else Runs(rows, table)


class Runs(list[dict[str, Any]]):
    """A row per run, which prints as the table of ``accel compare``."""

    def __init__(self, rows: Sequence[dict[str, Any]], table: Comparison) -> None:
        super().__init__(rows)
        self.table = table

    def __repr__(self) -> str:
        from rich.console import Console

        from accel.report.compare import as_table, fitting

        console = Console(width=TABLE_WIDTH)
        with console.capture() as caught:
            console.print(as_table(self.table, fitting(self.table, TABLE_WIDTH), TABLE_WIDTH))
        return caught.get().rstrip()


def _done(kind: _Kind, words: Sequence[str]) -> Record:
    folder, placed = _place(kind, words)
    code, said = _execute([*kind.flags, *words, *placed])
    file = folder / kind.record
    if code in (ExitCode.DONE, ExitCode.SOME_JOBS_FAILED):
        return Record.read(file)
    why = (Record.read(file).get("error") if file.is_file() else None) or said
    if code in RAISED:
        raise RAISED[code](why)
    raise Interrupted(f"Stopped. Go on with {kind.resumed}={folder}.", ExitCode(code))


def _place(kind: _Kind, words: Sequence[str]) -> tuple[Path, list[str]]:
    """The folder that it will be in, and the words that say so: none where the given ones do."""
    arguments = parse(words)
    own = [word for word in arguments.overrides if word.startswith((f"{kind.place}=", f"{kind.resumed}="))]
    config = compose(own, arguments.config_dirs)
    earlier = OmegaConf.select(config, kind.resumed)
    if earlier is not None:
        return _absolute(earlier), []
    folder = _fresh(_absolute(OmegaConf.select(config, kind.place)))
    return folder, [f"{kind.place}={quoted(str(folder))}"]


def _absolute(path: object) -> Path:
    return Path(str(path)).expanduser().absolute()


def _fresh(wanted: Path) -> Path:
    """A name that is taken gets a number, as on the command line."""
    names = (wanted.with_name(f"{wanted.name}-{number}") if number else wanted for number in count())
    return next(folder for folder in names if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())))


def _execute(words: Sequence[str]) -> tuple[int, str]:
    """The exit code of a command whose lines are printed as they come, and the last of them."""
    said: deque[str] = deque(maxlen=LAST_LINES)
    with subprocess.Popen(
        [sys.executable, "-P", "-m", "accel", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf8",
        errors="replace",
        start_new_session=True,  # an interrupt comes from here, once
    ) as process:
        while True:
            try:
                for line in process.stdout or ():
                    print(line, end="", flush=True)  # noqa: T201 - what the command says
                    said.append(line)
                break
            except KeyboardInterrupt:
                process.send_signal(signal.SIGINT)
    return process.returncode, "".join(said).strip()
