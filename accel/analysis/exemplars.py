"""``accel exemplars``: the texts that several compressed models decide otherwise than the dense ones."""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from accel.analysis.attack import plan_of
from accel.behaviour.decisions import Decisions
from accel.behaviour.exemplars import exemplars
from accel.checkpoint.resume import require_same_splits
from accel.config.redact import printable, redact
from accel.core.console import rich_console
from accel.core.option import typed
from accel.errors import ConfigError, DataError, ExitCode
from accel.report.compare import load
from accel.report.predictions import PREDICTIONS, read_predictions
from accel.report.records import Recorded

SHOWN = 20
"""In the terminal; ``--json`` prints all."""


@dataclass(frozen=True)
class Exemplar:
    """A text, and what was said of it."""

    text: tuple[str, ...]
    true: str
    dense: str
    compressed: str

    @property
    def kind(self) -> str:
        """Where the flip leads."""
        if self.dense == self.true:
            return "right -> wrong"
        return "wrong -> right" if self.compressed == self.true else "wrong -> wrong"


def main(words: Sequence[str], plugins: Sequence[str] = ()) -> int:
    """Print them.

    Args:
        plugins: modules of the user that were imported; a run may be of their classes.

    Raises:
        ConfigError: fewer than two runs, or runs that cannot be compared text by text.
        DataError: the data is not what the runs were tested on.
    """
    parser = argparse.ArgumentParser(
        prog="accel exemplars", description="Texts that all compressed models decide otherwise than the dense ones."
    )
    parser.add_argument("paths", nargs="+", type=Path, metavar="RUN", help="runs, or sweeps, of one command")
    parser.add_argument("--json", action="store_true", help="print all of them, as JSON")
    arguments = parser.parse_args(words)
    runs, _ = load(arguments.paths)
    total, found = exemplars_of(runs, plugins)
    if arguments.json:
        told = {"runs": len(runs), "texts": total, "exemplars": [{**asdict(e), "kind": e.kind} for e in found]}
        print(json.dumps(redact(printable(told)), ensure_ascii=False, indent=1))  # noqa: T201 - the command's output
    else:
        _print(len(runs), total, found)
    return ExitCode.DONE


def exemplars_of(runs: Sequence[Recorded], plugins: Sequence[str] = ()) -> tuple[int, list[Exemplar]]:
    """(texts that the runs were tested on, those that compression changes)."""
    if len(runs) < 2:
        raise ConfigError(
            "accel exemplars needs at least two runs: one flip may be chance. Give runs of several seeds."
        )
    before, after = ([_decisions(run, side) for run in runs] for side in ("before", "after"))
    for run, decided in zip([*runs, *runs], [*before, *after], strict=True):
        if not decided.pairs_with(after[0]):
            raise ConfigError(
                f"{run.folder} was not tested on the same texts as {runs[0].folder}. Seeds deal rows out anew unless "
                f"the test split is a file of its own: give task.test=FILE and run them again."
            )
    texts, labels = _test_split(runs[0], after[0], plugins)
    rows, dense = exemplars(before, after)
    return len(texts), [
        Exemplar(texts[row], *(labels[int(number)] for number in (after[0].truths[row], was, after[0].choices[row])))
        for row, was in zip(rows.tolist(), dense.tolist(), strict=True)
    ]


def _decisions(run: Recorded, side: str) -> Decisions:
    found = read_predictions(run.record, run.folder, side)
    if found is None or not isinstance(found.kept, Decisions):
        raise ConfigError(
            f"{run.folder} has no labels in {PREDICTIONS}/{side}.npz. Give finished runs that compress a classifier: a "
            f"private run keeps no predictions, and one without compression has no model before."
        )
    return found.kept


def _test_split(
    run: Recorded, decided: Decisions, plugins: Sequence[str]
) -> tuple[Sequence[tuple[str, ...]], Sequence[str]]:
    """(texts, names of labels), read again: a run keeps no texts."""
    plan = plan_of(run.folder, plugins)
    if not plan.task.may_show_texts:
        raise ConfigError(f"{run.folder}: {typed(plan.task)} says that its texts are shown nowhere.")
    require_same_splits(plan.task, run.folder, f"accel exemplars {run.folder}")
    dataset = plan.task.load(plan.seed)
    if not np.array_equal(decided.examples, np.arange(len(dataset.test))):
        raise ConfigError(f"{run.folder} decides more than once on a text. Exemplars are of one label for each text.")
    if dataset.test.labels != decided.truths.tolist():
        raise DataError(f"The data of {run.folder} has changed: its test split is not what the run was tested on.")
    return dataset.test.texts, dataset.label_names


def _print(runs: int, total: int, found: Sequence[Exemplar]) -> None:
    console = rich_console()
    table = Table(box=SIMPLE_HEAD)
    for title in ("text", "true", "dense", "compressed"):
        table.add_column(title, overflow="fold")
    for each in found[:SHOWN]:
        told = redact(printable([" | ".join(each.text), each.true, each.dense, each.compressed]))
        table.add_row(*map(Text, told))
    if found:
        console.print(table)
    kinds = ", ".join(f"{count} {kind}" for kind, count in Counter(each.kind for each in found).most_common())
    console.print(
        f"{len(found)} of {total:,} texts are decided otherwise by all {runs} compressed models than by most dense ones"
        f"{f': {kinds}' if kinds else ''}.",
        markup=False,
        soft_wrap=True,
    )
    if len(found) > SHOWN:
        console.print(f"{SHOWN} are shown; --json prints all.")
