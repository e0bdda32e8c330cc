from types import SimpleNamespace

from accel.callbacks.round_at_end import RoundAtEnd
from accel.compression.ptq import Ptq
from accel.model.tiny_bert import TinyBert
from accel.objective import Classification
from accel.ops import rounding
from accel.ops.grids import Int8Rows
from accel.ops.schemes import Int8


def test_rounding_begins_when_training_is_over():
    module = SimpleNamespace(model=TinyBert().network(Classification(["a", "b"])))
    rounding.prepare(module.model, Int8(Int8Rows()))
    rounding.enable(module.model, enabled=False)
    RoundAtEnd(Ptq()).on_fit_end(SimpleNamespace(should_stop=False), module)
    assert {m.enabled for m in module.model.modules() if isinstance(m, rounding.Rounder)} == {True}
