"""Two processes of one thread each: accel's DDP against a plain DDP loop, and against one process; ``make bench``.

The same two processes take every contender in turn, on the same batches of MiniLM; ratios are taken round by round.
The roof of weak scaling is two processes that never talk: what they lose, the machine takes (caches, memory, clock).
"""

import statistics

import pytest

from accel.measure import median_interval
from tests.bench.two_ranks import on_two_ranks

ROUNDS = 4


@pytest.mark.parametrize("tokens", [1024, 4096])
def test_ddp_throughput(tokens):
    found = on_two_ranks("ddp_rank.py", ROUNDS, tokens)

    def ratio(slower, faster):
        values = [a / b for a, b in zip(found[slower], found[faster], strict=True)]
        low, high = median_interval(values)
        return statistics.median(values), low, high

    rows = {
        "tokens/s, accel's DDP over plain DDP": ratio("plain ddp", "accel ddp"),
        "efficiency of accel's DDP over one process": ratio("accel alone", "accel ddp"),
        "roof: the same of two that never talk": ratio("accel alone", "two that never talk"),
    }
    print(
        f"\n{tokens} tokens per rank; seconds per step: { ({n: round(statistics.median(v), 3) for n, v in found.items()}) }"
    )
    for name, (middle, low, high) in rows.items():
        print(f"  {name:<44} {middle:.3f} (90 % interval {low:.3f}-{high:.3f}, {ROUNDS} rounds)")
    assert rows["tokens/s, accel's DDP over plain DDP"][2] >= 0.98
