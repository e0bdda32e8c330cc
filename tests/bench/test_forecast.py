"""What the forecast says of a step of two processes, against that step; ``make bench``.

It measures at a quarter, a half and all of the middle batch, and is asked about half of it, it, and twice as much.
"""

import statistics

import pytest

from tests.bench.two_ranks import on_two_ranks

ROUNDS = 3
TOKENS = (512, 1024, 2048)
TOLERANCE = 0.15


@pytest.fixture(scope="module")
def found():
    return on_two_ranks("forecast_rank.py", ROUNDS, *TOKENS, timeout_s=1500)


@pytest.mark.parametrize("tokens", TOKENS)
@pytest.mark.parametrize("strategy", ["ddp", "fsdp"])
def test_forecast(found, strategy, tokens, figures):
    rounds = found[f"{strategy} {tokens}"]
    errors = [forecast / measured - 1 for forecast, measured in rounds]
    for name, values in zip(("forecast", "measured"), zip(*rounds, strict=True), strict=True):
        figures.median(f"{strategy} on 2 processes, {tokens} tokens each, step, {name}", values, "s")
    figures.median(f"{strategy} on 2 processes, {tokens} tokens each, off by", [100 * e for e in errors], "%", roof=0)
    assert abs(statistics.median(errors)) <= TOLERANCE
