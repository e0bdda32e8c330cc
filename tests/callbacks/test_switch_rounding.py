from types import SimpleNamespace

from accel.callbacks.switch_rounding import SwitchRounding
from accel.compression.qat import Qat
from accel.model.tiny_bert import TinyBert
from accel.objective.classification import Classification
from accel.ops.quantize import fake_quantize
from accel.ops.quantize.grids import Int8Rows
from accel.ops.quantize.schemes import Int8


def active(module):
    return {m.enabled for m in module.model.modules() if isinstance(m, fake_quantize.Rounder)}


def test_rounding_follows_the_step():
    module = SimpleNamespace(model=TinyBert().network(Classification(["a", "b"])))
    fake_quantize.prepare(module.model, Int8(Int8Rows()))
    callback = SwitchRounding(Qat(), begin_step=3)
    for step, expected in ((0, False), (2, False), (3, True), (9, True), (1, False)):
        callback.on_train_batch_start(SimpleNamespace(global_step=step), module, None, 0)
        assert active(module) == {expected}
