"""What a finished model costs in a month, as money: the machine that answers, the room it takes, and its errors."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any

from accel.core.metric import quality_of
from accel.errors import ConfigError

SPLIT = {"test": "metrics", "validation": "validation"}
"""Where a record has the scores of a split."""
CPU = "cpu"


@dataclass(frozen=True, kw_only=True)
class Prices:
    """What things cost, in one currency, whichever that is."""

    price_per_cpu_hour: float
    """Of one core."""
    requests_per_month: float
    cost_per_error: float
    """Of one wrong answer, on the average."""
    price_per_gb_month: float = 0.0
    """Of memory, or of what else has to hold the bytes to ship."""

    @classmethod
    def of(cls, given: Mapping[str, float | None], typed: Callable[[str], str]) -> Prices | None:
        """Those that were given; None where none was.

        Args:
            given: values by field, None for those that were not given.
            typed: how a field's name is typed.

        Raises:
            ConfigError: one is missing, or no price.
        """
        found = {key: value for key, value in given.items() if value is not None}
        if not found:
            return None
        needed = [field.name for field in fields(cls) if field.name != "price_per_gb_month"]
        if missing := [typed(key) for key in needed if key not in found]:
            raise ConfigError(f"A cost needs all of its prices; missing: {', '.join(missing)}.")
        prices = cls(**found)
        for key, value in found.items():
            if not (math.isfinite(value) and value >= 0):
                raise ConfigError(f"{typed(key)} {value:g}: a price is a number from 0.")
        if prices.requests_per_month == 0:
            raise ConfigError(f"{typed('requests_per_month')} 0: without requests nothing costs anything.")
        return prices


PRICES = tuple(field.name for field in fields(Prices))


@dataclass(frozen=True)
class Bill:
    """One model's month, in the currency of the prices."""

    cpu_hours: float
    compute: float
    memory: float
    errors: float
    errors_sd: float | None = None
    """Standard error of the errors' part, by how many texts the share of errors was measured on; None if unknown."""

    @property
    def total(self) -> float:
        """The number that runs are chosen by."""
        return self.compute + self.memory + self.errors

    def at(self, price_per_cpu_hour: float) -> float:
        """The total at another price of a core's hour."""
        return self.total - self.compute + self.cpu_hours * price_per_cpu_hour


def bill(record: Mapping[str, Any], prices: Prices, split: str = "test") -> Bill | str:
    """What a run's exported model costs in a month, or why that cannot be said.

    One request is one text at batch 1 on the fastest engine measured, which holds its threads for the median latency;
    its error is an answer that is not right, of which there are as many as on the split.
    """
    after, quality = record.get("after") or {}, quality_of(record)
    value = (after.get(SPLIT[split]) or {}).get(quality.key) if quality else None
    cost = after.get("cost") or {}
    if quality is None or value is None:
        return f"nothing was scored on the {split} split"
    if not quality.share_of_right:
        return f"{quality.title} is not stated to be the share of requests answered right"
    if "latency_ms_p50" not in cost or "num_threads" not in cost:
        return "its latency was not measured"
    if cost.get("device", CPU) != CPU:
        return f"it was measured on {cost['engine']}, and prices are of a CPU"
    hours = prices.requests_per_month * cost["latency_ms_p50"] / 3.6e6 * cost["num_threads"]
    at_stake = prices.requests_per_month * prices.cost_per_error
    return Bill(
        cpu_hours=hours,
        compute=hours * prices.price_per_cpu_hour,
        memory=cost["size_bytes"] / 1e9 * prices.price_per_gb_month,
        errors=at_stake * (1 - value),
        errors_sd=_standard_error(value, (record.get("data") or {}).get(split), at_stake),
    )


def _standard_error(share: float, count: int | None, each: float) -> float | None:
    return each * math.sqrt(share * (1 - share) / count) if count else None


@dataclass(frozen=True)
class Stretch:
    """Prices of a core's hour among which one run is the cheapest."""

    run: str
    low: float
    high: float


def stretches(bills: Mapping[str, Bill]) -> list[Stretch]:
    """The cheapest run at every price of a core's hour, from 0 to infinity: the lower hull of straight lines."""
    if not bills:
        return []
    price, found = 0.0, []
    run = min(bills, key=lambda name: (bills[name].at(0.0), bills[name].cpu_hours))
    while True:
        crossings = {name: _crossing(bills[run], other) for name, other in bills.items()}
        later = {name: at for name, at in crossings.items() if at is not None and at > price}
        if not later:
            return [*found, Stretch(run, price, math.inf)]
        following = min(later, key=lambda name: (later[name], bills[name].cpu_hours))
        found.append(Stretch(run, price, later[following]))
        run, price = following, later[following]


def _crossing(now: Bill, other: Bill) -> float | None:
    """The price above which the other is cheaper; None where it never becomes so."""
    saved = now.cpu_hours - other.cpu_hours
    return (other.at(0.0) - now.at(0.0)) / saved if saved > 0 else None


def said(bills: Mapping[str, Bill], prices: Prices) -> Iterator[str]:
    """The winner with its parts, what it is ahead by, and where the choice changes, in sentences."""
    ranked = sorted(bills, key=lambda name: bills[name].total)
    if not ranked:
        return
    best = bills[ranked[0]]
    yield f"Cheapest: {ranked[0]}, {amount(best.total)} a month ({parts(best, prices)})."
    if len(ranked) > 1:
        yield _margin(best, ranked[1], bills[ranked[1]])
    found = stretches(bills)
    if len(found) > 1:
        changes = "; ".join(f"from {amount(stretch.low)} {stretch.run}" for stretch in found[1:])
        yield f"By the price of a CPU hour: at 0 {found[0].run}; {changes}."
    elif len(ranked) > 1:
        yield f"At every price of a CPU hour {found[0].run} is the cheapest."


def _margin(best: Bill, name: str, second: Bill) -> str:
    ahead = second.total - best.total
    text = f"The next, {name}, costs {amount(ahead)} more"
    if best.errors_sd is None or second.errors_sd is None:
        return f"{text}."
    unsure = 1.96 * math.hypot(best.errors_sd, second.errors_sd)
    found = "within" if unsure > ahead else "beyond"
    return f"{text}, {found} the ± {amount(unsure)} to which so many test texts tell what their errors cost."


def parts(found: Bill, prices: Prices) -> str:
    """What the number is made of."""
    memory = [f"memory {amount(found.memory)}"] if prices.price_per_gb_month else []
    return ", ".join([f"errors {amount(found.errors)}", f"compute {amount(found.compute)}", *memory])


def amount(value: float) -> str:
    """1,234; 12.3; 0.0123: a currency is not known here."""
    if value == 0 or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) >= 1e-4 else f"{value:.1e}"
