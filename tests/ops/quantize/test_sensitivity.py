import copy

import pytest
import torch

from accel.model.tiny_bert import TinyBert
from accel.model.tiny_gpt2 import TinyGpt2
from accel.objective.classification import Classification
from accel.objective.language_modeling import LanguageModelling
from accel.ops.quantize import fake_quantize
from accel.ops.quantize.grids import Int4Groups, Int8Rows
from accel.ops.quantize.schemes import Int4WeightOnly, Int8
from accel.ops.quantize.sensitivity import divergences, most_sensitive, weights_of


def batch():
    ids = torch.randint(5, 250, (6, 20), generator=torch.Generator().manual_seed(0))
    return [{"input_ids": ids, "attention_mask": torch.ones_like(ids)}]


def prepared(objective, option=TinyBert, scheme=Int4WeightOnly):
    torch.manual_seed(0)
    model = option().network(objective).eval()
    fake_quantize.prepare(model, scheme(None))
    return model


@pytest.mark.parametrize(
    ("objective", "option"), [(Classification(["a", "b"]), TinyBert), (LanguageModelling(), TinyGpt2)]
)
def test_it_is_the_divergence_with_that_layer_alone_rounded(objective, option):
    """By another way: the rounded weight is put into a model that knows nothing of rounding."""
    found = divergences(prepared(objective, option), batch(), objective.predictions)
    assert list(found) == list(weights_of(prepared(objective, option)))
    (inputs,) = batch()
    torch.manual_seed(0)
    plain = option().network(objective).eval()
    for name in found:
        rounded = copy.deepcopy(plain)
        layer = rounded.get_submodule(name)
        layer.weight = torch.nn.Parameter(Int4Groups(32).round(layer.weight.detach()))
        with torch.no_grad():
            a, b = (
                objective.predictions(model(**inputs).logits, inputs["attention_mask"]).double().softmax(-1)
                for model in (plain, rounded)
            )
        assert found[name] == pytest.approx(float((a * (a / b).log()).sum() / len(a)), rel=1e-3, abs=1e-9)


def test_the_layer_that_rounding_hurts_stays_unrounded():
    """One outlier in a group of weights takes all levels for itself; the others become zero."""
    objective, victim = LanguageModelling(), "transformer.h.1.mlp.c_proj"
    model = prepared(objective, TinyGpt2)
    budget = 1.01 * weights_of(model)[victim]
    for expected in (False, True):
        found = divergences(model, batch(), objective.predictions)
        assert (victim in most_sensitive(found, weights_of(model), budget)) is expected
        with torch.no_grad():
            model.get_submodule(victim).weight[:, ::32] *= 30


def test_measuring_leaves_everything_as_it_was():
    objective = Classification(["a", "b"])
    model = prepared(objective, scheme=Int8).train()
    fake_quantize.enable(model, enabled=False)
    divergences(model, batch(), objective.predictions)
    assert not [m for m in model.modules() if isinstance(m, fake_quantize.Rounder) and m.enabled]
    assert model.training


def test_what_stays_unrounded_fits_into_the_budget():
    weights = {"a": 60, "b": 30, "c": 10}
    lost = {"a": 6.0, "b": 4.0, "c": 0.1}
    assert most_sensitive(lost, weights, 30) == ["b"]
    assert most_sensitive(lost, weights, 70) == ["b", "c"]  # a does not fit beside b
    assert most_sensitive(lost, weights, 90) == ["b", "a"]
    assert most_sensitive(lost, weights, 0) == []


def test_a_layer_that_is_faster_unrounded_always_stays_and_buys_no_other():
    lost = {"harmless": 0.0, "b": 4.0, "c": 4.0}
    assert most_sensitive(lost, {"harmless": -0.5, "b": 0.2, "c": 0.1}, 0.0) == ["harmless"]
    assert most_sensitive(lost, {"harmless": -0.5, "b": 0.2, "c": 0.1}, 0.1) == ["harmless", "c"]
    assert most_sensitive(lost, {"harmless": 0.5, "b": 0.2, "c": 0.1}, 0.31) == ["c", "b"]  # negative control


def test_a_head_that_shares_the_table_of_pieces_is_rounded():
    """It would be stored twice: once as it is, once rounded."""
    model = TinyGpt2().network(LanguageModelling()).eval()
    fake_quantize.prepare(model, Int4WeightOnly(Int8Rows()))
    assert "lm_head" not in weights_of(model)
    assert "lm_head" in weights_of(prepared(LanguageModelling(), TinyGpt2))  # negative control: tables are left
