from types import SimpleNamespace

import pytest

from accel.callbacks.round_at_end import RoundAtEnd
from accel.compression.ptq import Ptq
from accel.model.tiny_bert import TinyBert
from accel.objective.classification import Classification
from accel.ops.quantize import fake_quantize
from accel.ops.quantize.grids import Int8Rows
from accel.ops.quantize.schemes import Int8


def test_rounding_begins_when_training_is_over():
    module = SimpleNamespace(model=TinyBert().network(Classification(["a", "b"])))
    fake_quantize.prepare(module.model, Int8(Int8Rows()))
    fake_quantize.enable(module.model, enabled=False)
    RoundAtEnd(Ptq()).on_fit_end(SimpleNamespace(should_stop=False), module)
    assert {m.enabled for m in module.model.modules() if isinstance(m, fake_quantize.Rounder)} == {True}


@pytest.mark.parametrize("stopped", [False, True])
def test_whoever_stopped_the_run_does_not_wait_for_measurements(stopped, monkeypatch):
    measured = []
    monkeypatch.setattr(RoundAtEnd, "keep", lambda *_: measured.append(True))
    module = SimpleNamespace(model=TinyBert().network(Classification(["a", "b"])))
    fake_quantize.prepare(module.model, Int8(Int8Rows()))
    RoundAtEnd(Ptq(full_precision=0.1)).on_fit_end(SimpleNamespace(should_stop=stopped), module)
    assert bool(measured) is not stopped
