"""Two processes of one thread each: accel's DDP against a plain DDP loop, and against one process; ``make bench``.

The same two processes take every contender in turn, on the same batches of MiniLM; ratios are taken round by round.
The roof of weak scaling is two processes that never talk: what they lose, the machine takes (caches, memory, clock).
"""

import pytest

from accel.measure.timing import median_interval
from tests.bench.two_ranks import on_two_ranks

ROUNDS = 4


@pytest.mark.parametrize("tokens", [1024, 4096])
def test_ddp_throughput(tokens, figures):
    found = on_two_ranks("ddp_rank.py", ROUNDS, tokens)

    def ratio(slower, faster):
        return [a / b for a, b in zip(found[slower], found[faster], strict=True)]

    rows = {
        "tokens/s, accel's DDP over plain DDP": ratio("plain ddp", "accel ddp"),
        "efficiency of accel's DDP over one process": ratio("accel alone", "accel ddp"),
        "roof: the same of two that never talk": ratio("accel alone", "two that never talk"),
    }
    for name, times in found.items():
        figures.median(f"{tokens} tokens per rank, {name}, step", times, "s")
    for name, ratios in rows.items():
        figures.median(f"{tokens} tokens per rank, {name}", ratios, "x")
    assert median_interval(rows["tokens/s, accel's DDP over plain DDP"])[1] >= 0.98
