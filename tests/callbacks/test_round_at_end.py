from types import SimpleNamespace

from accel.callbacks.round_at_end import RoundAtEnd
from accel.model.tiny_bert import TinyBert
from accel.ops import int8


def test_rounding_begins_when_training_is_over():
    module = SimpleNamespace(model=TinyBert().classifier(["a", "b"]))
    int8.prepare(module.model, embeddings=True)
    int8.enable(module.model, enabled=False)
    RoundAtEnd().on_fit_end(None, module)
    assert {m.enabled for m in module.model.modules() if isinstance(m, int8.RowFakeQuantizer)} == {True}
