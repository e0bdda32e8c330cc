"""``accel gate``: whether a finished run keeps its limits; exit code 5 where one is broken."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from accel.config.redact import redactor
from accel.core.console import rich_console
from accel.errors import ConfigError, ExitCode
from accel.gate.candidate import Candidate
from accel.gate.limits import LIMITS
from accel.gate.verdict import Check, checks
from accel.report.record import RESULT
from accel.report.records import Recorded, find


def main(words: Sequence[str]) -> int:
    """Print every limit and what was found.

    Raises:
        ConfigError: a folder without a record, a limit that does not exist or is no number, or none at all.
    """
    arguments = _parser().parse_args(words)
    allowed = _limits(arguments)
    if not allowed:
        raise ConfigError(
            "A gate without limits stops nothing. Give some: accel gate RUN --max-drop 0.01, or --limits F."
        )
    against = _recorded(arguments.against) if arguments.against is not None else None
    candidate = Candidate(_recorded(arguments.run), against)
    found = checks(candidate, allowed)
    if arguments.json:
        text = json.dumps({"passed": _passed(found), "checks": [asdict(check) for check in found]}, indent=1)
        print(redactor().known(text))  # noqa: T201 - the command's output
    else:
        _print(candidate, found)
    return ExitCode.DONE if _passed(found) else ExitCode.LIMIT_BROKEN


def _passed(found: Sequence[Check]) -> bool:
    return all(check.passed for check in found)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="accel gate", description="Whether a finished run keeps its limits; exit code 5 where one is broken."
    )
    parser.add_argument("run", type=Path, metavar="RUN", help="a run's folder")
    parser.add_argument("--against", type=Path, metavar="RUN", help="compare with this run, not with the dense model")
    parser.add_argument("--limits", type=Path, metavar="F", help="a YAML file of limits; those typed here come first")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument(
        "--quality", type=float, metavar="X", help="first metric of the record, at least (or at most) X"
    )
    parser.add_argument("--metric", action="append", default=[], metavar="KEY=X", help="any other metric of the record")
    for limit in LIMITS:
        flag = f"--{limit.key.replace('_', '-')}"
        parser.add_argument(flag, type=float, metavar="X", dest=limit.key, help=limit.says.replace("%", "%%"))
    return parser


def _limits(arguments: argparse.Namespace) -> dict[str, float]:
    """Of the file, then of the command line, which is stronger."""
    typed = {key: getattr(arguments, key) for key in ("quality", *(limit.key for limit in LIMITS))}
    given = {key: value for key, value in typed.items() if value is not None}
    metrics = dict(_pair(text) for text in arguments.metric)
    return {**(_read(arguments.limits) if arguments.limits is not None else {}), **given, **metrics}


def _pair(text: str) -> tuple[str, float]:
    key, _, value = text.partition("=")
    try:
        return key, float(value)
    except ValueError:
        raise ConfigError(f"--metric {text}: give it as KEY=NUMBER, KEY is a metric of the run's record.") from None


def _read(file: Path) -> dict[str, float]:
    import yaml

    try:
        found = yaml.safe_load(file.read_text("utf8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(f"--limits {file} cannot be read: {error}") from None
    if not isinstance(found, Mapping):
        raise ConfigError(f"--limits {file} holds no limits. Write one to a line, for example max_drop: 0.01.")
    return {str(key): _as_number(file, key, value) for key, value in found.items()}


def _as_number(file: Path, key: Any, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ConfigError(f"--limits {file}: {key} must be a number, and is {value!r}.")
    return float(value)


def _recorded(folder: Path) -> Recorded:
    runs, remarks = find([folder]) if (folder / RESULT).is_file() else ([], [])
    if not runs:
        reasons = "".join(f"\n  {remark}" for remark in remarks)
        raise ConfigError(f"{folder} is not the folder of a run: it has no readable {RESULT}.{reasons}")
    return runs[0]


def _print(candidate: Candidate, found: Sequence[Check]) -> None:
    table = Table(box=SIMPLE_HEAD)
    for title in ("limit", "allowed", "found", ""):
        table.add_column(title)
    for check in found:
        style = "" if check.passed else "bold red"
        table.add_row(*(Text(text, style=style) for text in (check.limit, check.allowed, check.found, check.verdict)))
    console = rich_console()
    console.print(redactor().known(f"{candidate.run.folder} against {candidate.reference_name}"), markup=False)
    console.print(table)
    broken = [check.limit for check in found if not check.passed]
    text = (
        f"{len(broken)} of {len(found)} limits are broken: {', '.join(broken)}." if broken else "All limits are kept."
    )
    console.print(text, markup=False, soft_wrap=True)
