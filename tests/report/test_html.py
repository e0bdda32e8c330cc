import json
import re
from html.parser import HTMLParser

import pytest

from accel.report.html import _engines, render, write_report
from accel.report.record import new_record

HOSTILE = ["<script>alert(1)</script>", '"onload=alert(1) x="', "<img src=x onerror=alert(1)>", "'><svg onload=a>"]


def cost(engine="inductor", dtype="int8", latency=4.0):
    return {
        "num_parameters": 17_000_000, "nonzero_fraction": 1.0, "size_bytes": 18_000_000, "flops": 1_500_000_000,
        "latency_ms_p50": latency, "latency_ms_p95": latency, "latency_ms_p50_interval": [latency, latency],
        "throughput_per_s": 200.0, "peak_memory_bytes": None, "engine": engine, "dtype": dtype, "batch_size": 1,
        "sequence_length": 128, "num_threads": 2, "rounds": 60,
    }  # fmt: skip


def full_record(name="run"):
    per_class = [{"label": name, "precision": 1.0, "recall": 0.5, "f1": 0.7, "support": 3}] * 2
    side = {
        "metrics": {"accuracy": 0.84, "macro_f1": 0.8, "loss": 0.4}, "cost": cost(), "engines": [cost(), cost("eager")],
        "per_class": per_class, "confusion_matrix": [[2, 1], [0, 3]],
    }  # fmt: skip
    return {
        **new_record([name]),
        "status": "finished", "name": name, "group": name, "before": side, "after": side,
        "data": {"train": 4, "labels": [name, "b"], "label_counts": {"train": [1, 3]}, "notes": [name]},
        "measurement": {"verdict": name, "speedup_vs_eager": 2.0, "size_ratio": 2.0, "skipped": {name: name}},
        "techniques": [{
            "name": name, "stage": "REMOVE", "settings": {name: name},
            "evidence": {
                "units_per_block": {f"{name}.heads": 3},
                "full_precision_layers": {name: name},
                "full_precision_cost": {
                    "budget": 0.2, "spent": 0.1, "unit": "ms", "engine": name, "num_threads": 2, "rounded_ms": 4.0,
                    "kinds_ms": {f"{name}.*.attention.query": 0.3, f"{name}.*.{name}": -0.02},
                },
            },
        }],
        "exports": [{"format": name, "path": name, "size_bytes": 9, "max_abs_diff": 0.0, "metrics": {"accuracy": 1.0}}],
        "privacy": {name: name}, "timings": {name: 1.0},
    }  # fmt: skip


class Elements(HTMLParser):
    """Collects tags and attributes that a browser would act on."""

    def __init__(self):
        super().__init__()
        self.active = []

    def handle_starttag(self, tag, attrs):
        self.active += [tag] if tag in ("script", "img", "iframe", "object", "link") else []
        self.active += [name for name, _ in attrs if name.startswith("on") or name in ("src", "href")]


def active(page):
    parser = Elements()
    parser.feed(page)
    return parser.active


@pytest.mark.fault("X6")
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_text(name):
    page = render(full_record(name), name, {f"validation/{name}loss": [(0, 1.0)], "train/loss": [(0, 1.0)]})
    assert active(page) == []


def test_the_check_can_fail():
    """Negative control."""
    assert active(f"<p>{HOSTILE[0]}{HOSTILE[2]}</p>") == ["script", "img", "src", "onerror"]


def test_every_part_is_there_and_small(tmp_path):
    (tmp_path / "result.json").write_text(json.dumps(full_record()))
    (tmp_path / "metrics.csv").write_text("step,name,value\n0,train/loss,1.0\n9,train/loss,0.5\n")
    page = write_report(tmp_path).read_text()
    for title in ("Before and after", "Where the speed comes from", "Confusion", "Exports", "By class", "Privacy"):
        assert title in page
    assert len(page) < 100_000
    assert "http" not in page.replace("http-equiv", "")


@pytest.mark.parametrize("status", ["refused", "failed", "interrupted", "running"])
def test_a_run_without_results_has_a_page(status):
    page = render({**new_record([]), "status": status, "error": "because <b>"}, "", {})
    assert "because &lt;b&gt;" in page


def test_layers_that_were_left_are_there_with_their_reason_and_the_price_of_their_kind():
    page = render(full_record("x"), "", {})
    assert "What was not rounded" in page
    assert ">attention.query</text>" in page
    assert "+0.300 ms" in page
    assert "-0.020 ms" in page
    assert "0.100 of 0.200 ms were spent" in page
    record = full_record("x")
    record["techniques"][0]["evidence"] = {}
    assert "What was not rounded" not in render(record, "", {})  # negative control


def test_kinds_with_the_same_end_are_told_apart():
    kinds = {
        "encoder.block.*.layer.*.SelfAttention.q": 0.1,
        "decoder.block.*.layer.*.SelfAttention.q": 0.2,
        "head": 0.3,
    }
    record = full_record("x")
    record["techniques"][0]["evidence"] = {"full_precision_cost": {"kinds_ms": kinds}}
    page = render(record, "", {})
    for label in ("encoder: SelfAttention.q", "decoder: SelfAttention.q", "head"):
        assert f">{label}</text>" in page


def first_table(page):
    """Rows of cells."""
    rows = re.findall(r"<tr>(.*?)</tr>", page[page.index("<table") : page.index("</table>")])
    return [re.findall(r"<t[hd]>(.*?)</t[hd]>", row) for row in rows]


def test_every_figure_stands_under_its_own_side_and_the_change_goes_from_the_first_to_the_last():
    record = full_record()
    eager, best = cost("eager", "float32", 20.0), cost("inductor", "float32", 10.0)
    record["before"] = {"metrics": {"accuracy": 0.845}, "cost": best, "engines": [best, eager]}
    record["after"] = {"metrics": {"accuracy": 0.841}, "cost": cost(), "engines": [cost()]}
    rows = {row[0]: row[1:] for row in first_table(render(record, "", {}))}
    assert rows[""] == ["dense, eager float32", "dense, inductor float32", "inductor int8", "change"]
    assert rows["accuracy"] == ["0.8450", "0.8450", "0.8410", "-0.40 points"]
    assert rows["latency p50"] == ["20.00 ms", "10.00 ms", "4.00 ms", "5.00x faster"]


def test_the_bars_of_each_side_are_its_engines_with_the_fastest_marked():
    record = full_record()
    record["before"] = {"engines": [cost("eager", "float32", 20.0), cost("inductor", "float32", 10.0)]}
    record["after"] = {"engines": [cost("eager", "int8", 4.0), cost("inductor", "int8", 5.0)]}
    bars = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("accel.report.html.bar_chart", lambda title, drawn: bars.extend(drawn) or "")
        _engines(record)
    assert [(label, value, css) for label, value, _, css in bars] == [
        ("dense: eager float32", 20.0, "dense"), ("dense: inductor float32", 10.0, "dense-best"),
        ("after: inductor int8", 5.0, "after"), ("after: eager int8", 4.0, "after-best"),
    ]  # fmt: skip


def test_the_confusion_has_true_labels_in_rows():
    record = full_record()
    record["data"]["labels"], record["after"]["confusion_matrix"] = ["a", "b"], [[2, 1], [0, 3]]
    page = render(record, "", {})
    cells = re.findall(r"<th>true.*?</table>", page)[0]
    assert re.findall(r">(\d+)<br><small>(\d+%)", cells) == [("2", "67%"), ("1", "33%"), ("0", "0%"), ("3", "100%")]
