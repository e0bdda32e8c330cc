import pytest
import torch

from accel.config.compose import compose
from accel.errors import PlanError
from accel.objective.classification import Classification
from accel.plan.decide import decide
from tests.laws import Laws

LAWS = Laws(sabotage=("accel.ops.trainable.freeze_all_but_biases", lambda model: model))


def test_only_biases_and_the_head_move(train):
    from accel.model.tiny_bert import TinyBert

    fitted, _, _ = train("tuning=bitfit", "trainer.max_steps=4", "trainer.learning_rate=1e-2")
    start = dict(TinyBert().network(Classification(["bad", "good"])).named_parameters())
    moved = [n for n, p in fitted.model.named_parameters() if not torch.equal(p, start[n])]
    assert all(n.startswith("classifier") or n.endswith("bias") for n in moved)
    assert any("LayerNorm.bias" in n for n in moved)
    assert any("intermediate.dense.bias" in n for n in moved)
    assert fitted.evidence["bitfit"]["trainable_share"] < 0.1


def test_a_model_without_biases_is_refused():
    with pytest.raises(PlanError, match="t5 have no\n?\\s*biases"):
        decide(compose(["tuning=bitfit", "model=tiny_t5"]))
