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
def test_forecast(found, strategy, tokens):
    rounds = found[f"{strategy} {tokens}"]
    errors = [forecast / measured - 1 for forecast, measured in rounds]
    forecast, measured = (statistics.median(values) for values in zip(*rounds, strict=True))
    print(
        f"\n{strategy} on 2 processes, {tokens} tokens each: forecast {forecast:.3f} s, measured {measured:.3f} s per "
        f"step, off by {statistics.median(errors):+.1%} ({min(errors):+.1%} to {max(errors):+.1%}, {ROUNDS} rounds)"
    )
    assert abs(statistics.median(errors)) <= TOLERANCE
