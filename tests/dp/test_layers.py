import pytest
import torch
from torch import nn

from accel.dp.book import Book
from accel.dp.clipping import flat
from accel.dp.layers import booked_layers, freeze_unsampled, unpatch, unsampled
from accel.errors import RefusedError, RunError
from accel.model.tiny_bert import TinyBert
from accel.model.tiny_t5 import TinyT5
from accel.objective.classification import Classification
from accel.ops.adapters import ADAPTER, AdaptedLinear, add_lora


def test_layers_without_a_trainable_parameter_stay_as_they_are():
    model = nn.Sequential(nn.Linear(3, 3), nn.ReLU(), nn.Linear(3, 3))
    model[0].requires_grad_(False)
    Book(model)
    assert booked_layers(model) == 1
    assert "forward" not in model[0].__dict__
    unpatch(model)
    assert booked_layers(model) == 0


def adapted(**settings):
    model = TinyBert().network(Classification(["a", "b"]))
    return add_lora(model, **{"rank": 2, "alpha": 4.0, "dropout": 0.0, **settings})


@pytest.mark.parametrize("trains_first", [True, False])
def test_an_adapter_is_booked_as_one_layer_whose_factors_have_pages(trains_first):
    model = adapted(trains_first=trains_first)
    adapters = [module for module in model.modules() if isinstance(module, AdaptedLinear)]
    Book(model)
    assert all("forward" in layer.__dict__ for layer in adapters)
    assert not any("forward" in part.__dict__ for layer in adapters for part in layer.low_rank().__dict__.values()
                   if isinstance(part, nn.Module))  # fmt: skip
    unpatch(model)
    assert booked_layers(model) == 0


@pytest.mark.parametrize("why", ["dropout", "somebody watches", "the weight learns too", "the bias learns too"])
def test_an_adapter_that_is_more_than_a_product_is_booked_factor_by_factor(why):
    model = adapted(dropout=0.5) if why == "dropout" else adapted()
    (layer, *_) = (module for module in model.modules() if isinstance(module, AdaptedLinear))
    if why == "somebody watches":
        layer.base_layer.register_forward_hook(lambda *a: None)
    if why == "the weight learns too":
        layer.base_layer.weight.requires_grad_(True)
    if why == "the bias learns too":
        layer.base_layer.bias.requires_grad_(True)
    Book(model)
    assert "forward" not in layer.__dict__
    assert "forward" in layer.lora_A[ADAPTER].__dict__


def test_an_adapter_that_is_changed_later_is_no_private_step():
    model = adapted()
    (layer, *_) = (module for module in model.modules() if isinstance(module, AdaptedLinear))
    book = Book(model)
    book.batch_size = 1
    layer.base_layer.register_forward_hook(lambda *a: None)
    with pytest.raises(RunError, match="AdaptedLinear was changed after its gradients began to be clipped"):
        layer(torch.ones(1, 3, layer.base_layer.in_features))


def test_what_acts_on_all_samples_at_once_is_frozen_and_named():
    model = TinyT5().network(Classification(["a", "b"]))
    names = unsampled(model)
    assert names
    assert all("relative_attention_bias" in name for name in names)
    freeze_unsampled(model)
    assert not any(model.get_parameter(name).requires_grad for name in names)


def test_evaluation_goes_the_layers_own_way():
    model = nn.Sequential(nn.Linear(3, 2))
    book = Book(model)
    with torch.no_grad():
        model(torch.ones(7, 3))  # any number of rows: nothing is booked
    assert not any(page.entries for page in book.pages.values())


def test_rows_that_are_not_samples_are_refused():
    model = nn.Sequential(nn.Linear(3, 2))
    book = Book(model)
    book.batch_size = 4
    with pytest.raises(RunError, match="rows are not samples"):
        model(torch.ones(7, 3))


def test_a_norm_without_bias_agrees_with_autograd():
    from transformers.models.t5.modeling_t5 import T5LayerNorm

    torch.manual_seed(0)
    layer = T5LayerNorm(6).double()
    nn.init.normal_(layer.weight)
    x = torch.randn(4, 5, 6).double()
    expected = []
    for row in x:
        layer.zero_grad()
        layer(row).pow(2).sum().backward()
        expected.append(layer.weight.grad.norm())
    book = Book(layer)
    book.zero()
    book.batch_size = 4
    inputs = x.clone().requires_grad_()
    layer(inputs).pow(2).sum().backward()
    assert torch.allclose(book.flush(flat(1.0), torch.ones(4)), torch.stack(expected), rtol=1e-5)


@pytest.mark.parametrize("frozen", [False, True])
def test_a_layer_that_mixes_records_is_refused_even_when_frozen(frozen):
    model = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))
    model[1].requires_grad_(not frozen)
    with pytest.raises(RefusedError, match=r"1 is a BatchNorm1d, which mixes the records"):
        Book(model)
