"""Small charts as inline SVG: no library, no network, printable, in the page's own colours."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape

WIDTH, HEIGHT = 520, 240
LEFT, RIGHT, TOP, BOTTOM = 52, 12, 14, 34
NUM_TICKS = 5
COLOURS = ("var(--c1)", "var(--c2)", "var(--c3)", "var(--c4)", "var(--c5)")
BAR_HEIGHT, BAR_GAP, BAR_LEFT, BAR_RIGHT = 20, 8, 210, 90
EQUAL = 1e-6
"""Values that differ by less, relatively, have an axis as equal ones do: its ticks would all read the same."""
CHARACTER = 8
"""Width of a digit, generously."""

Series = Sequence[tuple[float, float]]


def line_chart(title: str, series: Mapping[str, Series]) -> str:
    """Lines over steps with axes, ticks and a legend; empty when there is nothing to draw."""
    drawn = {name: points for name, points in series.items() if points}
    if not drawn:
        return ""
    xs = [x for points in drawn.values() for x, _ in points]
    ys = [y for points in drawn.values() for _, y in points]
    x_ticks, y_ticks = ticks(0, max(xs) or 1), ticks(min(ys), max(ys))
    scale = _Scale(x_ticks[0], x_ticks[-1], y_ticks[0], y_ticks[-1])
    parts = [_axes(scale, x_ticks, y_ticks)]
    for colour, (name, points) in zip(_cycle(len(drawn)), drawn.items(), strict=True):
        path = " ".join(f"{scale.x(x):.1f},{scale.y(y):.1f}" for x, y in points)
        dots = "".join(
            f'<circle cx="{scale.x(x):.1f}" cy="{scale.y(y):.1f}" r="2.5" fill="{colour}"/>' for x, y in points
        )
        few = dots if len(points) < 20 else ""
        parts.append(f'<polyline fill="none" stroke="{colour}" stroke-width="2" points="{path}"/>{few}')
        del name
    legend = "".join(
        f'<span><i style="background:{c}"></i>{escape(name)}</span>'
        for c, name in zip(_cycle(len(drawn)), drawn, strict=True)
    )
    return (
        f'<figure><figcaption>{escape(title)}</figcaption><svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="{escape(title)}">{"".join(parts)}</svg><div class="legend">{legend}</div></figure>'
    )


def bar_chart(title: str, bars: Sequence[tuple[str, float, str, str]]) -> str:
    """Horizontal bars.

    Args:
        title: above the chart.
        bars: (label, value, the value as text, CSS class of the bar).
    """
    if not bars:
        return ""
    largest = max(value for _, value, _, _ in bars) or 1.0
    width = WIDTH + 200
    room = width - BAR_LEFT - max(BAR_RIGHT, 20 + CHARACTER * max(len(text) for _, _, text, _ in bars))
    rows = []
    for i, (label, value, text, kind) in enumerate(bars):
        y = i * (BAR_HEIGHT + BAR_GAP)
        length = max(1.0, room * value / largest)
        middle = y + BAR_HEIGHT / 2
        rows.append(
            f'<text x="{BAR_LEFT - 10}" y="{middle}" text-anchor="end" dominant-baseline="central">'
            f"{escape(label)}</text>"
            f'<rect class="{escape(kind)}" x="{BAR_LEFT}" y="{y}" width="{length:.1f}" height="{BAR_HEIGHT}" rx="3"/>'
            f'<text x="{BAR_LEFT + length + 8:.1f}" y="{middle}" dominant-baseline="central">{escape(text)}</text>'
        )
    height = len(bars) * (BAR_HEIGHT + BAR_GAP)
    return (
        f'<figure class="wide"><figcaption>{escape(title)}</figcaption><svg viewBox="0 0 {width} {height}" role="img" '
        f'aria-label="{escape(title)}">{"".join(rows)}</svg></figure>'
    )


def ticks(low: float, high: float) -> list[float]:
    """Round numbers from at most ``low`` to at least ``high``, about ``NUM_TICKS`` of them."""
    span = high - low
    if span <= abs(high) * EQUAL:
        span = abs(high) or 1.0
    raw = span / (NUM_TICKS - 1)
    power = 10.0 ** _floor_log10(raw)
    step = next(m * power for m in (1, 2, 2.5, 5, 10) if m * power >= raw * 0.999)
    first = step * (low // step)
    count = int(-(-(high - first) // step)) + 1
    return [round(first + i * step, 12) for i in range(max(2, count))]


def _floor_log10(value: float) -> int:
    return math.floor(math.log10(value))


class _Scale:
    """From data to pixels."""

    def __init__(self, x0: float, x1: float, y0: float, y1: float) -> None:
        self.x0, self.x1, self.y0, self.y1 = x0, x1, y0, y1

    def x(self, value: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * (value - self.x0) / ((self.x1 - self.x0) or 1.0)

    def y(self, value: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * (value - self.y0) / ((self.y1 - self.y0) or 1.0)


def _axes(scale: _Scale, x_ticks: Sequence[float], y_ticks: Sequence[float]) -> str:
    lines = [
        f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{scale.y(t):.1f}" y2="{scale.y(t):.1f}"/>'
        f'<text x="{LEFT - 8}" y="{scale.y(t):.1f}" text-anchor="end" dominant-baseline="central">{t:g}</text>'
        for t in y_ticks
    ]
    lines += [
        f'<text x="{scale.x(t):.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{t:g}</text>' for t in x_ticks
    ]
    return "".join(lines)


def _cycle(count: int) -> list[str]:
    return [COLOURS[i % len(COLOURS)] for i in range(count)]
