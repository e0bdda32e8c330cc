import torch

from accel.objective.classification import Classification
from tests.laws import Laws

LAWS = Laws(sabotage=("accel.ops.trainable.freeze_body", lambda model: model))


def test_only_the_head_moves(train):
    from accel.model.tiny_bert import TinyBert

    fitted, _, _ = train("tuning=head", "trainer.max_steps=4")
    start = dict(TinyBert().network(Classification(["bad", "good"])).named_parameters())
    moved = [n for n, p in fitted.model.named_parameters() if not torch.equal(p, start[n])]
    assert moved
    assert all(n.startswith("classifier") for n in moved)
    assert fitted.evidence["head"]["trainable_share"] < 0.01
