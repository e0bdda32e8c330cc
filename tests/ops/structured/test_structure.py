import copy

import pytest
import torch
from transformers import DistilBertConfig, RobertaConfig

from accel.core.family import CHANNELS, HEADS
from accel.model.tiny_bert import TinyBert
from accel.model.tiny_gpt2 import TinyGpt2
from accel.model.tiny_llama import TinyLlama
from accel.model.tiny_t5 import TinyT5
from accel.objective.classification import Classification
from accel.ops.structured import structure
from accel.ops.structured.structure import count_units, find_blocks, mask_units, remove_units, resize
from accel.weights.pretrained import ready

LABELS = ["a", "b"]


def distilbert():
    from transformers import AutoModelForSequenceClassification

    config = DistilBertConfig(vocab_size=261, dim=64, n_layers=2, n_heads=4, hidden_dim=256)
    return ready(AutoModelForSequenceClassification.from_config(Classification(LABELS).configured(config)))


def roberta():
    from transformers import AutoModelForSequenceClassification

    config = RobertaConfig(
        vocab_size=261,
        hidden_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=256,
        pad_token_id=0,
    )
    return ready(AutoModelForSequenceClassification.from_config(Classification(LABELS).configured(config)))


def qwen3():
    from transformers import AutoModelForSequenceClassification, Qwen3Config

    config = Qwen3Config(
        vocab_size=261, hidden_size=64, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2, head_dim=16,
        intermediate_size=256, pad_token_id=0,
    )  # fmt: skip
    return ready(AutoModelForSequenceClassification.from_config(Classification(LABELS).configured(config)))


MODELS = {
    "llama": lambda: TinyLlama().network(Classification(LABELS)),
    "qwen3": qwen3,
    "bert": lambda: TinyBert().network(Classification(LABELS)),
    "gpt2": lambda: TinyGpt2().network(Classification(LABELS)),
    "t5": lambda: TinyT5().network(Classification(LABELS)),
    "distilbert": distilbert,
    "roberta": roberta,
}


def logits(model):
    ids = torch.randint(5, 250, (3, 17), generator=torch.Generator().manual_seed(0))
    ids[:, -1] = 3
    mask = torch.ones_like(ids)
    with torch.inference_mode():
        return model.eval()(input_ids=ids, attention_mask=mask).logits


def random_keep(block, seed):
    keep = torch.rand(block.num_units, generator=torch.Generator().manual_seed(seed)) > 0.4
    keep[0] = True
    return keep


@pytest.mark.parametrize("name", MODELS)
def test_removed_equals_masked(name):
    masked = MODELS[name]()
    removed = copy.deepcopy(masked)
    before = logits(copy.deepcopy(masked))
    for number, block in enumerate(find_blocks(masked)):
        keep = random_keep(block, number)
        mask_units(masked, block, keep)
        remove_units(removed, block, keep)
    assert sum(p.numel() for p in removed.parameters()) < sum(p.numel() for p in masked.parameters())
    assert (logits(masked) - logits(removed)).abs().max() < 1e-5
    assert (logits(masked) - before).abs().max() > 1e-4  # the masks did something


def test_removing_other_units_than_the_masked_ones_differs():
    """Negative control."""
    masked = MODELS["bert"]()
    removed = copy.deepcopy(masked)
    for block in find_blocks(masked):
        keep = random_keep(block, 1)
        mask_units(masked, block, keep)
        remove_units(removed, block, keep.roll(1))
    assert (logits(masked) - logits(removed)).abs().max() > 1e-4


@pytest.mark.parametrize(
    ("name", "attentions"),
    [("bert", 2), ("gpt2", 2), ("t5", 2 + 4), ("llama", 2)],  # T5's decoder attends twice in each layer
)
def test_every_layer_has_its_blocks(name, attentions):
    kinds = [block.kind for block in find_blocks(MODELS[name]())]
    assert kinds.count(HEADS) == attentions
    assert kinds.count(CHANNELS) == (4 if name == "t5" else 2)


@pytest.mark.parametrize("name", MODELS)
def test_parameters_per_unit_is_what_disappears(name):
    model = MODELS[name]()
    structure.own_positions(model)
    for block in find_blocks(model):
        before = sum(p.numel() for p in model.parameters())
        cost = block.parameters_per_unit(model)
        keep = torch.ones(block.num_units, dtype=torch.bool)
        keep[-1] = False
        remove_units(model, block, keep)
        assert before - sum(p.numel() for p in model.parameters()) == cost


@pytest.mark.parametrize("name", MODELS)
def test_resize_rebuilds_the_removed_shape(name):
    model = MODELS[name]()
    for block in find_blocks(model):
        remove_units(model, block, random_keep(block, 3))
    rebuilt = MODELS[name]()
    resize(rebuilt, count_units(model))
    rebuilt.load_state_dict(model.state_dict())
    assert torch.equal(logits(model), logits(rebuilt))


def test_t5_needs_the_positions_of_its_own_heads(monkeypatch):
    """Negative control: layers that lose different heads cannot share the first one's bias."""
    monkeypatch.setattr(structure, "_without_positions", lambda module, args, kwargs: (args, kwargs))
    model = MODELS["t5"]()
    for number, block in enumerate(block for block in find_blocks(model) if block.kind == HEADS):
        remove_units(model, block, torch.arange(block.num_units) < 1 + number % 3)
    with pytest.raises(RuntimeError):
        logits(model)


def test_t5_computes_the_same_with_tables_of_its_own():
    model = MODELS["t5"]()
    before = logits(model)
    structure.own_positions(model)
    structure.own_positions(model)
    assert torch.equal(logits(model), before)
    tables = [p for name, p in model.named_parameters() if "relative_attention_bias" in name]
    assert len(tables) == 4


@pytest.mark.parametrize("kind", [None, CHANNELS])
def test_where_no_head_goes_t5_keeps_its_one_table(kind):
    """What is loaded has as many heads as before, so it is built without tables of its own."""
    model = MODELS["t5"]()
    for number, block in enumerate(find_blocks(model)):
        keep = torch.ones(block.num_units, dtype=torch.bool)
        remove_units(model, block, random_keep(block, number) if block.kind == kind else keep)
    rebuilt = MODELS["t5"]()
    resize(rebuilt, count_units(model))
    rebuilt.load_state_dict(model.state_dict())
    assert torch.equal(logits(model), logits(rebuilt))
