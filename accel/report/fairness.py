"""Whom a model fails, in words and tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any

from accel.behaviour.fairness import OTHERS
from accel.behaviour.means import GAP
from accel.core.metric import MACRO_F1, SHARE, Metric, group_scores_of
from accel.report import markup

Record = Mapping[str, Any]
OF_CHOICES = {
    "demographic_parity": "demographic-parity difference",
    "equalized_odds": "equalized-odds difference",
}
"""Of decisions; the last is told in the terminal."""
FEW = 3
"""Merged groups are named up to so many."""
RATES = {
    "selection_rate": "chosen",
    "true_positive_rate": "found (TPR)",
    "false_positive_rate": "false alarms (FPR)",
}


def sentences(record: Record) -> Iterator[str]:
    """For the terminal: one line, of the first column."""
    found = record.get("fairness")
    if found and len(found["groups"]) < 2:
        yield _nothing_to_compare(found)
    elif found:
        scores = group_scores_of(record)
        yield f"By {found['group']}: {_worst(found, scores[0])}; {_differences(found, scores)}."


def _nothing_to_compare(found: Mapping[str, Any]) -> str:
    return f"By {found['group']}: nothing to compare, as all of the test split is in one group ({_only(found)})."


def _only(found: Mapping[str, Any]) -> str:
    merged = found.get("merged") or {}
    return f"{len(merged)} small ones put together" if merged else ", ".join(found["groups"])


def _worst(found: Mapping[str, Any], quality: Metric) -> str:
    shares = [f"{found[f'worst_{side}']:.3f}" for side in _sides(found)]
    name = "" if quality.higher_is_better else f"{quality.title} "
    text = f"worst is {_named(found['worst_group'], found)} ({name}{' -> '.join(shares)})"
    if "hit_hardest" in found:
        unit = " points" if quality.format == SHARE else ""
        hit, change = _named(found["hit_hardest"], found), _change(found["hardest_change"], quality)
        text += f", hardest hit {hit} ({change}{unit}, "
        text += f"95 % {_range(found['hardest_change_interval'], quality)})"
    return text


def _named(group: str, found: Mapping[str, Any]) -> str:
    """Others by their names, where they are few."""
    merged = found.get("merged") or {}
    return f"{group} ({', '.join(merged)})" if group == OTHERS and 0 < len(merged) <= FEW else group


def _differences(found: Mapping[str, Any], scores: Sequence[Metric]) -> str:
    key, title = list(_known(found, scores).items())[-1]
    values = [f"{found[f'{key}_{side}']:.3f}" for side in _sides(found)]
    return f"{title} {' -> '.join(values)}"


def _known(found: Mapping[str, Any], scores: Sequence[Metric]) -> dict[str, str]:
    """The differences that are told of these groups."""
    titles = OF_CHOICES | {f"{metric.key}{GAP}": f"difference of {metric.title}" for metric in scores}
    return {key: title for key, title in titles.items() if f"{key}_after" in found}


def _sides(found: Mapping[str, Any]) -> list[str]:
    own = next(iter(found["groups"].values()))
    return [side for side in ("before", "after") if side in own]


def _change(value: float, metric: Metric) -> str:
    """Shares change by points."""
    return f"{100 * value:+.2f}" if metric.format == SHARE else f"{value:+.3f}"


def _range(ends: Sequence[float], metric: Metric) -> str:
    return f"{_change(ends[0], metric)} to {_change(ends[1], metric)}"


def section(record: Record) -> str:
    """Every column's groups and the differences between them, as HTML."""
    found = record.get("fairness")
    if not found:
        return ""
    scores = group_scores_of(record)
    return "".join(_column(figures, scores) for figures in (found, *found.get("others", ())))


def _column(found: Mapping[str, Any], scores: Sequence[Metric]) -> str:
    if len(found["groups"]) < 2:
        return f"<p>{escape(_nothing_to_compare(found))}</p>"
    return (
        f"<p>By <b>{escape(str(found['group']))}</b>: {escape(_worst(found, scores[0]))}.</p>"
        + _groups_table(found, scores[0])
        + (_rates_table(found) if "rates_of" in found else _scores_table(found, scores[1:]))
        + _differences_table(found, scores)
        + "".join(f'<p class="note">{escape(note)}</p>' for note in _notes(found))
    )


def _groups_table(found: Mapping[str, Any], quality: Metric) -> str:
    sides = _sides(found)
    changed = found.get("changes") or {}
    header = ["group", "examples", *(f"{escape(quality.title)} {side}" for side in sides)]
    unit = " [points]" if quality.format == SHARE else ""
    header += [f"change{unit}", "95 % interval"] if changed else ["95 % interval"]
    rows = []
    for name, own in found["groups"].items():
        cells = [escape(str(name)), f"{own['examples']:,}", *(f"{own[side][quality.key]:.4f}" for side in sides)]
        if changed:
            cells += [_change(changed[name]["change"], quality), _alarm(changed[name]["interval"], quality)]
        else:
            cells.append("{:.4f} to {:.4f}".format(*own["after"]["interval"]))
        rows.append(cells)
    return markup.rows(header, rows)


def _alarm(ends: Sequence[float], metric: Metric) -> str:
    """Marked where the group surely lost."""
    text = _range(ends, metric)
    return f'<b class="lost">{text}</b>' if max(map(metric.gain, ends)) < 0 else text


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


def _scores_table(found: Mapping[str, Any], scores: Sequence[Metric]) -> str:
    sides = _sides(found)
    calibrated = all("ece" in own["after"] for own in found["groups"].values())
    rows = []
    for name, own in found["groups"].items():
        cells = [escape(str(name))]
        for metric in scores:
            cells += [_pair(own, metric.key, sides), "{:.3f} to {:.3f}".format(*own["after"][f"{metric.key}_interval"])]
        rows.append([*cells, *([_pair(own, "ece", sides)] if calibrated else [])])
    header = [cell for metric in scores for cell in (escape(metric.title), "95 % interval")]
    return markup.rows(["group", *header, *(["calibration error (ECE)"] if calibrated else [])], rows)


def _pair(own: Mapping[str, Any], key: str, sides: Sequence[str]) -> str:
    return " → ".join("–" if own[side].get(key) is None else f"{own[side][key]:.3f}" for side in sides)


def _differences_table(found: Mapping[str, Any], scores: Sequence[Metric]) -> str:
    sides = _sides(found)
    rows = [
        [
            title,
            *("{:.3f} ({:.3f} to {:.3f})".format(found[f"{key}_{s}"], *found[f"{key}_{s}_interval"]) for s in sides),
            *(["{:+.3f} to {:+.3f}".format(*found[f"{key}_change_interval"])] if "changes" in found else []),
        ]
        for key, title in _known(found, scores).items()
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
