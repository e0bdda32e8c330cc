"""One of two processes that train the same work by turns; ``test_ddp_throughput.py`` starts both and reads the result.

``python ddp_rank.py RANK PORT ROUNDS TOKENS``: prints, on rank 0, a JSON of seconds per step, by contender and round.
"""

import json
import os
import statistics
import sys
import time
from contextlib import contextmanager
from datetime import timedelta
from itertools import count, pairwise

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch.nn.parallel import DistributedDataParallel

from accel.config.compose import compose
from accel.core.console import Console
from accel.core.logs import quiet_third_parties
from accel.data.prepared import prepare
from accel.plan.decide import decide
from accel.run.fit import fit
from accel.run.module import TransformerModule

STEPS, WARM = 6, 2
WORDS = ["task=airline", "model=minilm", "tracker=none", "trainer.precision=fp32", f"trainer.max_steps={STEPS}"]


def plan_of(tokens, *words):
    plan = decide(compose([*WORDS, f"trainer.batch_tokens={tokens}", *words]))
    return plan, prepare(plan.task.load(0), plan)


def seconds(times):
    """Of the median step after the first ones, which warm up."""
    return statistics.median(b - a for a, b in pairwise(times[WARM:]))


def plain(plan, data, rank, wrap):
    """What a user would write; ``wrap`` makes it distributed."""
    torch.manual_seed(plan.seed)
    model = wrap(plan.model.network(data.objective))
    optimizer = plan.trainer.optimizer(model)
    schedule = plan.trainer.schedule(optimizer, STEPS)
    collate, times = data.collator(), []
    for indices in data.sampler(plan, rank).batches(0)[:STEPS]:
        times.append(time.perf_counter())
        batch = collate([data.train[i] for i in indices])
        labels = batch.pop("labels")
        loss = F.cross_entropy(model(**batch).logits, labels)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), plan.trainer.gradient_clip)
        optimizer.step()
        schedule.step()
    return seconds([*times, time.perf_counter()])


def ours(plan, data):
    """The same through accel's trainer; a step runs from one training_step to the next."""
    times, original = [], TransformerModule.training_step
    TransformerModule.training_step = lambda self, b, i: times.append(time.perf_counter()) or original(self, b, i)
    try:
        fit(plan, data, Console(None, silent=True), title="bench")
    finally:
        TransformerModule.training_step = original
    return seconds(times)


@contextmanager
def rank_of_two(rank, port):
    """What a launcher tells a process."""
    told = {"RANK": rank, "LOCAL_RANK": rank, "GROUP_RANK": 0, "WORLD_SIZE": 2, "MASTER_PORT": port}
    os.environ.update({name: str(value) for name, value in told.items()}, MASTER_ADDR="127.0.0.1")
    try:
        yield
    finally:
        for name in told:
            os.environ.pop(name)


def contenders(rank, tokens, ports):
    """By name, what each does; every one begins on both ranks at once, and rank 1 rests where one process is timed."""
    together, data = plan_of(tokens, "strategy=ddp")
    single, _ = plan_of(tokens, "strategy=single")

    def plain_ddp():
        dist.init_process_group("gloo", init_method=f"tcp://127.0.0.1:{next(ports)}", rank=rank, world_size=2)
        try:
            return plain(together, data, rank, DistributedDataParallel)
        finally:
            dist.destroy_process_group()

    def accel_ddp():
        with rank_of_two(rank, next(ports)):
            return ours(together, data)

    return {
        "plain ddp": plain_ddp,
        "accel ddp": accel_ddp,
        "accel alone": lambda: ours(single, data) if rank == 0 else None,
        "two that never talk": lambda: plain(together, data, rank, lambda model: model),
    }


def main(rank, port, rounds, tokens):
    quiet_third_parties()
    torch.set_num_threads(1)
    os.environ["MASTER_ADDR"] = "127.0.0.1"
    store = dist.TCPStore("127.0.0.1", port, 2, is_master=rank == 0, timeout=timedelta(seconds=500))
    every = contenders(rank, tokens, count(port + 1))
    found = {name: [] for name in every}
    for number in range(rounds):
        for name, run in every.items():
            store.set(f"{number} {name} {rank}", "ready")
            store.wait([f"{number} {name} {other}" for other in range(2)])
            found[name].append(run())
    store.set(f"done {rank}", "done")
    store.wait(["done 0", "done 1"])
    if rank == 0:
        print(json.dumps(found))


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:]))
