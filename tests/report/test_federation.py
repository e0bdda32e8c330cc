import re

import pytest

from accel.core.metric import ACCURACY, RMSE, stated
from accel.report.federation import section, sentences
from accel.report.html import CLIENTS, render, write_report
from accel.report.summary import summary
from tests.report.test_html import HOSTILE, active, full_record

CURVES = {
    "train/clients": [(0, 3.0), (1, 2.0)],
    "train/bytes_up": [(0, 1e6), (1, 2e6)],
    "train/bytes_down": [(0, 5e6), (1, 5e6)],
    "train/update_norm": [(0, 0.5), (1, 0.25)],
}
BARS = {"pooled": 0.9, "alone": 0.7, "alone_on_all": 0.6}


def record(bars=True, clients=3, metric=ACCURACY, name="north"):
    """The first client is the worst in accuracy, the last in RMSE."""
    found = {"rounds": 2, "bytes_per_round": 6.5e6, "worst_decile": 0.25, "worst_decile_clients": 1}
    found["clients"] = {
        f"{name} {n}": {"examples": 10 + n, "quality": 0.25 + 0.6 * n / clients, **({"alone": 0.125} if bars else {})}
        for n in range(clients)
    }
    after = {**full_record()["after"], "metrics": {metric.key: 0.84}}
    more = {"bars": BARS} if bars else {}
    return {**full_record(), "after": after, "metrics": stated([metric]), "federation": {**found, **more}}


def curves_of(clients, rounds=2):
    return {f"client {c}/loss": [(number, float(c)) for number in range(rounds)] for c in range(clients)}


def cells(page):
    return [re.sub("<[^>]*>", "", cell) for cell in re.findall("<td>(.*?)</td>", page)]


def test_the_terminal_is_told_in_one_line():
    assert list(sentences(record())) == [
        "Federated: 2 rounds, 6.5 MB in each; worst of 3 clients 0.250; local only 0.700, pooled 0.900."
    ]
    assert list(sentences({"federation": {"rounds": 2, "bytes_per_round": 6.5e6}})) == [
        "Federated: 2 rounds, 6.5 MB in each."
    ]
    assert list(sentences(full_record())) == []
    assert section(full_record(), CURVES, {}) == ""


def test_bars_stand_beside_each_other_and_only_where_they_were_asked_for():
    page = section(record(), CURVES, {})
    bars = re.findall(r'>([^<>]*)</text><rect class="[^"]*"[^>]*width="([\d.]+)"', page)
    lengths = {name: float(width) for name, width in bars}
    assert list(lengths) == ["local only, on all examples", "local only, on their own", "federated", "pooled"]
    assert lengths["federated"] / lengths["pooled"] == pytest.approx(0.84 / 0.9, abs=0.01)
    assert "pooled" not in section(record(bars=False), CURVES, {})


def test_rounds_have_curves_and_bytes_are_added_up():
    page = section(record(), CURVES, {})
    for title in ("Clients that answered", "MB moved since the beginning", "Norm of the round"):
        assert title in page
    assert ">10<" in page  # MB down after two rounds, on the axis
    assert "Loss at the clients" not in page
    assert "Loss at the clients" in section(record(), CURVES, curves_of(2))


def test_few_clients_have_a_curve_each_and_many_are_told_by_how_they_spread():
    assert "client 4" in section(record(), CURVES, curves_of(5))
    many = section(record(), CURVES, curves_of(6))
    assert "client 4" not in many
    assert "half are below" in many


@pytest.mark.parametrize(("metric", "first"), [(ACCURACY, "north 0"), (RMSE, "north 2")])
def test_the_worst_client_stands_first(metric, first):
    found = cells(section(record(metric=metric), CURVES, {}))
    assert found[0] == first
    assert "0.1250" in found
    assert "0.1250" not in cells(section(record(metric=metric, bars=False), CURVES, {}))


def test_of_many_clients_the_worst_are_named_and_all_are_on_the_curve():
    page = section(record(clients=100), CURVES, {})
    found = cells(page)
    assert "north 19" in found
    assert "north 20" not in found
    assert "the worst first" in page
    assert "the worst first" not in section(record(), CURVES, {})


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_of_a_client_is_text(name):
    assert active(render(record(name=name), "", CURVES, {}, {f"client {name}/loss": [(0, 1.0)]})) == []


def test_the_page_reads_what_clients_left_in_the_folder(tmp_path):
    import json

    (tmp_path / "result.json").write_text(json.dumps(record()))
    (tmp_path / CLIENTS).write_text("step,name,value\n0,client 1/loss,0.5\n")
    assert "client 1" in write_report(tmp_path).read_text()


def test_trackers_get_figures_and_no_client():
    found = {key: value for key, value in summary(record()).items() if key.startswith("federation/")}
    assert found["federation/alone"] == 0.7
    assert found["federation/rounds"] == 2
    assert all(isinstance(value, int | float) for value in found.values())
