"""One of two processes that measure, and then train what was forecast; ``test_forecast.py`` starts both.

``python forecast_rank.py RANK PORT ROUNDS TOKENS…``: prints, on rank 0, by strategy and tokens, a list of
(forecast, measured) seconds per step, one of each round.
"""

import json
import sys
from itertools import count

import torch

from accel.core.console import Console
from accel.core.logs import quiet_third_parties
from accel.forecast.measured import measure
from accel.forecast.outlook import outlook
from accel.process.rank_info import RankInfo
from accel.process.rendezvous import meet
from tests.bench.ddp_rank import ours, plan_of, rank_of_two

STRATEGIES = ("ddp", "fsdp")


def main(rank, port, rounds, *sizes):
    quiet_third_parties()
    torch.set_num_threads(1)
    place = RankInfo(rank=rank, world_size=2, local_rank=rank, local_size=2, node_rank=0, launcher="accel")
    ranks = meet(place, "127.0.0.1", port, 500)
    ports = count(port + 1)
    found = {f"{strategy} {tokens}": [] for strategy in STRATEGIES for tokens in sizes}
    for _ in range(rounds):
        for strategy in STRATEGIES:
            middle, _ = plan_of(sorted(sizes)[len(sizes) // 2], f"strategy={strategy}")
            with rank_of_two(rank, next(ports)):
                device, pace = measure(middle, ranks, Console(None, silent=True))
            for tokens in sizes:
                plan, data = plan_of(tokens, f"strategy={strategy}")
                forecast = next(t for t in outlook(plan, device, pace).times if t.ranks == 2)
                ranks.gather()
                with rank_of_two(rank, next(ports)):
                    found[f"{strategy} {tokens}"].append((forecast.total_s, ours(plan, data)))
    ranks.gather()
    if rank == 0:
        print(json.dumps(found))


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:]))
