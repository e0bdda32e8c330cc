"""What the user sees while a run goes on, and log.txt, which keeps all of it."""

from __future__ import annotations

import logging
import os
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console as RichConsole
from rich.console import ConsoleOptions, ConsoleRenderable, RenderableType, RenderHook, RenderResult
from rich.measure import Measurement
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.segment import Segment

from accel.config.redact import Guarded, printable
from accel.core.steps import duration_text

LOG = "log.txt"
LOG_WIDTH = 120


class Console:
    """Prints to the terminal and to the run's log; every other rank of a run prints to a log of its own."""

    def __init__(self, folder: Path | None, *, silent: bool = False, rank: int = 0) -> None:
        self.path = folder / (f"log.rank{rank}.txt" if rank else LOG) if folder else None
        self.terminal = rich_console(quiet=silent or rank > 0)
        self.file: Any = Guarded(self.path.open("a", encoding="utf8")) if self.path else None
        self.log = rich_console(file=self.file, width=LOG_WIDTH, quiet=self.file is None)
        self.handler = self._capture_logging()

    @property
    def width(self) -> int | None:
        """Of the terminal, in characters; None where the output is no terminal."""
        return self.terminal.width if self.terminal.is_terminal else None

    def say(self, *things: Any) -> None:
        """Print text or anything rich can draw."""
        for console in (self.terminal, self.log):
            console.print(*things, markup=False, soft_wrap=not _is_drawn(things))
        self._flush()

    def record_traceback(self) -> None:
        """Put the current exception's traceback into the log, where it is wanted; the terminal gets the message."""
        self.log.print(traceback.format_exc(), markup=False, soft_wrap=True)
        self._flush()

    @contextmanager
    def progress(self, title: str, total: int, done: int = 0) -> Iterator[Any]:
        """A bar on a terminal; elsewhere a line at the first call and every tenth. Yields ``update(done, text)``."""
        if self.terminal.is_terminal:
            with self._bar() as bar:
                task = bar.add_task(title, total=total, completed=done, note="")
                yield lambda done, note="": bar.update(task, completed=done, note=note)
        else:
            yield _Tenths(self, title, total, done)

    def _bar(self) -> Progress:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        return Progress(*columns, TextColumn("{task.fields[note]}"), console=self.terminal, transient=True)

    def _capture_logging(self) -> logging.Handler | None:
        if self.file is None:
            return None
        handler = logging.StreamHandler(self.file)
        handler.setLevel(logging.WARNING)
        logging.getLogger().addHandler(handler)
        return handler

    def _flush(self) -> None:
        if self.file is not None:
            self.file.flush()

    def close(self) -> None:
        """Close the log."""
        if self.handler is not None:
            logging.getLogger().removeHandler(self.handler)
        if self.file is not None:
            self.file.close()
            self.file = None


def rich_console(**settings: Any) -> RichConsole:
    """Rich's console, which draws what others have written without what a terminal would obey."""
    console = _Terminal(highlight=False, **settings)
    console.push_render_hook(_Printable())
    return console


class _Terminal(RichConsole):
    """One whose reader may leave, as ``| head`` does: the work goes on, and its log has the rest."""

    def on_broken_pipe(self) -> None:
        self.quiet = True
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class _Printable(RenderHook):
    def process_renderables(self, renderables: list[ConsoleRenderable]) -> list[ConsoleRenderable]:
        return [_Cleaned(renderable) for renderable in renderables]


class _Cleaned:
    """Anything that Rich draws, without control characters in its texts; Rich's own are not in a text."""

    def __init__(self, drawn: RenderableType) -> None:
        self.drawn = drawn

    def __rich_console__(self, console: RichConsole, options: ConsoleOptions) -> RenderResult:
        for text, style, control in console.render(self.drawn, options):
            yield Segment(text if control else printable(text), style, control)

    def __rich_measure__(self, console: RichConsole, options: ConsoleOptions) -> Measurement:
        return Measurement.get(console, options, self.drawn)


def say_error(text: str) -> None:
    """Tell the user, where there is no run that could."""
    print(text, file=sys.stderr)  # noqa: T201 - the command's own output


def _is_drawn(things: tuple[Any, ...]) -> bool:
    """Tables are laid out to the width; text is left to the terminal to wrap, so that it can be copied."""
    return any(not isinstance(thing, str) for thing in things)


class _Tenths:
    """Says where the work stands, and how long it will take, at the first call and every tenth of it."""

    def __init__(self, console: Console, title: str, total: int, begun_at: int) -> None:
        self.console = console
        self.title = title
        self.total = total
        self.begun_at = begun_at
        self.start = time.perf_counter()
        self.said = -1

    def __call__(self, done: int, note: str = "") -> None:
        tenth = 10 * done // max(1, self.total)
        if tenth > self.said:
            self.said = tenth
            self.console.say("  ".join(filter(None, (f"  {self.title} {done}/{self.total}", note, self._left(done)))))

    def _left(self, done: int) -> str:
        if not self.begun_at < done < self.total:
            return ""
        each = (time.perf_counter() - self.start) / (done - self.begun_at)
        return f"about {duration_text(each * (self.total - done))} to go"
