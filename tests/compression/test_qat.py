import pytest

from accel.config.compose import compose
from accel.errors import NoEffectError, PlanError
from accel.plan.decide import decide
from tests.laws import Laws

INT4 = "compression.qat.scheme=int4_weight_only"
LAWS = Laws(
    strong={
        "": (),
        "int8 weight only": ["compression.qat.scheme=int8_weight_only"],
        "int4": [INT4, "compression.qat.symmetric=false"],
        "int4 with layers in full precision": [INT4, "compression.qat.full_precision=0.2"],
        "with lora": ["tuning=lora"],
        "int4 of what is removed": ["compression=[prune,qat]", INT4],
    },
    agrees_within=5e-4,
    sabotage=("accel.compression.qat.Qat.callbacks", lambda self, facts: []),
)


def test_objects_to_a_beginning_after_the_end():
    with pytest.raises(PlanError, match="a share of training"):
        decide(compose(["compression=[qat]", "compression.qat.begin=1"]))


def test_counts_what_it_quantized(train):
    fitted, _, _ = train("compression=[qat]", "trainer.max_steps=4")
    assert fitted.evidence["qat"] == {
        "quantized_layers": 16,
        "active_fake_quantizers": 29,
        "full_precision_layers": {"classifier": "2 outputs, fewer than 16"},
    }


def test_embeddings_can_be_left_alone(train):
    fitted, _, _ = train("compression=[qat]", "compression.qat.embeddings=false", "trainer.max_steps=4")
    assert fitted.evidence["qat"]["quantized_layers"] == 13


def test_nothing_to_quantize_is_an_error(train, monkeypatch):
    monkeypatch.setattr("accel.ops.quantize.fake_quantize.prepare", lambda model, scheme: 0)
    with pytest.raises(NoEffectError, match="no linear layer"):
        train("compression=[qat]")


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["compression=[qat]", "compression.qat.full_precision=1"], r"full_precision must be in \[0, 1\)"),
        (["compression=[ptq]", "compression.ptq.full_precision=0.1", "privacy=dpsgd"], "private examples decide"),
        (
            ["compression=[qat]", "compression.qat.full_precision=0.1", "compression.qat.begin=0"],
            "the head is untrained",
        ),
        (
            ["compression=[prune,qat]", "compression.qat.full_precision=0.1", "compression.prune.target_size_mb=9"],
            "planned with every layer quantized",
        ),
        (
            ["compression=[qat]", "compression.qat.full_precision_of=latency"],
            "no layer is timed",
        ),
        (
            [
                "compression=[qat]",
                "compression.qat.full_precision=0.1",
                "compression.qat.full_precision_of=latency",
                "strategy=fsdp",
            ],
            "each process holds only a part of it",
        ),
        (
            [
                "compression=[qat]",
                "compression.qat.full_precision=0.1",
                "compression.qat.full_precision_of=latency",
                "compression.qat.scheme=int4_weight_only",
            ],
            "quantization saves bytes, not time",
        ),
        (
            [
                "compression=[prune,qat]",
                "compression.qat.full_precision=0.1",
                "compression.qat.full_precision_of=latency",
            ],
            "units then that are removed later",
        ),
    ],
)
def test_objects_to_full_precision_that_cannot_be(words, text):
    with pytest.raises(PlanError, match=text):
        decide(compose(words))


def test_a_share_that_keeps_no_layer_is_an_error(train):
    with pytest.raises(NoEffectError, match=r"would keep no layer.*Use at least compression.qat.full_precision=0\.0"):
        train("compression=[qat]", "compression.qat.full_precision=0.001")


@pytest.mark.slow
def test_what_stays_in_full_precision_is_stored_as_it_is(tiny_run, tmp_path):
    from accel.cli import main
    from accel.report.record import read_record
    from accel.weights.artifact import load_model

    words = ["compression=[qat]", "compression.qat.full_precision=0.2", "compression.qat.scheme=int4_weight_only"]
    words += ["engines=[onnxruntime]"]
    assert main([*tiny_run, *words]) == 0
    record = read_record(tmp_path / "run")
    evidence = next(t["evidence"] for t in record["techniques"] if t["name"] == "qat")
    names = [name for name, why in evidence["full_precision_layers"].items() if why.startswith("kept")]
    model = load_model(tmp_path / "run" / "model")
    assert names
    assert all(type(model.get_submodule(name)).__name__ == "Linear" for name in names)
    assert {e["format"] for e in record["exports"]} >= {"safetensors", "onnx-int4"}
