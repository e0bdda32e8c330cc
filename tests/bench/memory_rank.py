"""What one process of two holds in the middle of a step; ``test_fsdp_memory.py`` starts both.

``python memory_rank.py RANK PORT``: prints, on rank 0, bytes by strategy and kind. Rank 1 rests while one trains alone.
"""

import json
import sys
from itertools import count

import torch

from accel.ops.parallel.shards import local
from accel.run.module import TransformerModule
from tests.bench.ddp_rank import ours, plan_of, rank_of_two

STRATEGIES = ("single", "ddp", "fsdp")
WHEN = 2  # the optimizer has its state from the first step on


def bytes_of(tensors):
    storages = {t.untyped_storage().data_ptr(): t.untyped_storage().nbytes() for t in map(local, tensors)}
    return sum(storages.values())


def held(module):
    """Bytes of weights, gradients and optimizer state, as this process holds them when gradients are complete."""
    (optimizer,) = module.trainer.optimizers
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    state = [value for p in parameters for value in optimizer.state[p].values() if isinstance(value, torch.Tensor)]
    gradients = [p.grad for p in parameters if p.grad is not None]
    return {"weights": bytes_of(parameters), "gradients": bytes_of(gradients), "optimizer": bytes_of(state)}


def main(rank, port):
    torch.set_num_threads(1)
    found, original, ports = {}, TransformerModule.configure_gradient_clipping, count(port)
    for strategy in STRATEGIES:

        def look(self, *args, strategy=strategy, **kwargs):
            original(self, *args, **kwargs)
            if self.global_step == WHEN:
                found[strategy] = held(self)

        TransformerModule.configure_gradient_clipping = look
        plan, data = plan_of(512, f"strategy={strategy}")
        if strategy == "single":
            ours(plan, data) if rank == 0 else None
        else:
            with rank_of_two(rank, next(ports)):
                ours(plan, data)
    if rank == 0:
        print(json.dumps(found))


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:]))
