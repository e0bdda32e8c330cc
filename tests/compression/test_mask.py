import pytest
import torch

from accel.compression.mask import Mask
from accel.config.compose import compose
from accel.errors import PlanError
from accel.model._tiny import byte_tokenizer
from accel.ops.quantize.quantized_layers import QuantizedLinear
from accel.ops.sparse.weight_masks import linears
from accel.plan.decide import decide
from accel.weights.artifact import load_model, save_model
from tests.laws import Laws

LAWS = Laws(
    off=["compression.mask.sparsity=0"],
    strong={
        "": (),
        "by movement": ["compression.mask.score=movement"],
        "2 of 4": ["compression.mask.pattern=2:4"],
        "tiles by wanda": ["compression.mask.pattern=8x4", "compression.mask.score=wanda"],
    },
    quick=["compression.mask.every_steps=1"],
    sabotage=("accel.compression.mask.Mask.callbacks", lambda self, facts: []),
)

SHORT = ["compression=[mask]", "compression.mask.every_steps=1", "trainer.max_steps=12"]


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["compression.mask.sparsity=1"], r"sparsity must be in \[0, 1\)"),
        (["compression.mask.begin=0.7"], "masking must begin before it ends"),
        (["compression.mask.every_steps=0"], "at least 1"),
        (["compression.mask.pattern=2-4"], "N:M with N smaller than M"),
        (["compression.mask.pattern=4:4"], "N:M with N smaller than M"),
        (["compression.mask.pattern=1:4"], "a sparsity of 0.75"),
        (["compression.mask.pattern=2:4", "compression=[mask,prune]"], "no longer line up"),
        (["compression.mask.score=movement", "tuning=head"], "this tuning freezes them"),
        (["compression.mask.score=movement", "privacy=dpsgd"], "accountant does not count"),
        (["compression.mask.score=wanda", "privacy=dpsgd"], "accountant does not count"),
        (["compression.mask.public_text=tweets"], "only wanda reads"),
        (["compression.mask.pattern=1x1"], "ROWSxCOLUMNS"),
        (["compression.mask.pattern=4x1", "compression=[mask,prune]"], "or the tiles of a mask no longer line up"),
        (["tuning=lora"], "fills the zeros again"),
    ],
)
def test_objects_to_settings_that_cannot_be(words, text):
    with pytest.raises(PlanError, match=text):
        decide(compose(["compression=[mask]", *words]))


@pytest.mark.parametrize(("pattern", "kernels"), [("2:4", True), ("1:4", False), ("unstructured", False)])
def test_the_report_says_where_zeros_are_speed(pattern, kernels):
    caveat = Mask(pattern=pattern).caveat
    assert "zeros alone make nothing faster" in caveat
    assert ("engines=[cuda]" in caveat) == kernels


def test_objects_to_an_unknown_family(tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "mamba"}')
    with pytest.raises(PlanError, match="not in mamba"):
        decide(compose(["compression=[mask]", "model=local", f"model.path={tmp_path}"]))


@pytest.mark.slow
@pytest.mark.parametrize("model", ["tiny_bert", "tiny_gpt2", "tiny_t5", "tiny_llama"])
@pytest.mark.parametrize("score", ["magnitude", "movement", "wanda"])
def test_half_of_every_matrix_is_zero_at_the_end(train, model, score):
    fitted, _, _ = train(*SHORT, f"model={model}", f"compression.mask.score={score}")
    shares = [float((linear.weight == 0).float().mean()) for _, linear in linears(fitted.model)]
    assert len(shares) == fitted.evidence["mask"]["masked_layers"] >= 8
    assert all(abs(share - 0.5) < 1e-3 for share in shares)


@pytest.mark.parametrize("words", [["score=magnitude"], ["score=wanda", "public_text=tweets"]])
def test_privacy_meets_masks_that_look_at_nothing_private(words):
    assert decide(compose(["compression=[mask]", "privacy=dpsgd", *(f"compression.mask.{w}" for w in words)]))


@pytest.mark.parametrize("schedule", ["linear", "one_shot"])
def test_tiles_of_zeros_by_every_schedule(train, schedule):
    words = ["compression.mask.pattern=8x4", "compression.mask.sparsity=0.75", f"compression.mask.schedule={schedule}"]
    fitted, _, _ = train(*SHORT, *words)
    for _, linear in linears(fitted.model):
        rows, columns = linear.weight.shape
        tiles = linear.weight.view(rows // 8, 8, columns // 4, 4).abs().sum((1, 3))
        assert float((tiles == 0).float().mean()) == pytest.approx(0.75, abs=0.02)


@pytest.mark.fault("N7")
def test_zeros_outlive_rounding_saving_and_loading(train, tmp_path):
    """Sparse training followed by int8 or a merge has lost its zeros in other frameworks, and nothing told."""
    fitted, _, _ = train(*SHORT, "compression=[mask,qat]")
    model = fitted.model.eval()
    for technique in decide(compose(["compression=[mask,qat]"])).techniques:
        model = technique.export(model)
    save_model(model, byte_tokenizer(segments=True), tmp_path / "m", label_names=["a", "b"], max_length=32)
    found = [m.weight for m in load_model(tmp_path / "m").bert.encoder.modules() if isinstance(m, QuantizedLinear)]
    assert len(found) == 12
    assert all(float((weight == 0).float().mean()) >= 0.499 for weight in found)


def test_two_of_four_holds(train):
    fitted, _, _ = train(*SHORT, "compression.mask.pattern=2:4")
    for _, linear in linears(fitted.model):
        assert ((linear.weight.view(-1, 4) != 0).sum(1) <= 2).all()


@pytest.mark.fault("N7")
def test_the_exported_model_has_the_zeros_and_no_masks(train):
    plan = decide(compose(["compression=[mask]"]))
    fitted, _, _ = train(*SHORT)
    model = fitted.model
    for technique in plan.techniques:
        model = technique.export(model)
    assert not [name for name in model.state_dict() if "accel" in name]
    assert all(abs(float((linear.weight == 0).float().mean()) - 0.5) < 1e-3 for _, linear in linears(model))


def test_after_removal_the_masked_weights_are_still_zero(train):
    fitted, _, _ = train(*SHORT, "compression=[mask,prune]", "compression.prune.every_steps=1")
    assert fitted.evidence["mask"]["masked_fraction"] > 0.49
    assert fitted.evidence["prune"]["removed_fraction"] > 0.4
    assert all(torch.isfinite(p).all() for p in fitted.model.parameters())
