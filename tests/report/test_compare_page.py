from html.parser import HTMLParser

import pytest

from accel.report.compare_page import _curve, render
from accel.report.comparison import compare_runs
from accel.report.record import new_record
from accel.report.records import Recorded


class Handlers(HTMLParser):
    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attrs):
        self.found += [name for name, _ in attrs if name.startswith("on")]
        self.found += [tag] if tag in ("img", "iframe", "svg") else []


@pytest.mark.parametrize(
    "name", ["<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "</script><svg onload=a>"]
)
def test_hostile_names_are_text_and_the_page_needs_no_network(tmp_path, name):
    cost = {"latency_ms_p50": 1.0, "size_bytes": 1e6, "engine": "eager", "dtype": "int8"}
    record = {**new_record([name]), "name": name, "status": "finished"}
    record["after"] = {"metrics": {"accuracy": 0.5, "macro_f1": 0.5}, "cost": cost}
    page = render(
        compare_runs([Recorded(tmp_path / "x", record), Recorded(tmp_path / "y", {**record, "name": "z"})]), tmp_path
    )
    parser = Handlers()
    parser.feed(page)
    assert parser.found == []
    assert "<script>alert(1)" not in page
    assert '<script src="http' not in page
    assert len(page) < 6_000_000


def test_curves_are_thinned_out_and_end_where_they_end(tmp_path):
    rows = "".join(f"{step},train/loss,{step / 1000}\n" for step in range(1003))
    (tmp_path / "metrics.csv").write_text(f"step,name,value\n{rows}")
    steps, values = _curve(tmp_path / "metrics.csv", "train/loss")
    assert len(steps) == len(values) <= 50
    assert (steps[-1], values[-1]) == (1002, 1.002)
    assert _curve(tmp_path / "nothing.csv", "train/loss") == [[], []]
