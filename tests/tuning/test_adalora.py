import pytest

from accel.config.compose import compose
from accel.errors import PlanError
from accel.plan.decide import decide
from tests.laws import Laws

LAWS = Laws(sabotage=("accel.ops.adapters.RankAllocation.after_step", lambda self, model, step: None))


@pytest.mark.parametrize(
    ("word", "text"),
    [
        ("rank=0", "at least 1"),
        ("every_steps=0", "at least 1"),
        ("initial_rank=8", "more than tuning.rank=8"),
        ("alpha=0", "positive"),
        ("orthogonality=-1", "at least 0"),
        ("dropout=1", r"in \[0, 1\)"),
        ("begin=0.8", "below tuning.end"),
    ],
)
def test_objects_to_settings_that_cannot_be(word, text):
    with pytest.raises(PlanError, match=text):
        decide(compose(["tuning=adalora", f"tuning.{word}"]))


@pytest.mark.parametrize(
    ("word", "why"),
    [
        ("privacy=dpsgd", r"per-example\s+gradients"),
        ("strategy=tensor_parallel", "needs the whole"),
        ("strategy=fsdp", "only a part of"),
        ("strategy=federated", "the gradient of each step"),
    ],
)
def test_what_has_no_whole_gradient_of_a_step_is_refused(word, why):
    with pytest.raises(PlanError, match=why):
        decide(compose(["tuning=adalora", word]))


def test_ranks_differ_and_sum_to_at_most_the_budget(train):
    fitted, _, folder = train(
        "tuning=adalora", "tuning.rank=2", "tuning.initial_rank=4", "tuning.every_steps=1", "trainer.max_steps=8"
    )
    found = fitted.evidence["adalora"]
    assert found["adapters"] == 13
    assert 0 < found["ranks"] <= found["ranks_at_most"] == 26
    assert found["fewest_ranks"] < found["most_ranks"] <= 4
    told = (folder / "metrics.csv").read_text()
    assert "train/orthogonality" in told
    assert "train/task_loss" in told
