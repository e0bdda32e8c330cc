"""The page of ``accel compare``: one file that needs no network, with every run's figures, charts and curves."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote

from accel.report.columns import Column, Row, Value
from accel.report.comparison import Comparison
from accel.report.metrics_file import read_metrics
from accel.report.money import Bill, Prices, said, stretches
from accel.report.svg import COLOURS, line_chart

LOSS_CURVE = "train/loss"
POINTS_PER_CURVE = 50
POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data: blob:"
SEED = "seed"


def render(table: Comparison, place: Path, prices: Prices | None = None) -> str:
    """The whole page; every value is data or escaped text, never markup.

    Args:
        prices: by which the table has costs; none if they were not asked for.
        place: the folder that the page will lie in, from which runs' reports are linked.
    """
    style = _asset("style.css") + _asset("compare.css")
    tables = {"runs": _plain_table(table, place)}
    if SEED in {c.key for c in table.settings}:
        tables["means"] = _plain_table(table.mean_over(SEED), place)
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>accel compare</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}"><style>{style}</style></head>'
        f"<body><main>{_head(table)}{_controls('means' in tables, table.folded()[1])}"
        f'{_money(table, prices)}<section id="charts" class="charts"></section>'
        f'<section class="scroll"><table id="runs"></table></section>'
        f'</main><script type="application/json" id="data">{_embedded(tables, table)}</script>'
        f"<script>{_asset('compare.js')}</script>{_charts(table)}</body></html>\n"
    )


def _asset(name: str) -> str:
    return Path(__file__).with_name(name).read_text("utf8")


def _head(table: Comparison) -> str:
    statuses = [str(row["status"]) for row in table.rows]
    counted = ", ".join(f"{statuses.count(s)} {s}" for s in dict.fromkeys(statuses) if s)
    peers = "".join(f"<br>{letter}: {escape(text)}" for letter, text in table.peers.items())
    return (
        f'<h1>{len(table.rows)} runs side by side</h1><p class="meta">{escape(counted)}. Bold and marked *: no other '
        f"run is better in {escape(table.competed_in)}. Click a head to sort, a run or a point to read its "
        f"report.{peers}</p>"
    )


def _money(table: Comparison, prices: Prices | None) -> str:
    """What the prices say, and where another price of a CPU hour would change the choice."""
    if prices is None:
        return ""
    parts = []
    for letter in table.peers or [""]:
        bills = table.bills(letter)
        lines = "".join(f"<br>{escape(line)}" for line in said(bills, prices)).removeprefix("<br>")
        parts.append(f'<p class="meta">{escape(letter)} {lines}</p>{price_chart(bills, prices)}' if bills else "")
    return f"<section>{''.join(parts)}</section>"


def price_chart(bills: Mapping[str, Bill], prices: Prices) -> str:
    """A month's cost over the price of a CPU hour, of the runs that are somewhere the cheapest."""
    found = stretches(bills)[: len(COLOURS)]
    now, changes = prices.price_per_cpu_hour, [stretch.low for stretch in found[1:]]
    last = max([2 * now, *(1.25 * at for at in changes)]) or 1.0
    points = sorted({0.0, now, *changes, last})
    others = [name for name in sorted(bills, key=lambda name: bills[name].total) if name not in {s.run for s in found}]
    shown = [*(stretch.run for stretch in found), *others][: len(COLOURS)]
    series = {name: [(price, bills[name].at(price)) for price in points] for name in shown}
    title = "Cost a month over the price of a CPU hour; dots: the price given, and where the choice changes"
    return line_chart(title, series)


def _controls(has_means: bool, folded: str) -> str:
    means = '<label><input type="checkbox" id="means"> mean ± sd over seeds</label>' if has_means else ""
    all_ = f'<label><input type="checkbox" id="all"> also {escape(folded)}</label>' if folded else ""
    return (
        '<p class="controls"><input id="filter" type="search" size="48" autocomplete="off" aria-label="filter" '
        'placeholder="filter: words, size_ratio&gt;=4, compression=prune*">'
        f'{means}{all_}<span id="shown" role="status"></span></p>'
    )


def _plain_table(table: Comparison, place: Path) -> dict[str, Any]:
    """The table as plain data for the page's own program."""
    columns = [c for c in table.columns if c.key != "folder"]
    settings = {c.key for c in table.settings}
    kept = {id(row) for row in table.folded()[0].rows}
    return {
        "columns": [
            {
                "key": c.key,
                "title": c.title,
                "number": all(isinstance(row.get(c.key), int | float | None) for row in table.rows),
                "setting": c.key in settings,
                "best": "most" if c.more_is_better else "least",
            }
            for c in columns
        ],
        "rows": [
            _plain_row(row, columns, place, list(_titles(table))) | {"folded": id(row) not in kept}
            for row in table.rows
        ],
    }


def _plain_row(row: Row, columns: Sequence[Column], place: Path, curves: Sequence[str]) -> dict[str, Any]:
    folder = Path(str(row["folder"])) if row["folder"] else None
    return {
        "values": [_short(row.get(c.key)) for c in columns],
        "texts": [c.show(row) for c in columns],
        "link": _link(folder, place) if folder else "",
        "curves": {name: _curve(folder / "metrics.csv", name) for name in curves} if folder else {},
    }


def _titles(table: Comparison) -> dict[str, str]:
    """The curves by the name that they are logged under."""
    quality = table.quality
    validation = {quality.logged: f"{quality.title} on the validation split"} if quality else {}
    return {LOSS_CURVE: "training loss", **validation}


def _short(value: Value) -> Value:
    return float(f"{value:.6g}") if isinstance(value, float) else value


def _link(folder: Path, place: Path) -> str:
    """To the run's report, relative, so that page and runs can move together."""
    report = folder.absolute() / "report.html"
    if not report.is_file():
        return ""
    return quote(Path(os.path.relpath(report, place)).as_posix())


def _curve(file: Path, name: str) -> list[list[float]]:
    """Steps and values, thinned out evenly; the last point always stays."""
    points = read_metrics(file).get(name, [])
    every = max(1, -(-len(points) // POINTS_PER_CURVE))
    kept = points[::-1][::every][::-1]
    return [[float(step) for step, _ in kept], [float(f"{value:.4g}") for _, value in kept]]


def _embedded(tables: Mapping[str, Any], table: Comparison) -> str:
    """JSON that cannot end the element it stands in."""
    value = {"tables": tables, "curves": _titles(table), "quality": asdict(table.quality) if table.quality else None}
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _charts(table: Comparison) -> str:
    """Plotly's library and the charts, after the table is up; nothing of it when there is nothing to draw."""
    quality = table.quality
    if quality is None or sum(row.get(quality.key) is not None for row in table.rows) < 2:
        return ""
    from plotly.offline import get_plotlyjs

    return f"<script>{get_plotlyjs()}</script><script>{_asset('compare_charts.js')}</script>"
