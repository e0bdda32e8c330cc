"""``accel explain``: which words moved a prediction, as JSON lines and as a page to look at."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from accel.config.redact import redactor
from accel.errors import DataError, ExitCode
from accel.explanation.method import method_of, names
from accel.inference.columns import text_columns_of
from accel.inference.rows import Query, rows_of
from accel.weights.meta import artifact_folder, read_meta

if TYPE_CHECKING:
    from accel.explanation.attribution import Explainer
    from accel.explanation.verdict import Checked
    from accel.inference.texts import Text

PAGE = "explain.html"
DEFAULT = "integrated_gradients"


def main(words: Sequence[str]) -> int:
    """Explain the texts of the command line, or of a file.

    Raises:
        DataError: no exported model, no text, or a page that cannot be written.
    """
    arguments = _parser().parse_args(words)
    folder = _folder(arguments.run)
    asked = [*map(Query, arguments.texts)]
    asked += rows_of(arguments.file, text_columns_of(folder), []) if arguments.file else []
    texts: list[Text] = [one.mended().text for one in asked if not one.is_empty]
    if len(texts) < len(asked):
        print(f"Left out as empty: {len(asked) - len(texts)} of {len(asked)} texts.", file=sys.stderr)  # noqa: T201
    if not texts:
        raise DataError("There is nothing to explain: give texts after the run's folder, or --file FILE.")
    other = _folder(arguments.against) if arguments.against else None
    for place in filter(None, (folder, other)):
        read_meta(artifact_folder(place))
    page = _page(arguments.html, folder)
    from accel.explanation.attribution import Explainer  # torch only once there is something to do
    from accel.inference.predictor import Predictor

    labels = arguments.label.split(",") if arguments.label else []
    explainer = Explainer(Predictor.load(folder), method_of(arguments.method), labels, by_piece=arguments.pieces)
    found = list(map(_printed, checked(explainer, texts, other, checks=not arguments.unchecked)))
    _show(found, explainer, page)
    return ExitCode.DONE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="accel explain", description="What each word did for a prediction.")
    parser.add_argument("run", help="a run's folder, or its model/ folder")
    parser.add_argument("texts", nargs="*", metavar="TEXT")
    parser.add_argument("--file", help="a table as for training, JSON lines of strings or lists, or a text per line")
    parser.add_argument("--method", choices=names(), default=DEFAULT, help=f"by default {DEFAULT}")
    parser.add_argument("--label", metavar="LABEL[,LABEL]", help="labels or types of entities; by default the answer's")
    parser.add_argument("--against", metavar="OTHER", help="another run of the same task, to compare explanations")
    parser.add_argument("--pieces", action="store_true", help="by token, as the model reads, and not by word")
    parser.add_argument("--unchecked", action="store_true", help="leave out deletion, insertion and random weights")
    parser.add_argument("--html", help=f"where the page goes; by default {PAGE} in the run's folder")
    return parser


def _folder(run: str) -> Path:
    folder = Path(run).expanduser()
    if not folder.is_dir():
        raise DataError(f"{run} is no folder. Give the folder of a finished run, such as outputs/DATE/TIME.")
    return folder


def _page(asked: str | None, folder: Path) -> Path:
    """Where it goes; a folder that is not there is told before anything is computed."""
    page = Path(asked).expanduser() if asked else folder / PAGE
    if not page.parent.is_dir():
        raise DataError(f"{page} cannot be written (there is no {page.parent}). Give another file with --html.")
    return page


def _printed(one: Checked) -> Checked:
    """The same, after its line of JSON."""
    from accel.explanation.verdict import plain

    print(json.dumps(plain(one), ensure_ascii=False), flush=True)  # noqa: T201 - the command's own output
    return one


def checked(explainer: Explainer, texts: Sequence[Text], other: Path | None, *, checks: bool) -> Iterator[Checked]:
    """Explanations of the texts, each beside that of another model and of random weights, where they are asked for."""
    from dataclasses import replace

    from accel.explanation.against import of_same, shift_to
    from accel.explanation.checks import curves, randomised, rank_correlation
    from accel.explanation.verdict import Checked
    from accel.inference.predictor import Predictor

    beside = of_same(explainer, Predictor.load(other)) if other is not None else None
    random = replace(explainer, network=randomised(explainer.network)) if checks else None
    for text in texts:
        for found in explainer.explain(text):
            one = found.attribution
            numbers = one.attributions
            yield Checked(
                one,
                curves(found.question, numbers) if checks else None,
                rank_correlation(numbers, random.beside(found).attributions) if random is not None else None,
                shift_to(found, beside) if beside is not None else None,
            )


def _show(found: Sequence[Checked], explainer: Explainer, page: Path) -> None:
    """The page, and what all explanations are worth together."""
    from accel.analysis.explain_page import render
    from accel.explanation.verdict import sentences

    try:
        page.write_text(redactor().known(render(found, explainer.method)), "utf8")
    except OSError as error:
        raise DataError(f"{page} cannot be written ({error.strerror}). Give another file with --html.") from None
    said = [*sentences(found, explainer.method), f"Page: {page}"]
    print("\n".join(said), file=sys.stderr)  # noqa: T201 - beside the answers, so that they can be piped
