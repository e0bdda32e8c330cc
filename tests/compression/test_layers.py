import pytest

from accel.config.compose import compose
from accel.errors import NoEffectError, PlanError
from accel.plan.decide import decide
from accel.weights.artifact import load_model
from tests.laws import Laws

LAWS = Laws(
    off=["compression.layers.keep=1"],
    sabotage=("accel.ops.structured.layer_dropping.keep_layers", lambda model, stack, kept: None),
)


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["compression.layers.keep=0"], r"keep must be in \(0, 1\]"),
        (["compression.layers.keep=1.5"], r"keep must be in \(0, 1\]"),
        (["privacy=dpsgd"], "start from the dense baseline"),
    ],
)
def test_objects_to_settings_that_cannot_be(words, text):
    with pytest.raises(PlanError, match=text):
        decide(compose(["compression=[layers]", *words]))


def test_objects_to_an_unknown_family(tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "mamba"}')
    with pytest.raises(PlanError, match="not in mamba"):
        decide(compose(["compression=[layers]", "model=local", f"model.path={tmp_path}"]))


def test_two_removals_have_one_beginning():
    words = ["compression=[layers,prune]", "compression.layers.start=pretrained"]
    with pytest.raises(PlanError, match="a run starts from one set of weights"):
        decide(compose(words))
    decide(compose([*words, "compression.prune.start=pretrained"]))


@pytest.mark.slow
@pytest.mark.parametrize("model", ["tiny_bert", "tiny_gpt2", "tiny_t5", "tiny_llama"])
def test_half_of_the_layers_is_left(train, model):
    fitted, losses, _ = train("compression=[layers]", f"model={model}", "trainer.max_steps=4")
    found = fitted.evidence["layers"]
    assert set(found["layers"]) == {1}
    assert len(losses) == 4
    assert set(found["removed_layers"]) == {1}


@pytest.mark.parametrize("option", ["layers", "prune"])
@pytest.mark.parametrize("start", ["pretrained", "baseline"])
def test_begins_where_the_baseline_ended(train, monkeypatch, option, start):
    def marked(folder):
        model = load_model(folder)
        model.bert.encoder.layer[0].intermediate.dense.bias.data.fill_(0.25)
        return model

    monkeypatch.setattr("accel.run.module.load_model", marked)
    words = ["trainer.learning_rate=1e-9", "trainer.max_steps=12", "compression.prune.every_steps=1"]
    fitted, _, _ = train(
        f"compression=[{option}]", f"compression.{option}.start={start}", *words[: 2 + (option == "prune")]
    )
    bias = fitted.model.bert.encoder.layer[0].intermediate.dense.bias
    assert bool((bias - 0.25).abs().max() < 1e-4) == (start == "baseline")


def test_a_share_that_removes_nothing_is_an_error(train):
    with pytest.raises(NoEffectError, match="layers"):
        train("compression=[layers]", "compression.layers.keep=0.9", "trainer.max_steps=2")
