from types import SimpleNamespace

from accel.callbacks.switch_rounding import SwitchRounding
from accel.model.tiny_bert import TinyBert
from accel.ops import int8


def active(module):
    return {m.enabled for m in module.model.modules() if isinstance(m, int8.RowFakeQuantizer)}


def test_rounding_follows_the_step():
    module = SimpleNamespace(model=TinyBert().classifier(["a", "b"]))
    int8.prepare(module.model, embeddings=True)
    callback = SwitchRounding(begin_step=3)
    for step, expected in ((0, False), (2, False), (3, True), (9, True), (1, False)):
        callback.on_train_batch_start(SimpleNamespace(global_step=step), module, None, 0)
        assert active(module) == {expected}
