import pytest
import torch
from peft.tuners.lora import Linear as PeftLinear

from accel.model.tiny_bert import TinyBert
from accel.model.tiny_gpt2 import TinyGpt2
from accel.model.tiny_llama import TinyLlama
from accel.model.tiny_t5 import TinyT5
from accel.objective.classification import Classification
from accel.ops.adapters import (
    AdaptedLinear,
    Budget,
    MergedLora,
    RankAllocation,
    _Adapted,
    adapter_norms,
    add_adalora,
    add_lora,
    merge,
    merge_in_the_loop,
    orthogonality,
    ranks,
)
from accel.ops.quantize import fake_quantize, kernels
from accel.ops.quantize.grids import Int8Rows
from accel.ops.quantize.schemes import Int4WeightOnly, Int8

IDS = torch.full((2, 9), 7)
IDS[:, -1] = 3


@pytest.mark.parametrize("model_class", [TinyBert, TinyGpt2, TinyT5, TinyLlama])
def test_merged_equals_adapted(model_class):
    model = add_lora(model_class().network(Classification(["a", "b"])), rank=4, alpha=8, dropout=0).eval()
    for name, parameter in model.named_parameters():
        if ".lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.05)
    adapted = model(input_ids=IDS).logits
    plain = model_class().network(Classification(["a", "b"])).eval()(input_ids=IDS).logits
    assert (adapted - plain).abs().max() > 1e-4
    merge(model)
    assert not adapter_norms(model)
    assert (model(input_ids=IDS).logits - adapted).abs().max() < 1e-5


def test_only_adapters_and_head_train():
    model = add_lora(TinyBert().network(Classification(["a", "b"])), rank=4, alpha=8, dropout=0)
    trained = [n for n, p in model.named_parameters() if p.requires_grad]
    assert trained
    assert all(".lora_" in n or n.startswith("classifier.") for n in trained)


def test_fresh_adapters_have_not_moved():
    model = add_lora(TinyBert().network(Classification(["a", "b"])), rank=4, alpha=8, dropout=0)
    norms = adapter_norms(model)
    assert len(norms) == 13
    assert set(norms.values()) == {0.0}
    assert add_lora(model, rank=4, alpha=8, dropout=0) is model


def rounded(scheme, *, in_the_loop, model_class=TinyBert):
    """A model whose adapters are far from zero, with rounding in it."""
    model = add_lora(model_class().network(Classification(["a", "b"])), rank=4, alpha=8, dropout=0).eval()
    fake_quantize.prepare(model, scheme)
    torch.manual_seed(0)
    for name, parameter in model.named_parameters():
        if ".lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.1)
    if in_the_loop:
        merge_in_the_loop(model)
        merge_in_the_loop(model)
    return model


@pytest.mark.parametrize("scheme", [Int8(Int8Rows()), Int4WeightOnly(Int8Rows())], ids=lambda s: s.name)
@pytest.mark.parametrize("model_class", [TinyBert, TinyGpt2, TinyT5, TinyLlama])
def test_what_is_stored_is_the_merged_weight_that_was_trained_rounded(monkeypatch, scheme, model_class):
    monkeypatch.setattr(kernels, "has_packed_int4", lambda group_size: False)  # it would round activations to bf16
    model = rounded(scheme, in_the_loop=True, model_class=model_class)
    with torch.no_grad():
        trained = model(input_ids=IDS).logits
        merge(model)
        assert torch.equal(model(input_ids=IDS).logits, trained)
        assert not [m for m in model.modules() if isinstance(m, MergedLora)]
        stored = fake_quantize.convert(model)(input_ids=IDS).logits
    assert (stored - trained).abs().max() < 0.02 * trained.abs().max().clamp_min(1)  # an int8 tie may fall elsewhere


def test_an_adapter_beside_a_rounded_weight_is_another_model():
    """Negative control, and the silent failure of merging into a quantized base: round(W) + A is not round(W + A)."""
    model = rounded(Int4WeightOnly(), in_the_loop=False)
    with torch.no_grad():
        trained = model(input_ids=IDS).logits
        merge(model)
        assert (model(input_ids=IDS).logits - trained).abs().max() > 1e-3


