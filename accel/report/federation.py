"""What a report shows of a federation: its rounds, its clients, and what is reached without it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from itertools import accumulate
from typing import Any

import numpy as np

from accel.core.metric import quality_of
from accel.report import markup
from accel.report.figures import bytes_text
from accel.report.svg import bar_chart, line_chart

Record = Mapping[str, Any]
Curves = Mapping[str, Sequence[tuple[int, float]]]
MOST_CLIENTS = 20
"""Of a federation with more, the worst are shown by name and the others as a curve."""
FEW_LINES = 5
SHARES = {0.9: "nine tenths are below", 0.5: "half are below", 0.1: "a tenth is below"}
BARS = {
    "alone_on_all": ("local only, on all examples", "dense"),
    "alone": ("local only, on their own", "dense"),
    "after": ("federated", "after-best"),
    "pooled": ("pooled", "channels"),
}
"""Names of the bars and of their colours."""


def sentences(record: Record) -> Iterator[str]:
    """For the terminal: one line."""
    found = record.get("federation") or {}
    if not found:
        return
    text = f"{found['rounds']} rounds, {bytes_text(found['bytes_per_round'])} in each"
    if "worst_decile" in found:
        worst = "worst" if found["worst_decile_clients"] == 1 else "worst tenth"
        text += f"; {worst} of {len(found['clients'])} clients {found['worst_decile']:.3f}"
    if bars := found.get("bars"):
        text += f"; local only {bars['alone']:.3f}, pooled {bars['pooled']:.3f}"
    yield f"Federated: {text}."


def section(record: Record, metrics: Curves, clients: Curves) -> str:
    """As HTML.

    Args:
        metrics: of metrics.csv.
        clients: of clients.csv, which a private run has not.
    """
    found = record.get("federation") or {}
    if not found:
        return ""
    said = f"<p>{escape(next(sentences(record)))}</p>"
    return "".join([said, _bars(record), _rounds(metrics, clients), _clients(record)])


def _bars(record: Record) -> str:
    quality, bars = quality_of(record), record["federation"].get("bars")
    if not bars or quality is None:
        return ""
    values = {**bars, "after": record["after"]["metrics"][quality.key]}
    drawn = [(title, values[key], f"{values[key]:.4f}", css) for key, (title, css) in BARS.items() if key in values]
    note = (
        "All on the test split. Local only: each client trains on its own examples for as many passes as in the "
        "federation; its model is asked about the client's own test examples, or about all (the mean over clients). "
        "Pooled: one model is trained on all examples together."
    )
    return bar_chart(f"{quality.title.capitalize()} with and without the federation", drawn) + _note(note)


def _rounds(metrics: Curves, clients: Curves) -> str:
    up, down = (metrics.get(f"train/bytes_{way}", ()) for way in ("up", "down"))
    charts = {
        "Clients that answered": {"clients": metrics.get("train/clients", ())},
        "MB moved since the beginning": {"up": _added_up(up), "down": _added_up(down)},
        "Norm of the round's update": {"mean update": metrics.get("train/update_norm", ())},
        "Norm of the clients' updates": _over_clients(clients, "update_norm"),
        "Loss at the clients": _over_clients(clients, "loss"),
    }
    drawn = "".join(line_chart(f"{title}, by round", series) for title, series in charts.items())
    return f'<div class="charts">{drawn}</div>' if drawn else ""


def _added_up(curve: Sequence[tuple[int, float]]) -> list[tuple[float, float]]:
    totals = accumulate(value / 1e6 for _, value in curve)
    return [(number, total) for (number, _), total in zip(curve, totals, strict=True)]


def _over_clients(clients: Curves, figure: str) -> dict[str, list[tuple[float, float]]]:
    """Each client's curve; of many, how they are spread in each round."""
    curves = {name.removesuffix(f"/{figure}"): curve for name, curve in clients.items() if name.endswith(f"/{figure}")}
    if len(curves) <= FEW_LINES:
        return {name: list(curve) for name, curve in curves.items()}
    rounds: dict[int, list[float]] = {}
    for curve in curves.values():
        for number, value in curve:
            rounds.setdefault(number, []).append(value)
    return {
        title: [(number, float(np.quantile(rounds[number], share))) for number in sorted(rounds)]
        for share, title in SHARES.items()
    }


def _clients(record: Record) -> str:
    clients, quality = record["federation"].get("clients") or {}, quality_of(record)
    if not clients or quality is None:
        return ""
    ranked = sorted(clients.items(), key=lambda c: c[1]["quality"], reverse=not quality.higher_is_better)
    shown = ranked[: max(MOST_CLIENTS, record["federation"]["worst_decile_clients"])][: 2 * MOST_CLIENTS]
    figures = {"quality": quality.title, "alone": "of its own model alone"}
    known = [key for key in figures if any(key in c for _, c in ranked)]
    header = ["client", "test examples", *(escape(figures[key]) for key in known)]
    rows = [
        [escape(str(n)), f"{c['examples']:,}", *(f"{c[key]:.4f}" if key in c else "" for key in known)]
        for n, c in shown
    ]
    spread = [(100 * (i + 0.5) / len(ranked), c["quality"]) for i, (_, c) in enumerate(ranked)]
    curve = {quality.title: spread} if len(ranked) > MOST_CLIENTS else {}
    chart = line_chart(f"{quality.title.capitalize()} of the clients, the worst first, in % of them", curve)
    note = f"Each on its own examples of the test split{'' if len(shown) == len(ranked) else '; the worst ones'}."
    return f"<h3>The model at each client</h3>{chart}{markup.rows(header, rows)}{_note(note)}"


def _note(text: str) -> str:
    return f'<p class="note">{escape(text)}</p>'
