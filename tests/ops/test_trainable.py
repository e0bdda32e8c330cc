from accel.model.tiny_bert import TinyBert
from accel.objective.classification import Classification
from accel.ops.trainable import freeze_body, trainable_share


def test_only_what_is_outside_the_body_trains():
    model = TinyBert().network(Classification(["a", "b"]))
    assert trainable_share(model) == 1
    freeze_body(model)
    assert [n for n, p in model.named_parameters() if p.requires_grad] == ["classifier.weight", "classifier.bias"]
    assert 0 < trainable_share(model) < 0.01
