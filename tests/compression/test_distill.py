import pytest

from accel.compose import compose
from accel.errors import PlanError
from accel.plan import decide


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["temperature=0"], "temperature must be positive"),
        (["logits_weight=-1"], "at least 0"),
        (["logits_weight=0", "hidden_weight=0", "task_weight=0"], "nothing would be learned"),
    ],
)
def test_objects_to_settings_that_cannot_be(words, text):
    with pytest.raises(PlanError, match=text):
        decide(compose(["compression=[distill]", *(f"compression.distill.{w}" for w in words)]))


def test_comes_closer_to_the_teacher(train):
    words = ["compression=[distill]", "trainer.max_steps=40", "compression.distill.task_weight=0"]
    fitted, _, _ = train(*words)
    found = fitted.evidence["distill"]
    assert found["distill_hidden_last"] < found["distill_hidden_first"]


def test_the_teacher_is_not_in_the_checkpoint(train):
    import torch

    fitted, _, folder = train("compression=[distill]", "trainer.max_steps=4")
    saved = torch.load(folder / "checkpoints" / "last.ckpt", weights_only=True)
    assert not [name for name in saved["state_dict"] if "teacher" in name]
    assert set(saved["state_dict"]) == {f"model.{n}" for n in fitted.model.state_dict()}
