import sys

from torch import nn

from accel.ops.quantize.merged import merge_adapters_in_the_loop


def test_a_model_without_an_adapter_is_left_alone_and_peft_with_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "accel.ops.adapters", None)
    model = nn.Sequential(nn.Linear(2, 2))
    before = [*model.named_modules()]
    merge_adapters_in_the_loop(model)
    assert [*model.named_modules()] == before
