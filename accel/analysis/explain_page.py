"""The page of ``accel explain``: without network or script; every word and label is escaped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from accel.explanation.attribution import Attribution
from accel.explanation.method import Method
from accel.explanation.verdict import Checked, brief, sentences
from accel.report.coloured import coloured, key
from accel.report.markup import rows
from accel.report.svg import line_chart

MOST_LABELS = 12
MOST_WORDS = 12
"""In the table; the text above has all."""
WIDEST = 12
"""Of a bar in a table, in em."""


def render(found: Sequence[Checked], method: Method) -> str:
    """All explanations, and what they are worth together."""
    here = Path(__file__).parent
    style = "".join(file.read_text("utf8") for file in (here.parent / "report" / "style.css", here / "explain.css"))
    worth = "".join(f"<li>{escape(sentence)}</li>" for sentence in sentences(found, method))
    name = method.name().replace("_", " ")
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>accel explain</title>'
        '<meta name="viewport" content="width=device-width">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<style>{style}</style></head><body><main><h1>What moved the prediction</h1>"
        f'<p class="meta">Method: {escape(name)}. The number of a word is {escape(method.means)}.</p>'
        f'{key(has_sign=method.has_sign)}<ul class="verdict">{worth}</ul>'
        f"{''.join(_section(one, method) for one in found)}</main></body></html>\n"
    )


def _section(one: Checked, method: Method) -> str:
    attribution = one.attribution
    return (
        f'<section><h2 dir="auto">{escape(said(attribution.answer))}</h2>'
        f'<p class="note" dir="auto">Explained: <b>{escape(attribution.target)}</b></p>'
        f"{_texts(attribution)}{_notes(one, method)}"
        f'<div class="charts"><div>{_table(attribution)}{_labels(attribution.answer)}</div>'
        f"<div>{_curves(one)}</div></div>{_other(one)}</section>"
    )


def said(answer: Mapping[str, Any]) -> str:
    """``positive, score 0.97``."""
    parts = [(name, _value(value)) for name, value in brief(answer).items()]
    return ", ".join(value if name in ("label", "entities", "labels") else f"{name} {value}" for name, value in parts)


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return str(value.get("text") or value.get("label") or "")
    if isinstance(value, list):
        return ", ".join(map(_value, value)) or "none"
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _texts(attribution: Attribution) -> str:
    return coloured(attribution.columns, attribution.words, attribution.attributions, attribution.spans)


def _notes(one: Checked, method: Method) -> str:
    attribution = one.attribution
    said = [f"The logit is {attribution.difference:+.3f} from where every word is hidden."]
    if method.is_complete and attribution.gap is not None:
        steps = f" in {attribution.steps} steps" if attribution.steps else ""
        said.append(f"All numbers add up to that but for {attribution.gap:+.2g}{steps}.")
    if attribution.prompt_share is not None:
        said.append(f"The tuned prompt did {attribution.prompt_share:.0%} of it ({attribution.prompt:+.3f}).")
    if attribution.is_cut:
        said.append("The text is longer than the model reads: what has no colour at its end was cut off.")
    return f'<p class="note">{escape(" ".join(said))}</p>'


def _labels(answer: Mapping[str, Any]) -> str:
    """The likeliest labels, where the answer has their probabilities."""
    scores = answer.get("scores")
    if not isinstance(scores, Mapping):
        return ""
    best = sorted(scores.items(), key=lambda pair: -pair[1])[:MOST_LABELS]
    chosen = (answer.get("label"), *answer.get("labels", ()))
    body = [[_label(str(name), name in chosen), f"{value:.1%}", _bar(value)] for name, value in best]
    return rows(["Label", "Probability", ""], body, "bars")


def _label(name: str, is_chosen: bool) -> str:
    said = f"<bdi>{escape(name)}</bdi>"
    return f"<b>{said}</b>" if is_chosen else said


def _curves(one: Checked) -> str:
    curves = one.curves
    if curves is None:
        return ""
    series = {
        name: list(zip(curves.shares, getattr(curves, name), strict=True))
        for name in ("deletion", "insertion", "random")
    }
    low, high = curves.random_interval
    return line_chart("The logit by the share of words hidden (deletion) or shown (insertion)", series) + (
        f'<p class="note">Area of deletion {curves.deletion_area:.3f} (lower is better), of insertion '
        f"{curves.insertion_area:.3f} (higher is better), of random orders {curves.random_area:.3f} "
        f"(95 % of them {low:.3f} to {high:.3f}).</p>"
    )


def _table(attribution: Attribution) -> str:
    pairs = list(zip(attribution.words, attribution.attributions, strict=True))
    pairs += [("(the tuned prompt)", attribution.prompt)] if attribution.prompt is not None else []
    largest = max((abs(value) for _, value in pairs), default=0.0) or 1.0
    strongest = sorted(pairs, key=lambda pair: -abs(pair[1]))[:MOST_WORDS]
    body = [[f"<bdi>{escape(word)}</bdi>", f"{value:+.3f}", _bar(value / largest)] for word, value in strongest]
    return rows(["Word", "Number", ""], body, "bars")


def _bar(share: float) -> str:
    side = "share" if share > 0 else "share less"
    return f'<span class="{side}" style="width:{WIDEST * abs(share):.2f}em"></span>'


def _other(one: Checked) -> str:
    """What the other model answers, and by which words."""
    moved = one.shift
    if moved is None:
        return ""
    order = f"rank correlation {moved.rank_correlation:.2f}, " if moved.rank_correlation is not None else ""
    return (
        f'<h3 dir="auto">The other model: {escape(said(moved.other.answer))}</h3>'
        f"{_texts(moved.other)}"
        f'<p class="note">{order}{moved.overlap:.0%} of the {moved.top} most important words are the same.</p>'
    )
