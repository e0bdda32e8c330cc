import pytest
import torch

from accel.model.tiny_bert import TinyBert
from accel.model.tiny_gpt2 import TinyGpt2
from accel.model.tiny_llama import TinyLlama
from accel.model.tiny_t5 import TinyT5
from accel.ops.adapters import adapter_norms, add_lora, merge

IDS = torch.full((2, 9), 7)
IDS[:, -1] = 3


@pytest.mark.parametrize("model_class", [TinyBert, TinyGpt2, TinyT5, TinyLlama])
def test_merged_equals_adapted(model_class):
    model = add_lora(model_class().classifier(["a", "b"]), rank=4, alpha=8, dropout=0).eval()
    for name, parameter in model.named_parameters():
        if ".lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.05)
    adapted = model(input_ids=IDS).logits
    plain = model_class().classifier(["a", "b"]).eval()(input_ids=IDS).logits
    assert (adapted - plain).abs().max() > 1e-4
    merge(model)
    assert not adapter_norms(model)
    assert (model(input_ids=IDS).logits - adapted).abs().max() < 1e-5


def test_only_adapters_and_head_train():
    model = add_lora(TinyBert().classifier(["a", "b"]), rank=4, alpha=8, dropout=0)
    trained = [n for n, p in model.named_parameters() if p.requires_grad]
    assert trained
    assert all(".lora_" in n or n.startswith("classifier.") for n in trained)


def test_fresh_adapters_have_not_moved():
    model = add_lora(TinyBert().classifier(["a", "b"]), rank=4, alpha=8, dropout=0)
    norms = adapter_norms(model)
    assert len(norms) == 13
    assert set(norms.values()) == {0.0}
    assert add_lora(model, rank=4, alpha=8, dropout=0) is model
