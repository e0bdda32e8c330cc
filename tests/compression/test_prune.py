import pytest
import torch

from accel.config.compose import compose
from accel.errors import PlanError
from accel.plan.decide import decide
from tests.laws import Laws

LAWS = Laws(
    off=["compression.prune.sparsity=0"],
    strong={"": (), "by movement": ["compression.prune.score=movement"]},
    quick=["compression.prune.every_steps=1"],
    sabotage=("accel.compression.prune.Prune.callbacks", lambda self, facts: []),
)


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["compression.prune.sparsity=1"], r"sparsity must be in \[0, 1\)"),
        (["compression.prune.sparsity=-0.1"], r"sparsity must be in \[0, 1\)"),
        (["compression.prune.begin=0.7"], "masking must begin before it ends"),
        (["compression.prune.every_steps=0"], "at least 1"),
        (["compression.prune.multiple_of=0"], "at least 1"),
        (["compression.prune.target_latency_ms=0"], "target_latency_ms must be more than 0"),
        (["compression.prune.target_size_mb=-3"], "target_size_mb must be more than 0"),
        (["compression.prune.target_flops=1.2"], r"target_flops must be in \(0, 1\)"),
        (["compression.prune.target_flops=0.5", "compression.prune.target_size_mb=9"], "per unit of one budget"),
    ],
)
def test_objects_to_settings_that_cannot_be(words, text):
    with pytest.raises(PlanError, match=text):
        decide(compose(["compression=[prune]", *words]))


def test_objects_to_an_unknown_family(tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "mamba"}')
    with pytest.raises(PlanError, match="not in mamba"):
        decide(compose(["compression=[prune]", "model=local", f"model.path={tmp_path}"]))
    decide(compose(["compression=[qat]", "model=local", f"model.path={tmp_path}"]))


def test_masks_follow_the_schedule_and_hold(train):
    words = ["compression=[prune]", "compression.prune.every_steps=1", "trainer.max_steps=12"]
    fitted, _, _ = train(*words, "compression.prune.sparsity=0.6")
    found = fitted.evidence["prune"]
    assert 0.5 < found["removed_fraction"] < 0.7
    assert found["removed_heads"] > 0
    assert found["removed_channels"] > 0
    zero = sum(
        int((p == 0).all(dim=0).sum()) for n, p in fitted.model.named_parameters() if n.endswith("output.dense.weight")
    )
    assert zero >= found["removed_channels"]
    assert torch.isfinite(next(fitted.model.parameters())).all()


@pytest.mark.slow
@pytest.mark.parametrize("tuning", ["full", "bitfit", "head"])
@pytest.mark.parametrize("score", ["magnitude", "activation"])
def test_removes_without_gradients_whatever_is_tuned(train, tmp_path, tuning, score):
    words = ["compression=[prune]", f"tuning={tuning}", f"compression.prune.score={score}", "trainer.max_steps=12"]
    if score == "activation":
        (tmp_path / "public.txt").write_text("a public line\nand another one\n" * 20)
        words.append(f"compression.prune.public_text={tmp_path / 'public.txt'}")
    fitted, _, _ = train(*words, "compression.prune.every_steps=1")
    assert fitted.evidence["prune"]["removed_fraction"] > 0.4
