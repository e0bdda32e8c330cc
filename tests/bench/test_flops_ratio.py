"""How much of what removing FLOPs promises an engine keeps: speed-up over FLOP ratio, in fp32 on one thread.

MiniLM with a half, a quarter and an eighth of its FLOPs left, heads and channels chosen by their size without any
training, and with half of its layers: all forms and the dense model in turn. At best the ratio is 1.

    pytest -s tests/bench/test_flops_ratio.py
"""

import copy

import pytest
import torch

from accel.compression.prune import Prune, Score
from accel.core.facts import Facts
from accel.measure.variants import time_models
from accel.model.minilm import Minilm
from accel.objective.classification import Classification
from accel.ops.structured.layer_dropping import drop_layers
from accel.ops.structured.structure import find_blocks
from accel.ops.structured.unit_masks import apply_masks, attach, remove_masked, scores_of, update_masks
from accel.ops.structured.unit_scores import MagnitudeUnitScorer

OBJECTIVE = Classification(["a", "b", "c"])
FACTS = Facts(total_steps=1, num_examples=1, objective=OBJECTIVE, world_size=1, seed=0, baseline=None)
SHARES = (0.5, 0.25, 0.125)
ENGINES = ["eager", "inductor", "onnxruntime", "openvino"]


def pruned(dense, share):
    model, settings = copy.deepcopy(dense), Prune(score=Score.magnitude, target_flops=share)
    attach(model)
    blocks = find_blocks(model)
    prices, fraction = settings.budget(model, blocks, FACTS)
    MagnitudeUnitScorer().on_choice(model, blocks, scores_of(model, blocks))
    update_masks(model, blocks, prices, fraction, settings.multiple_of, final=True)
    apply_masks(model, blocks)
    return remove_masked(model)


def shallow(dense):
    model = copy.deepcopy(dense)
    drop_layers(model, 0.5, "evenly")
    return model


@pytest.fixture
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def test_flops_ratio(one_thread, figures):
    torch.manual_seed(0)
    dense = Minilm().network(OBJECTIVE).eval()
    models = [dense, *(pruned(dense, share) for share in SHARES), shallow(dense)]
    found = time_models(models, ENGINES, Minilm().tokenizer(), OBJECTIVE, print)
    fp32 = {label: costs for label, costs in found.items() if label.endswith("float32")}
    for label, (whole, *others) in fp32.items():
        for what, cost in zip([*map("{:.0%} of FLOPs".format, SHARES), "half of the layers"], others, strict=True):
            fewer, (low, high) = whole.flops / cost.flops, cost.latency_ms_p50_interval
            figures.value(
                f"{label}, {what}, speed-up over FLOP ratio",
                whole.latency_ms_p50 / cost.latency_ms_p50 / fewer,
                "",
                interval=(
                    whole.latency_ms_p50_interval[0] / high / fewer,
                    whole.latency_ms_p50_interval[1] / low / fewer,
                ),
                rounds=cost.rounds,
                roof=1,
            )
    assert "eager float32" in fp32
    assert all(costs[0].latency_ms_p50 > max(c.latency_ms_p50 for c in costs[1:]) for costs in fp32.values())
