import pytest
import torch
from transformers import BertConfig, BertForSequenceClassification

from accel.federated.lora_products import LoraProducts
from accel.ops.adapters import add_lora, factors


@pytest.fixture
def adapted():
    torch.manual_seed(0)
    config = BertConfig(vocab_size=30, hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=64)
    return add_lora(BertForSequenceClassification(config), rank=4, alpha=4, dropout=0)


def run(model, *, both):
    """Two clients of weights 1 and 3; the estimate, and the truth with the whole products."""
    pairs = list(factors(model))
    exchanged = [p for p in model.parameters() if p.requires_grad]
    start = [p.detach().clone() for p in exchanged]
    products, truths = LoraProducts(model, 0), [0] * len(pairs)
    mean = [torch.zeros_like(p) for p in start]
    products.begin()
    for weight in (1.0, 3.0):
        with torch.no_grad():
            for a, b in pairs:
                b.copy_(torch.randn_like(b))
                a.copy_(torch.randn_like(a) if both else a)
        products.add(weight)
        truths = [t + weight / 4 * (b @ a).detach() for t, (a, b) in zip(truths, pairs, strict=True)]
        mean = [m + weight / 4 * (p.detach() - s) for m, p, s in zip(mean, exchanged, start, strict=True)]
    with torch.no_grad():
        for p, s in zip(exchanged, start, strict=True):
            p.copy_(s)
    found = float(products.error(exchanged, mean, 4.0)["aggregation_error"])
    moved = {id(p): s + m for p, s, m in zip(exchanged, start, mean, strict=True)}
    far = sum(float((t - moved[id(b)] @ moved[id(a)]).square().sum()) for t, (a, b) in zip(truths, pairs, strict=True))
    return found, (far / sum(float(t.square().sum()) for t in truths)) ** 0.5


def test_the_estimate_is_near_the_truth(adapted):
    found, truth = run(adapted, both=True)
    assert truth > 0.1
    assert found == pytest.approx(truth, rel=0.1)


def test_with_a_frozen_factor_the_mean_is_exact(adapted):
    assert run(adapted, both=False)[0] < 1e-6


def test_without_adapters_nothing_is_said():
    model = torch.nn.Linear(2, 2)
    products = LoraProducts(model, 0)
    products.begin()
    products.add(1.0)
    assert products.error(list(model.parameters()), [], 1.0) == {}
