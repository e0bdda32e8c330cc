import torch
from torch import nn

from accel.ops.optimizer_groups import faster


def test_some_parameters_learn_faster_and_the_schedule_keeps_the_ratio():
    slow, fast = nn.Linear(2, 2), nn.Linear(2, 2)
    optimizer = torch.optim.AdamW([*slow.parameters(), *fast.parameters()], lr=0.1, weight_decay=0.3)
    faster(optimizer, fast.parameters(), 16)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 / (step + 1))
    optimizer.step()
    schedule.step()
    rates = {id(p): group["lr"] for group in optimizer.param_groups for p in group["params"]}
    assert [rates[id(slow.weight)], rates[id(fast.weight)]] == [0.05, 0.8]
    assert {group["weight_decay"] for group in optimizer.param_groups} == {0.3}
