"""Whom a model fails, in words and tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any

from accel.core.metric import MACRO_F1, OF_SPANS, quality_of
from accel.report import markup

Record = Mapping[str, Any]
DIFFERENCES = {
    "demographic_parity": "demographic-parity difference",
    "equalized_odds": "equalized-odds difference",
    "f1_gap": "difference of F1",
    "exact_match_gap": "difference of exact match",
}
"""Those that a record has, the last of which is told in the terminal."""
EXACT = OF_SPANS[1].key
RATES = {
    "selection_rate": "chosen",
    "true_positive_rate": "found (TPR)",
    "false_positive_rate": "false alarms (FPR)",
}


def sentences(record: Record) -> Iterator[str]:
    """For the terminal: one line, of the first column."""
    found = record.get("fairness")
    if found and len(found["groups"]) < 2:
        yield f"By {found['group']}: nothing to compare, as all of the test split is in one group ({_only(found)})."
    elif found:
        yield f"By {found['group']}: {_worst(found)}; {_differences(found)}."


def _only(found: Mapping[str, Any]) -> str:
    merged = found.get("merged") or {}
    return f"{len(merged)} small ones put together" if merged else ", ".join(found["groups"])


def _worst(found: Mapping[str, Any]) -> str:
    shares = [f"{found[f'worst_{side}']:.3f}" for side in _sides(found)]
    text = f"worst is {found['worst_group']} ({' -> '.join(shares)})"
    if "hit_hardest" in found:
        text += f", hardest hit {found['hit_hardest']} ({_points(found['hardest_change'])} points, "
        text += f"95 % {_range(found['hardest_change_interval'])})"
    return text


def _differences(found: Mapping[str, Any]) -> str:
    key, title = list(_known(found).items())[-1]
    values = [f"{found[f'{key}_{side}']:.3f}" for side in _sides(found)]
    return f"{title} {' -> '.join(values)}"


def _known(found: Mapping[str, Any]) -> dict[str, str]:
    """The differences that are told of these groups."""
    return {key: title for key, title in DIFFERENCES.items() if f"{key}_after" in found}


def _sides(found: Mapping[str, Any]) -> list[str]:
    return [side for side in ("before", "after") if f"worst_{side}" in found]


def _points(value: float) -> str:
    return f"{100 * value:+.2f}"


def _range(ends: Sequence[float]) -> str:
    return f"{_points(ends[0])} to {_points(ends[1])}"


def section(record: Record) -> str:
    """Every column's groups and the differences between them, as HTML."""
    found = record.get("fairness")
    if not found:
        return ""
    quality = quality_of(record)
    key, title = (quality.key, quality.title) if quality else ("", "")
    return "".join(_column(figures, key, title) for figures in (found, *found.get("others", ())))


def _column(found: Mapping[str, Any], key: str, title: str) -> str:
    return (
        f"<p>By <b>{escape(str(found['group']))}</b>: {escape(_worst(found))}.</p>"
        + _groups_table(found, key, title)
        + (_rates_table(found) if "rates_of" in found else _exact_table(found))
        + _differences_table(found)
        + "".join(f'<p class="note">{escape(note)}</p>' for note in _notes(found))
    )


def _groups_table(found: Mapping[str, Any], key: str, title: str) -> str:
    sides = _sides(found)
    changed = found.get("changes") or {}
    header = ["group", "examples", *(f"{escape(title)} {side}" for side in sides)]
    header += ["change [points]", "95 % interval"] if changed else ["95 % interval"]
    rows = []
    for name, own in found["groups"].items():
        cells = [escape(str(name)), f"{own['examples']:,}", *(f"{own[side][key]:.4f}" for side in sides)]
        if changed:
            cells += [_points(changed[name]["change"]), _alarm(changed[name]["interval"])]
        else:
            cells.append("{:.4f} to {:.4f}".format(*own["after"]["interval"]))
        rows.append(cells)
    return markup.rows(header, rows)


def _alarm(ends: Sequence[float]) -> str:
    """Marked where the group surely lost."""
    text = _range(ends)
    return f'<b class="lost">{text}</b>' if ends[1] < 0 else text


def _rates_table(found: Mapping[str, Any]) -> str:
    sides = _sides(found)
    header = [
        f"for {escape(str(found['rates_of']))}",
        *RATES.values(),
        f"{MACRO_F1.title} of all",
        "calibration error (ECE)",
    ]
    rows = [
        [escape(str(name)), *(_pair(own, key, sides) for key in (*RATES, MACRO_F1.key, "ece"))]
        for name, own in found["groups"].items()
    ]
    return markup.rows(header, rows)


def _exact_table(found: Mapping[str, Any]) -> str:
    sides = _sides(found)
    rows = [
        [
            escape(str(name)),
            _pair(own, EXACT, sides),
            "{:.3f} to {:.3f}".format(*own["after"][f"{EXACT}_interval"]),
            _pair(own, "ece", sides),
        ]
        for name, own in found["groups"].items()
    ]
    return markup.rows(["answers", "exactly right", "95 % interval", "calibration error (ECE)"], rows)


def _pair(own: Mapping[str, Any], key: str, sides: Sequence[str]) -> str:
    return " → ".join("–" if own[side].get(key) is None else f"{own[side][key]:.3f}" for side in sides)


def _differences_table(found: Mapping[str, Any]) -> str:
    sides = _sides(found)
    rows = [
        [
            title,
            *("{:.3f} ({:.3f} to {:.3f})".format(found[f"{key}_{s}"], *found[f"{key}_{s}_interval"]) for s in sides),
            *(["{:+.3f} to {:+.3f}".format(*found[f"{key}_change_interval"])] if "changes" in found else []),
        ]
        for key, title in _known(found).items()
    ]
    return markup.rows(["between groups", *sides, *(["change, 95 %"] if "changes" in found else [])], rows)


def _notes(found: Mapping[str, Any]) -> Iterator[str]:
    if found.get("merged"):
        small = ", ".join(f"{name} ({size})" for name, size in found["merged"].items())
        yield f"Too few examples to be told apart, so they are others: {small}."
    chance = "such a maximum is above 0 by chance alone, as are its intervals."
    if "rates_of" not in found:
        yield f"Differences are the largest between two groups; {chance}"
        return
    yield (
        f"Differences are the largest between two groups, over all labels; {chance} The rates are of the label whose "
        f"odds differ most."
    )
