"""``accel explain``: which tokens moved a prediction, as JSON lines and as a page to look at."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from accel.config.redact import redactor
from accel.errors import DataError, ExitCode
from accel.weights.meta import artifact_folder, read_meta

if TYPE_CHECKING:
    from accel.analysis.attribution import Attribution

PAGE = "explain.html"


def main(words: Sequence[str]) -> int:
    """Explain the texts of the command line.

    Raises:
        DataError: no exported model, no text, or a page that cannot be written.
    """
    parser = argparse.ArgumentParser(prog="accel explain", description="What each token added to a prediction.")
    parser.add_argument("run", help="a run's folder, or its model/ folder")
    parser.add_argument("texts", nargs="*", metavar="TEXT")
    parser.add_argument("--html", help=f"where the page goes; by default {PAGE} in the run's folder")
    arguments = parser.parse_args(words)
    folder = Path(arguments.run).expanduser()
    if not folder.is_dir():
        raise DataError(f"{arguments.run} is no folder. Give the folder of a finished run, such as outputs/DATE/TIME.")
    if not arguments.texts:
        raise DataError("There is nothing to explain: give texts after the run's folder.")
    read_meta(artifact_folder(folder))
    from accel.analysis.attribution import Explainer  # torch only once there is something to do
    from accel.inference.predictor import Predictor

    found = Explainer(Predictor.load(folder))(arguments.texts)
    page = Path(arguments.html).expanduser() if arguments.html else folder / PAGE
    try:
        page.write_text(redactor().known(render(found)), "utf8")
    except OSError as error:
        raise DataError(f"{page} cannot be written ({error.strerror}). Give another file with --html.") from None
    for one in found:
        print(json.dumps(_plain(one), ensure_ascii=False))  # noqa: T201 - the command's own output
    print(f"Page: {page}", file=sys.stderr)  # noqa: T201 - beside the answers, so that they can be piped
    return ExitCode.DONE


def _plain(one: Attribution) -> dict[str, Any]:
    """With the answer's own parts, but for those that tell other answers."""
    values = asdict(one)
    return {"text": values.pop("text"), **_brief(values.pop("answer")), **values}


def _brief(answer: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in answer.items() if not isinstance(value, Mapping)}


def render(found: Sequence[Attribution]) -> str:
    """One page without network or script; every token and label is escaped."""
    style = Path(__file__).parents[1].joinpath("report", "style.css").read_text("utf8")
    body = "".join(_section(one) for one in found)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>accel explain</title>'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<style>{style}</style></head><body><main><h1>What moved the prediction</h1>"
        '<p class="note">Integrated gradients: green spoke for the label, red against it; the depth of the colour is '
        f"the share of the largest.</p>{body}</main></body></html>\n"
    )


def _section(one: Attribution) -> str:
    largest = max((abs(value) for value in one.attributions), default=0.0) or 1.0
    tokens = " ".join(
        f'<span title="{value:+.3f}" style="background:{_colour(value / largest)};padding:2px 4px;border-radius:4px">'
        f"{escape(token)}</span>"
        for token, value in zip(one.tokens, one.attributions, strict=True)
    )
    return (
        f"<section><h2>{escape(_said(one.answer))}</h2><p style='line-height:2.2'>{tokens}</p>"
        f'<p class="note">{sum(one.attributions):+.3f} on the logit in all; not accounted for: {one.gap:+.3f}</p>'
        "</section>"
    )


def _said(answer: Mapping[str, Any]) -> str:
    """``positive, score 0.97``."""
    parts = [
        (name, f"{value:.3g}" if isinstance(value, float) else str(value)) for name, value in _brief(answer).items()
    ]
    return ", ".join(value if name == "label" else f"{name} {value}" for name, value in parts)


def _colour(share: float) -> str:
    red, green, blue = (26, 127, 75) if share > 0 else (179, 38, 30)
    return f"rgba({red},{green},{blue},{0.6 * abs(share):.2f})"
