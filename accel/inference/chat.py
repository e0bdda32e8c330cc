"""``accel chat``: talks with a finished run's model, at the terminal or line by line."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from accel.errors import ConfigError, DataError, ExitCode
from accel.weights.meta import artifact_folder

if TYPE_CHECKING:
    from accel.inference.talk import Talk

EXIT, RESET = "/exit", "/reset"
HELLO = f"Type a turn and Enter. Ctrl-C stops a reply, {RESET} forgets everything, {EXIT} or Ctrl-D leaves."
ASK = "you> "


def main(words: Sequence[str]) -> int:
    """Talk until the input ends, or until somebody leaves.

    Raises:
        ConfigError: a setting that cannot be.
        DataError: there is no model, or none that talks; or a line that it cannot be told.
    """
    arguments = _parser().parse_args(words)
    _check(arguments)
    folder = artifact_folder(arguments.run)
    if not folder.is_dir():
        raise DataError(f"{arguments.run} is no folder. Give the folder of a finished run, such as outputs/DATE/TIME.")
    talk = _talk(folder, arguments)
    if sys.stdin.isatty() and not arguments.json:
        print(HELLO, flush=True)  # noqa: T201 - the command's own output
        return at_terminal(talk, _typed)
    return line_by_line(talk, sys.stdin, as_json=arguments.json)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="accel chat", description="Talk with a finished run's model.")
    parser.add_argument("run", type=Path, help="a run's folder, or its model/ folder")
    parser.add_argument("--temperature", type=float, default=0.7, help="0: the likeliest token; by default 0.7")
    parser.add_argument("--top-p", type=float, default=0.95, help="of the likeliest tokens; by default 0.95")
    parser.add_argument("--max-tokens", type=int, default=256, help="of a reply; by default 256")
    parser.add_argument("--seed", type=int, default=0, help="of what is drawn; by default 0")
    parser.add_argument("--system", default="", metavar="TEXT", help="a turn before the first one")
    parser.add_argument("--json", action="store_true", help="a line of JSON for each reply")
    return parser


def _check(arguments: argparse.Namespace) -> None:
    if not 0 <= arguments.temperature <= 10:
        raise ConfigError(f"--temperature {arguments.temperature}: give 0 (always the likeliest) to 10; 0.7 is usual.")
    if not 0 < arguments.top_p <= 1:
        raise ConfigError(f"--top-p {arguments.top_p}: give a share above 0 and up to 1, which leaves out nothing.")
    if arguments.max_tokens < 1:
        raise ConfigError(f"--max-tokens {arguments.max_tokens}: a reply has at least 1 token.")
    if not 0 <= arguments.seed < 1 << 63:
        raise ConfigError(f"--seed {arguments.seed}: give 0 or a larger whole number.")


def _talk(folder: Path, arguments: argparse.Namespace) -> Talk:
    from accel.core.logs import quiet_import
    from accel.weights.meta import read_meta

    read_meta(folder)  # whether there is a model at all is known without torch
    with quiet_import():
        from accel.inference.talk import Sampling, Talk
    sampling = Sampling(arguments.temperature, arguments.top_p, arguments.max_tokens, arguments.seed)
    return Talk.load(folder, sampling, arguments.system)


def _typed() -> str:
    with suppress(ImportError):
        import readline  # noqa: F401 - imported, it lets input() edit a line
    return input(ASK)


def at_terminal(talk: Talk, typed: Callable[[], str]) -> int:
    """Word by word, until somebody leaves.

    Args:
        talk: what was said, and the model.
        typed: the next line; raises EOFError at the end, KeyboardInterrupt where somebody is done.
    """
    while True:
        try:
            words = typed().strip()
        except (EOFError, KeyboardInterrupt):
            _write("\n")
            return ExitCode.DONE
        if words == EXIT:
            return ExitCode.DONE
        if words == RESET:
            talk.reset()
            _write("Everything is forgotten.\n")
        elif words:
            _reply(talk, words)


def _reply(talk: Talk, words: str) -> None:
    """One reply; what cannot be asked is told, and nothing is lost."""
    forgotten = talk.num_forgotten
    try:
        with closing(talk.reply(words)) as parts:  # type: ignore[type-var] - a generator, which can be closed
            for part in parts:
                _write(part)
        _write(f"\n{_remarks(talk, forgotten)}")
    except KeyboardInterrupt:
        _write("\n(stopped)\n")
    except DataError as error:
        _write(f"{error}\n")


def _remarks(talk: Talk, forgotten: int) -> str:
    told = {
        "max_tokens": f"(cut after {talk.num_tokens} tokens: --max-tokens)\n",
        "room": "(cut: the model has no room for more)\n",
    }.get(talk.ended, "")
    if talk.num_forgotten > forgotten:
        told += f"(the first {talk.num_forgotten} turns found no room any more and are forgotten)\n"
    return told


def line_by_line(talk: Talk, lines: Iterable[str], *, as_json: bool) -> int:
    """A reply to each line, for scripts; empty lines are none.

    Raises:
        DataError: a line that the model cannot be told, by its number.
    """
    for number, line in enumerate(lines, start=1):
        words = line.strip()
        if words == EXIT:
            break
        if words == RESET:
            talk.reset()
        elif words:
            try:
                reply = "".join(talk.reply(words)).strip()
            except DataError as error:
                raise DataError(f"Line {number} of the input: {error}") from None
            told = {"user": words, "reply": reply, "tokens": talk.num_tokens, "ended": talk.ended}
            _write(f"{json.dumps(told, ensure_ascii=False) if as_json else reply}\n")
    return ExitCode.DONE


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()