def test_the_adapter_learns_through_the_rounding():
    model = rounded(Int8(), in_the_loop=True)
    model(input_ids=IDS).logits.square().sum().backward()
    grads = {n: p.grad for n, p in model.named_parameters() if p.requires_grad}
    assert len([n for n in grads if ".lora_" in n]) == 26
    assert all(grad is not None and grad.abs().max() > 0 for grad in grads.values())


def test_the_sum_is_made_in_full_precision_under_autocast():
    model = rounded(Int8(), in_the_loop=True)
    layer = next(m for m in model.modules() if isinstance(m, MergedLora))
    seen = []
    base = layer.adapter.get_base_layer()
    base.weight_rounder.register_forward_pre_hook(lambda module, args: seen.append(args[0]))
    with torch.autocast("cpu", torch.bfloat16), torch.no_grad():
        layer(torch.randn(2, 5, layer.adapter.in_features))
    assert torch.equal(seen[0], base.weight + layer.adapter.get_delta_weight("accel"))


@pytest.fixture
def lengthened():
    """A rounded layer with an adapter that is far from zero and rows whose lengths were learned."""
    model = add_lora(TinyBert().network(Classification(["a", "b"])), rank=4, alpha=8, dropout=0, dora=True).eval()
    fake_quantize.prepare(model, Int8(Int8Rows()))
    merge_in_the_loop(model)
    layer = next(m for m in model.modules() if isinstance(m, MergedLora))
    length = layer.adapter.lora_magnitude_vector["accel"].weight
    torch.nn.init.normal_(layer.adapter.lora_B["accel"].weight)
    with torch.no_grad():
        length.copy_(torch.linspace(1, 2, len(length)))
    return layer, length


def test_rows_that_are_rounded_have_the_lengths_that_were_learned(lengthened):
    layer, length = lengthened
    seen = []
    base = layer.adapter.get_base_layer()
    base.weight_rounder.register_forward_pre_hook(lambda module, args: seen.append(args[0]))
    layer(torch.randn(2, 5, layer.adapter.in_features))
    assert torch.allclose(seen[0].norm(dim=1), length, atol=1e-5)


def test_the_norm_of_a_row_is_a_constant_to_the_gradient(lengthened):
    """As DoRA's section 4.3 has it: through the norm a gradient would lose its part along the row."""
    layer, length = lengthened
    weight = torch.randn(layer.adapter.out_features, layer.adapter.in_features, requires_grad=True)
    layer._scaled(weight).sum().backward()
    assert torch.allclose(weight.grad, (length / weight.norm(dim=1)).unsqueeze(1).expand_as(weight))


BUDGET = Budget(rank=2, initial_rank=4, begin_step=2, end_step=8, every_steps=2, total_steps=12)


def adaptive():
    torch.manual_seed(0)
    return add_adalora(TinyBert().network(Classification(["a", "b"])), initial_rank=4, alpha=8.0, dropout=0.0)


def stepped(model, after_step, first, last):
    """Plain descent on made-up labels; ranks are dealt out after each step, before gradients are forgotten."""
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.5)
    for step in range(first, last + 1):
        torch.manual_seed(step)
        loss = model.train()(input_ids=IDS, labels=torch.tensor([0, 1])).loss + 0.1 * orthogonality(model)
        loss.backward()
        optimizer.step()
        after_step(model, step)
        optimizer.zero_grad()
    return model


def test_ranks_are_those_that_peft_itself_would_deal_out():
    """A tuner that keeps its allocator, on the same steps, to the last step of the schedule."""
    from peft.tuners.adalora import AdaLoraModel

    ours, theirs = adaptive(), TinyBert().network(Classification(["a", "b"]))
    torch.manual_seed(0)
    targets = [name for name, m in theirs.bert.named_modules() if isinstance(m, torch.nn.Linear)]
    config = BUDGET.config()
    config.target_modules, config.lora_alpha = {f"bert.{name}" for name in targets}, 8.0
    tuner = AdaLoraModel(theirs, config, "accel")
    theirs.load_state_dict(ours.state_dict())
    theirs.classifier.requires_grad_(True)
    stepped(ours, RankAllocation(ours, BUDGET).after_step, 1, 12)
    stepped(theirs, lambda model, step: tuner.update_and_allocate(step), 1, 12)
    assert ranks(ours) == ranks(theirs)
    assert len(set(ranks(ours).values())) > 1
    assert 0 < sum(ranks(ours).values()) <= 2 * 13


