"""Which tests were skipped and why, by pytest's own reports; a reason that nobody expects fails the check.

``python -m tests.skips [--expect REASON] REPORT.xml …``, after ``pytest --junitxml=REPORT.xml``. Expected reasons stand
beside the markers, in pyproject.toml; ``--expect`` is for a program that could not be installed this time. A reason is
expected that begins with one of them.
"""

from __future__ import annotations

import argparse
import sys
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from xml.etree import ElementTree

PROJECT = Path(__file__).parent.parent / "pyproject.toml"
AT_COLLECTION = "collection skipped"
"""What a report says of a file that was skipped as a whole; the reason is in the text."""


def skips(report: Path) -> Iterator[tuple[str, str]]:
    """(test or file, reason) of everything that a report calls skipped; an expected failure is no skip."""
    for case in ElementTree.parse(report).iter("testcase"):
        for skipped in case.iter("skipped"):
            if skipped.get("type") != "pytest.xfail":
                yield ".".join(filter(None, (case.get("classname"), case.get("name")))), _reason(skipped)


def _reason(skipped: ElementTree.Element) -> str:
    said = skipped.get("message", "")
    if said == AT_COLLECTION:  # ('file.py', 11, 'Skipped: the reason')
        said = (skipped.text or "").rpartition("Skipped: ")[2].rstrip("')\"")
    return said.removeprefix("Skipped: ")


def expected() -> list[str]:
    """Beginnings of reasons that need no explanation."""
    return tomllib.loads(PROJECT.read_text("utf8"))["tool"]["accel-tests"]["expected-skips"]


def check(reports: Iterable[Path], allowed: Sequence[str]) -> int:
    """Print what was skipped; the exit code: 1 when one of them is not expected."""
    found = sorted({(reason, test) for report in reports for test, reason in skips(report)})
    unexpected = {reason for reason, _ in found if not reason.startswith(tuple(allowed))}
    for reason, test in found:
        print(f"{'NOT EXPECTED' if reason in unexpected else 'expected'}: {test}: {reason}")
    print(f"{len(found)} skipped, for {len(unexpected)} unexpected reasons.")
    return int(bool(unexpected))


def main(arguments: Sequence[str]) -> int:
    """As a command."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--expect", action="append", default=[])
    parser.add_argument("reports", nargs="+", type=Path)
    given = parser.parse_args(arguments)
    return check(given.reports, [*expected(), *given.expect])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
