"""Two processes of one thread each: accel's DDP against a plain DDP loop, and against one process; ``make bench``.

The same two processes take every contender in turn, on the same batches of MiniLM; ratios are taken round by round.
The roof of weak scaling is two processes that never talk: what they lose, the machine takes (caches, memory, clock).
"""

import json
import socket
import statistics
import subprocess
import sys
from pathlib import Path

import pytest

from accel.measure import median_interval

ROUNDS = 4


def run(tokens):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    script = str(Path(__file__).with_name("ddp_rank.py"))
    ranks = [
        subprocess.Popen([sys.executable, script, str(rank), str(port), str(ROUNDS), str(tokens)],
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for rank in range(2)
    ]  # fmt: skip
    try:
        outputs = [rank.communicate(timeout=580) for rank in ranks]
    finally:
        for rank in ranks:
            rank.kill()
    assert all(rank.returncode == 0 for rank in ranks), outputs
    return json.loads(outputs[0][0].splitlines()[-1])


@pytest.mark.parametrize("tokens", [1024, 4096])
def test_ddp_throughput(tokens):
    found = run(tokens)

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
