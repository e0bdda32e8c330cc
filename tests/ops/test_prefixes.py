import numpy as np
import pytest
import torch
from transformers import DynamicCache

from accel.core.family import HEADS
from accel.errors import NoEffectError
from accel.model.tiny_bert import TinyBert
from accel.model.tiny_gpt2 import TinyGpt2
from accel.model.tiny_llama import TinyLlama
from accel.model.tiny_t5 import TinyT5
from accel.objective.classification import Classification
from accel.objective.language_modeling import LanguageModelling
from accel.ops.prefixes import Prefixing, add_prefix, furthest_moves, prefixes
from accel.ops.structured.structure import find_blocks, mask_units, remove_units

IDS = torch.randint(5, 250, (3, 9), generator=torch.Generator().manual_seed(0))
IDS[:, -1] = 3
SEEN = torch.ones_like(IDS)
LABELS = Classification(["a", "b"])


def prefixed(model_class, objective=LABELS, length=4):
    torch.manual_seed(0)
    return add_prefix(model_class().network(objective), length).eval()


@pytest.mark.parametrize("model_class", [TinyBert, TinyGpt2, TinyLlama])
def test_it_is_the_past_that_transformers_itself_would_read(model_class):
    """The library's own cache as the prefix, with a mask of its length and the text's positions."""
    model, plain = prefixed(model_class), model_class().network(LABELS).eval()
    plain.load_state_dict({name: p for name, p in model.state_dict().items() if "accel_prefix" not in name})
    cache = DynamicCache()
    for layer, prefix in enumerate(prefixes(model).values()):
        cache.update(*prefix.keys_and_values(len(IDS)), layer)
    positions = {"position_ids": torch.arange(IDS.shape[1]).expand(len(IDS), -1)}
    body = getattr(plain, plain.base_model_prefix)
    mask = torch.cat([torch.ones(len(IDS), 4, dtype=torch.long), SEEN], 1)
    with torch.no_grad():
        expected = body(input_ids=IDS, attention_mask=mask, past_key_values=cache, **positions)
        found = getattr(model, model.base_model_prefix)(input_ids=IDS, attention_mask=SEEN)
        without = body(input_ids=IDS, attention_mask=SEEN)
    assert torch.allclose(found.last_hidden_state, expected.last_hidden_state, atol=1e-5)
    assert not torch.allclose(found.last_hidden_state, without.last_hidden_state, atol=1e-2)


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("model_class", [TinyBert, TinyGpt2, TinyLlama, TinyT5])
def test_no_mask_is_a_mask_of_ones_in_every_implementation(model_class, attention):
    """Negative control: where torch is left to mask by itself, it would cut the last keys off."""
    model = prefixed(model_class)
    with torch.no_grad():
        expected = model(input_ids=IDS, attention_mask=SEEN).logits
        model.set_attn_implementation(attention)
        assert torch.allclose(model(input_ids=IDS).logits, expected, atol=1e-5)


@pytest.mark.parametrize("model_class", [TinyGpt2, TinyLlama])
def test_token_by_token_is_the_same_as_at_once(model_class):
    model = prefixed(model_class, LanguageModelling())
    with torch.no_grad():
        expected = model(input_ids=IDS).logits
        first = model(input_ids=IDS[:, :4], use_cache=True)
        rest = [
            model(input_ids=IDS[:, at : at + 1], past_key_values=first.past_key_values, use_cache=True).logits
            for at in range(4, IDS.shape[1])
        ]
    assert torch.allclose(torch.cat([first.logits, *rest], 1), expected, atol=1e-4)


def test_each_attention_of_t5_has_one_and_all_of_them_learn():
    model = prefixed(TinyT5).train()
    assert len(prefixes(model)) == 2 + 2 * 2
    model(input_ids=IDS, attention_mask=SEEN).logits.sum().backward()
    assert all(prefix.weight.grad.abs().sum() > 0 for prefix in prefixes(model).values())
    trained = [name for name, p in model.named_parameters() if p.requires_grad and name.startswith("transformer")]
    assert len(trained) == 6
    assert set(furthest_moves(model).values()) == {0.0}


def test_it_begins_as_keys_and_values_of_pieces():
    """The first layer's, which depend on one piece each and its place."""
    model = prefixed(TinyBert)
    own = model.bert.encoder.layer[0].attention.self
    embedding, prefix = model.bert.embeddings, next(iter(prefixes(model).values()))
    with torch.no_grad():
        states = embedding(input_ids=torch.arange(260)[:, None].expand(-1, 4))
        keys, values = own.key(states), own.value(states)
    for place, row in enumerate(prefix.weight):
        near = torch.cat([keys[:, place], values[:, place]], 1) - row
        assert near.abs().amax(1).min() < 1e-5


@pytest.mark.parametrize("model_class", [TinyBert, TinyGpt2, TinyLlama, TinyT5])
def test_a_head_that_goes_takes_its_part_along(model_class):
    masked, cut = prefixed(model_class), prefixed(model_class)
    for model, change in ((masked, mask_units), (cut, remove_units)):
        for block in find_blocks(model):
            if block.kind == HEADS:
                change(model, block, torch.arange(block.num_units) != 1)
    with torch.no_grad():
        expected, found = (m(input_ids=IDS, attention_mask=SEEN).logits for m in (masked, cut))
    assert torch.allclose(found, expected, atol=1e-5)
    sizes = {prefix.weight.shape for prefix in prefixes(cut).values()}
    assert sizes.isdisjoint({prefix.weight.shape for prefix in prefixes(masked).values()})


@pytest.mark.slow
@pytest.mark.parametrize("model_class", [TinyBert, pytest.param(TinyT5, marks=pytest.mark.full)])
def test_it_is_a_constant_in_an_onnx_file_that_takes_any_shape(model_class, tmp_path):
    import onnxruntime

    from accel.export.onnx import export_onnx

    model = prefixed(model_class)
    export_onnx(model, tmp_path / "model.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx")
    for ids in (IDS, IDS[:2, 3:]):
        given = {"input_ids": ids.numpy(), "attention_mask": np.ones(ids.shape, dtype=np.int64)}
        with torch.no_grad():
            expected = model(input_ids=ids, attention_mask=torch.ones_like(ids)).logits.numpy()
        np.testing.assert_allclose(session.run(None, given)[0], expected, atol=1e-5)


def test_a_model_without_attention_is_told():
    model = torch.nn.Sequential()
    model.config = type("Config", (), {"model_type": "unheard of"})()
    with pytest.raises(NoEffectError, match="no attention"):
        Prefixing(length=4).change(model)