@pytest.mark.parametrize(("stop", "last"), [(5, 7), (9, 12)])
@pytest.mark.parametrize("stored", [True, False])
def test_an_allocation_goes_on_from_its_state(stop, last, stored):
    """Negative control: one that begins anew does not know what it has weighed, or fails at what it has decided."""
    whole, model = adaptive(), adaptive()
    expected, before, after = (RankAllocation(m, BUDGET) for m in (whole, model, model))
    stepped(whole, expected.after_step, 1, last)
    stepped(model, before.after_step, 1, stop)
    if stored:
        after.restore(before.state())
    elif stop >= BUDGET.end_step:
        with pytest.raises(StopIteration):
            stepped(model, after.after_step, stop + 1, last)
        return
    stepped(model, after.after_step, stop + 1, last)
    ours, theirs = after.state(), expected.state()
    same = all(torch.equal(value, theirs["exp_avg_ipt"][name]) for name, value in ours["exp_avg_ipt"].items())
    assert (same and ours["kept"] == theirs["kept"]) is stored
    assert ranks(whole) == ranks(model) or not stored


def test_singular_vectors_are_orthonormal_where_the_term_is_zero():
    model = adaptive()
    assert orthogonality(model) > 1
    for name, parameter in model.named_parameters():
        if ".lora_A.accel" in name or ".lora_B.accel" in name:
            torch.nn.init.orthogonal_(parameter)
    assert orthogonality(model) < 1e-5


@pytest.mark.parametrize(("total", "begin", "end"), [(100, 10, 70), (11, 1, 7), (4, 1, 2), (1, 1, 2)])
def test_even_the_shortest_run_has_a_step_to_weigh_and_one_to_decide(total, begin, end):
    budget = Budget.of(total, 0.1, 0.7, rank=2, initial_rank=4, every_steps=1)
    assert (budget.begin_step, budget.end_step) == (begin, end)
    assert budget.config().tfinal == max(total, end) - end


def both_ways(trains_first=True, watched=False, dropout=0.0):
    """The output and all gradients of one adapted layer, as PEFT computes them and as accel does."""
    found = []
    for forward in (PeftLinear.forward, AdaptedLinear.forward):
        torch.manual_seed(0)
        model = add_lora(
            TinyBert().network(Classification(["a", "b"])), rank=4, alpha=8, dropout=dropout, trains_first=trains_first
        )
        layer = model.bert.encoder.layer[0].intermediate.dense
        torch.nn.init.normal_(layer.lora_B["accel"].weight)
        calls = []
        if watched:
            layer.lora_B["accel"].register_forward_hook(lambda *told, calls=calls: calls.append(told))
        x = torch.randn(2, 5, 64, requires_grad=True)
        torch.manual_seed(1)
        y = forward(layer.train(), x)
        y.pow(2).sum().backward()
        found.append([y, x.grad, *(p.grad for p in layer.parameters())])
        assert len(calls) == watched
    return zip(*found, strict=True)


@pytest.mark.parametrize(
    "settings", [{}, {"trains_first": False}, {"watched": True}, {"dropout": 0.5}], ids=lambda s: " ".join(s) or "plain"
)
def test_an_adapted_layer_computes_what_pefts_does(settings):
    """Also where another sees the calls of its parts, or a part of the input is left out: then they are called."""
    for theirs, ours in both_ways(**settings):
        assert (theirs is None) == (ours is None)
        if theirs is not None:
            torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)


def test_every_adapter_but_that_of_dora_is_computed_so():
    for dora in (False, True):
        model = add_lora(TinyBert().network(Classification(["a", "b"])), rank=4, alpha=8, dropout=0, dora=dora)
        assert sum(isinstance(m, AdaptedLinear) for m in model.modules()) == (0 if dora else 13)


def test_gradients_are_those_of_finite_differences():
    torch.manual_seed(0)
    shapes = ((2, 3, 5), (4, 5), (4,), (2, 5), (4, 2))
    parts = [
        torch.randn(shape, dtype=torch.double, requires_grad=place not in (1, 2)) for place, shape in enumerate(shapes)
    ]
    assert torch.autograd.gradcheck(_Adapted.apply, (*parts, 0.7))
