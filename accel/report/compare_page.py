"""The page of ``accel compare``: two Pareto charts and a sortable table in one file that needs no network."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from accel.report.comparison import COLUMNS, Column, Comparison, Value, label

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

CHARTS = {"latency_ms_p50": "latency p50 [ms], batch 1", "size_bytes": "bytes to ship"}
"""Cost on the x axis of each chart; the y axis is accuracy on the test split."""
LAYOUT = {
    "template": "none",
    "height": 430,
    "paper_bgcolor": "rgba(0,0,0,0)",
    "plot_bgcolor": "rgba(0,0,0,0)",
    "legend": {"orientation": "h", "y": -0.25},
    "margin": {"t": 50, "r": 20},
}
CONFIG = {"displayModeBar": False, "responsive": True}
POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data: blob:"
SORT = """
for (const th of document.querySelectorAll("#runs th")) th.addEventListener("click", () => {
  const rows = [...document.querySelectorAll("#runs tbody tr")], i = th.cellIndex;
  const up = th.getAttribute("aria-sort") !== "ascending", words = th.classList.contains("text");
  const value = r => r.cells[i].dataset.v;
  rows.sort((a, b) => {
    const x = value(a), y = value(b);
    if (!x || !y) return !x - !y;
    return (up ? 1 : -1) * (words ? x.localeCompare(y) : x - y);
  });
  document.querySelectorAll("#runs th").forEach(h => h.removeAttribute("aria-sort"));
  th.setAttribute("aria-sort", up ? "ascending" : "descending");
  document.querySelector("#runs tbody").append(...rows);
});
const dark = matchMedia("(prefers-color-scheme: dark)");
const paint = () => document.querySelectorAll(".plotly-graph-div").forEach(chart => Plotly.relayout(chart, {
  autosize: true, "font.color": dark.matches ? "#e6e9ee" : "#1d2430",
  "xaxis.gridcolor": dark.matches ? "#2c3440" : "#e3e7ed", "yaxis.gridcolor": dark.matches ? "#2c3440" : "#e3e7ed"}));
dark.addEventListener("change", paint); paint();
"""
STYLE = """
main { max-width: 1500px; }
#runs { font-size: .88rem; }
#runs th { cursor: pointer; white-space: pre; vertical-align: bottom; }
#runs th::after { content: " \\2195"; opacity: .35; }
#runs th[aria-sort]::after { opacity: 1; }
#runs th[aria-sort=ascending]::after { content: " \\2191"; }
#runs th[aria-sort=descending]::after { content: " \\2193"; }
#runs td { white-space: nowrap; }
#runs td.text div { min-width: 4em; max-width: 24em; width: max-content; max-height: 8em; overflow: auto;
  white-space: pre-wrap; }
#runs tr.best td { background: var(--card); font-weight: 600; }
.js-plotly-plot .main-svg { width: 100%; height: 100%; }
.modebar svg { width: 1em; height: 1em; }
"""


def render(table: Comparison) -> str:
    """The whole page; every value is escaped."""
    style = Path(__file__).with_name("style.css").read_text("utf8") + STYLE
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>accel compare</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}"><style>{style}</style></head>'
        f"<body><main>{_head(table)}{_charts(table)}{_table(table)}</main><script>{SORT}</script></body></html>\n"
    )


def _head(table: Comparison) -> str:
    return (
        f'<h1>{len(table.rows)} runs side by side</h1><p class="meta">{_statuses(table)}. Bold and marked *: no other '
        f"run is better in accuracy, latency p50 and bytes to ship. Click a head to sort.</p>"
    )


def _statuses(table: Comparison) -> str:
    statuses = [str(row["status"]) for row in table.rows]
    return escape(", ".join(f"{statuses.count(s)} {s}" for s in dict.fromkeys(statuses)))


def charts(table: Comparison) -> dict[str, Figure]:
    """Accuracy over each cost, the Pareto front as a line; a chart without two points is left out."""
    drawn = {}
    for cost, title in CHARTS.items():
        points = [row for row in table.rows if row["accuracy"] is not None and row[cost] is not None]
        if len(points) > 1:
            drawn[f"accuracy_over_{cost}"] = _chart(points, cost, title)
    return drawn


def _chart(points: Sequence[dict[str, Value]], cost: str, title: str) -> Figure:
    import plotly.graph_objects as go

    figure = go.Figure(layout={**LAYOUT, "title": f"Accuracy over {title}"})
    figure.update_xaxes(title=title, rangemode="tozero", automargin=True)
    figure.update_yaxes(title="accuracy on the test split", automargin=True)
    front = _front(points, cost)
    line = {"shape": "hv", "dash": "dot", "color": "#8a94a3"}
    figure.add_scatter(**_xy(front, cost), mode="lines", line=line, name="front of these two", hoverinfo="skip")
    for name, colour, mark in (("Pareto", "#2563c9", "*"), ("beaten by another", "#d9822b", "")):
        some = [p for p in points if p["pareto"] == mark]
        figure.add_scatter(
            **_xy(some, cost),
            mode="markers",
            name=name,
            marker={"size": 11, "color": colour},
            text=[_hover(p) for p in some],
            hovertemplate="%{text}<extra></extra>",
        )
    return figure


def _xy(points: Sequence[dict[str, Value]], cost: str) -> dict[str, list[Value]]:
    return {"x": [p[cost] for p in points], "y": [p["accuracy"] for p in points]}


def _front(points: Sequence[dict[str, Value]], cost: str) -> list[dict[str, Value]]:
    """The points that no cheaper one reaches in accuracy, from cheap to dear: this chart's own front of two."""
    front: list[dict[str, Value]] = []
    for point in sorted(points, key=lambda p: (p[cost], -float(p["accuracy"] or 0))):  # type: ignore[operator]
        if not front or float(point["accuracy"] or 0) > float(front[-1]["accuracy"] or 0):
            front.append(point)
    return front


def _hover(row: dict[str, Value]) -> str:
    """Plotly reads a little HTML in these texts, so every value is escaped."""
    figures = ("accuracy", "latency_ms_p50", "size_bytes", "engine", "epsilon")
    shown = [
        f"{' '.join(c.title.split())} {c.show(row[c.key])}"
        for c in COLUMNS
        if c.key in figures and row[c.key] not in (None, "")
    ]
    return "<br>".join(escape(line) for line in [str(row["name"]), label(row), *shown])


def _charts(table: Comparison) -> str:
    """Plotly's library once, then the charts; nothing of it when there is nothing to draw."""
    parts = [
        figure.to_html(full_html=False, include_plotlyjs=number == 0, config=CONFIG)
        for number, figure in enumerate(charts(table).values())
    ]
    return f'<section class="charts">{"".join(f"<figure>{part}</figure>" for part in parts)}</section>' if parts else ""


def _table(table: Comparison) -> str:
    columns = table.columns
    head = "".join(f'<th class="{_css(c)}">{escape(c.title)}</th>' for c in columns)
    body = "".join(
        f'<tr class="{"best" if row["pareto"] else ""}">{"".join(_cell(c, row[c.key]) for c in columns)}</tr>'
        for row in table.rows
    )
    rows = f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody>"
    return f'<section class="scroll"><table id="runs">{rows}</table></section>'


def _cell(column: Column, value: Value) -> str:
    raw = "" if value is None else escape(str(value), quote=True)
    return f'<td class="{_css(column)}" data-v="{raw}"><div>{escape(column.show(value))}</div></td>'


def _css(column: Column) -> str:
    return "text" if column.text is None else "number"
