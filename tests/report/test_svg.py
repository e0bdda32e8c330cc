import re
from xml.etree import ElementTree

import pytest

from accel.report.svg import bar_chart, line_chart, ticks


def svg_of(html):
    return ElementTree.fromstring(html)


def test_lines_have_axes_a_legend_and_escaped_names():
    html = line_chart("Loss <b>", {"a & b": [(0, 1.0), (10, 0.5)], "empty": []})
    figure = svg_of(html)
    assert len(figure.findall(".//polyline")) == 1
    assert "a & b" in "".join(figure.itertext())
    assert figure.find(".//b") is None
    assert line_chart("nothing", {"empty": []}) == ""


def test_bars_are_as_long_as_their_values():
    figure = svg_of(bar_chart("t", [("x", 10, "10 ms", "a"), ("<i>", 5, "5 ms", "b")]))
    widths = [float(r.get("width")) for r in figure.findall(".//rect")]
    assert widths[0] == pytest.approx(2 * widths[1], rel=0.01)
    assert bar_chart("t", []) == ""


@pytest.mark.parametrize(("low", "high"), [(0, 1), (0, 1e-9), (-3, 7), (5, 5), (0, 0), (0, 1e9), (0.841, 0.847)])
def test_ticks_are_round_and_cover_the_values(low, high):
    found = ticks(low, high)
    assert found[0] <= low
    assert found[-1] >= high
    assert 2 <= len(found) <= 9


def test_the_longest_text_beside_the_longest_bar_is_not_cut_off():
    text = "21.23 ms (21.10-21.45)"
    chart = bar_chart("latency", [("a", 21.2, text, "x"), ("b", 1.0, "1 ms", "x")])
    width = float(re.search(r'viewBox="0 0 (\d+)', chart).group(1))
    start = max(float(x) for x in re.findall(r'<text x="([\d.]+)" y="[\d.]+" dominant', chart))
    assert start + 7 * len(text) <= width


@pytest.mark.parametrize("high", [0.845, 0.845 + 1e-10])
def test_ticks_around_equal_values_read_differently(high):
    shown = [f"{tick:g}" for tick in ticks(0.845, high)]
    assert len(set(shown)) == len(shown) >= 2
