"""A month as money, worked out by hand."""

import math
import random
from itertools import pairwise

import pytest

from accel.core.metric import ACCURACY, OF_LANGUAGE, OF_RETRIEVAL, Metric, stated
from accel.errors import ConfigError
from accel.report.money import Bill, Prices, amount, bill, said, stretches

PRICES = Prices(price_per_cpu_hour=0.05, requests_per_month=1e6, cost_per_error=0.02, price_per_gb_month=4.0)


def record(right=0.9, latency=36.0, threads=2, metric=ACCURACY, **cost):
    figures = {
        "latency_ms_p50": latency,
        "num_threads": threads,
        "size_bytes": 25e7,
        "engine": "eager",
        "device": "cpu",
    }
    after = {"metrics": {metric.key: right}, "validation": {metric.key: 0.5}, "cost": figures | cost}
    return {"metrics": stated([metric]), "after": after, "data": {"test": 100, "validation": 400}}


def test_a_month_by_hand():
    found = bill(record(), PRICES)
    # 1e6 x 36 ms = 10 h of two cores = 20 core hours; 100,000 errors; a quarter of a GB
    assert isinstance(found, Bill)
    assert (found.cpu_hours, found.compute, found.memory) == (20.0, 1.0, 1.0)
    assert found.errors == pytest.approx(2000)
    assert found.total == pytest.approx(2002)
    assert found.errors_sd == pytest.approx(20000 * math.sqrt(0.9 * 0.1 / 100))
    assert found.at(0.10) == pytest.approx(found.total + 1.0)
    assert bill(record(), PRICES, "validation").errors == pytest.approx(10000)


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        (record(metric=Metric("entity_f1", "entity F1")), "entity F1 is not stated to be the share"),
        (record(metric=OF_LANGUAGE[0]), "accuracy is not stated"),
        (record(metric=OF_RETRIEVAL[0]), "nDCG@10 is not stated"),
        (record(engine="cuda", device="cuda"), "measured on cuda, and prices are of a CPU"),
        (record() | {"after": {"metrics": {"accuracy": 0.9}, "cost": {}}}, "latency was not measured"),
        ({"after": None}, "nothing was scored on the test split"),
    ],
)
def test_what_has_no_price_says_why(changed, why):
    assert why in bill(changed, PRICES)


def test_the_cheapest_at_every_price_is_the_lowest_of_all_lines():
    chance = random.Random(0)
    bills = {str(i): Bill(h := chance.uniform(1, 50), h * 0.1, 0.0, chance.uniform(0, 30)) for i in range(30)}
    found = stretches(bills)
    assert (found[0].low, found[-1].high) == (0.0, math.inf)
    assert all(a.high == b.low for a, b in pairwise(found))
    assert len(found) > 2
    for price in [0.0, *(chance.uniform(0, 5) for _ in range(300))]:
        (chosen,) = [s.run for s in found if s.low <= price < s.high]
        assert bills[chosen].at(price) == pytest.approx(min(b.at(price) for b in bills.values()))
    assert stretches({}) == []
    assert [s.run for s in stretches({"a": Bill(1, 1, 0, 1), "b": Bill(2, 2, 0, 1)})] == ["a"]


def test_the_winner_is_named_with_what_the_test_split_can_tell():
    bills = {"slow": Bill(100, 5.0, 0, 10.0, 1.0), "fast": Bill(10, 0.5, 0, 12.0, 1.0)}
    lines = list(said(bills, PRICES))
    assert lines[0] == "Cheapest: fast, 12.5 a month (errors 12, compute 0.5, memory 0)."
    assert "costs 2.5 more, within the ± 2.77" in lines[1]
    assert lines[2] == "By the price of a CPU hour: at 0 slow; from 0.0222 fast."
    apart = {"slow": Bill(100, 50.0, 0, 10.0, 1.0), "fast": bills["fast"]}
    assert "beyond the ± 2.77" in list(said(apart, PRICES))[1]
    assert list(said({}, PRICES)) == []


def test_prices_are_all_or_none():
    none = dict.fromkeys(("price_per_cpu_hour", "requests_per_month", "cost_per_error", "price_per_gb_month"))
    assert Prices.of(none, "--{}".format) is None
    with pytest.raises(ConfigError, match="missing: --requests_per_month, --cost_per_error"):
        Prices.of(none | {"price_per_cpu_hour": 1.0}, "--{}".format)
    whole = none | {"price_per_cpu_hour": 1.0, "requests_per_month": 1.0, "cost_per_error": 1.0}
    assert Prices.of(whole, str) == Prices(price_per_cpu_hour=1, requests_per_month=1, cost_per_error=1)
    for key, value in (("cost_per_error", -1.0), ("price_per_cpu_hour", math.nan), ("requests_per_month", 0.0)):
        with pytest.raises(ConfigError, match=key):
            Prices.of(whole | {key: value}, str)


def test_amounts_read_as_money():
    assert [amount(v) for v in (0, 1234.4, 12.34, 0.0123, 0.00001)] == ["0", "1,234", "12.3", "0.0123", "1.0e-05"]
