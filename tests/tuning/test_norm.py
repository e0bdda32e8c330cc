import torch

from accel.model.tiny_llama import TinyLlama
from accel.objective.classification import Classification
from tests.laws import Laws

LAWS = Laws(sabotage=("accel.ops.trainable.freeze_all_but_norms", lambda model: model))


def test_only_normalizations_and_the_head_move(train):
    fitted, _, _ = train("tuning=norm", "model=tiny_llama", "trainer.max_steps=4", "trainer.learning_rate=1e-2")
    start = dict(TinyLlama().network(Classification(["bad", "good"])).named_parameters())
    moved = [n for n, p in fitted.model.named_parameters() if not torch.equal(p, start[n])]
    assert all("norm" in n or n.startswith("score") for n in moved)
    assert len(moved) == 2 * 2 + 1 + 1
