"""Language modelling from a file, and every option with it on tiny models."""

import json

import pytest
import torch

from accel.cli import main
from accel.config.compose import compose
from accel.data.prepared import prepare
from accel.errors import DataError, PlanError
from accel.inference.predictor import Predictor
from accel.plan.decide import decide
from accel.run.score import scorer
from accel.weights import artifact
from tests.conftest import write_tiny_csv


@pytest.fixture
def corpus(tmp_path):
    """The texts of the tiny file as documents of two lines."""
    lines = write_tiny_csv(tmp_path / "tiny.csv").read_text().splitlines()[1:]
    file = tmp_path / "corpus.txt"
    file.write_text("\n\n".join(line.rpartition(",")[0].replace(" was ", "\nwas ") for line in lines))
    return file


@pytest.fixture
def speak(train, corpus, tiny_run):
    """``train`` with this task; the metrics of what is exported too."""

    def run(*words):
        task = ["task=language_modeling", f"task.train={corpus}", "task.block_length=32"]
        fitted, losses, _ = train(*task, *words)
        plan = decide(compose([*tiny_run, *task, *words]))
        data = prepare(plan.task.load(0), plan)
        model = fitted.model.float().eval()
        for technique in plan.techniques:
            model = technique.export(model).eval()
        return fitted, losses, model, data, scorer(data)(model).metrics

    return run


OPTIONS = {
    "plain": [],
    "layers": ["compression=[layers]"],
    "prune": ["compression=[prune]", "compression.prune.every_steps=1"],
    "mask": ["compression=[mask]", "compression.mask.every_steps=1"],
    "ptq": ["compression=[ptq]"],
    "qat int4": ["compression=[qat]", "compression.qat.scheme=int4_weight_only", "compression.qat.embedding_bits=4"],
    "distill": ["compression=[distill]"],
    "prune+qat+distill": ["compression=[prune,qat,distill]", "compression.prune.every_steps=1"],
    "lora": ["tuning=lora"],
    "qat+lora": ["compression=[qat]", "tuning=lora"],
}


ELSEWHERE = {
    "tiny_gpt2": ["distill", "lora"],
    "tiny_llama": ["plain", "layers", "ptq", "distill", "lora"],
}
"""What another case proves of this model too: a longer list of options, a longer training, the other model."""
FULL = (pytest.mark.slow, pytest.mark.full)
CASES = [
    pytest.param(model, name, marks=FULL if name in ELSEWHERE[model] else ()) for name in OPTIONS for model in ELSEWHERE
]


@pytest.mark.slow
@pytest.mark.parametrize(("model", "name"), CASES)
def test_every_option_works_with_a_causal_model(speak, tmp_path, model, name):
    fitted, losses, exported, data, metrics = speak(f"model={model}", "trainer.max_steps=8", *OPTIONS[name])
    for technique in name.split(" ")[0].replace("plain", "").split("+"):
        assert not technique or fitted.evidence[technique]
    assert len(losses) == 8
    assert metrics["perplexity"] < 262  # a guess among all pieces
    artifact.save_model(exported, data.tokenizer, tmp_path / "out", **data.artifact_facts())
    reloaded = artifact.load_model(tmp_path / "out")
    ids = torch.randint(5, 250, (2, 24), generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        expected, found = exported(input_ids=ids).logits, reloaded(input_ids=ids).logits
    assert expected.shape == (2, 24, 261)
    assert (expected - found).abs().max() < 1e-5


def test_learns_what_can_be_learned_and_bits_are_nats(speak):
    _, losses, _, data, metrics = speak("model=tiny_llama", "trainer.max_steps=60", "trainer.learning_rate=1e-2")
    assert metrics["loss"] < 2 < 5 < losses[0]
    predicted = int((data.test.lengths - 1).sum())
    assert metrics["perplexity"] == pytest.approx(2.718281828459045 ** metrics["loss"])
    assert metrics["bits_per_byte"] == pytest.approx(
        metrics["loss"] * predicted / 0.6931471805599453 / data.test.num_bytes
    )


def test_a_step_is_the_same_in_however_many_batches(speak):
    """All blocks, of unequal lengths, as one batch and as four: the mean is over tokens, not over blocks."""
    words = ["model=tiny_llama", "trainer.max_steps=2", "trainer.precision=fp64", "task.block_length=48"]
    _, whole, *_ = speak(*words, "trainer.batch_size=1000")
    _, parts, *_ = speak(*words, "trainer.batch_size=1000", "trainer.accumulate=4")
    assert parts[0] == pytest.approx(whole[0], abs=1e-12)


def test_padding_is_neither_learned_nor_scored(speak):
    from accel.objective.language_modeling import LanguageModelling

    _, _, model, data, _ = speak("model=tiny_llama", "trainer.max_steps=1")
    batch = next(iter(data.test_batches()))
    inputs = {k: v for k, v in batch.items() if k != "labels"}
    objective = LanguageModelling()
    model.requires_grad_(False)
    loss = objective.loss(model(**inputs), batch)["loss"]
    wider = {k: torch.nn.functional.pad(v, (0, 8), value=-100 if k == "labels" else 0) for k, v in batch.items()}
    padded = model(**{k: v for k, v in wider.items() if k != "labels"})
    assert float(objective.loss(padded, wider)["loss"]) == pytest.approx(float(loss), abs=1e-6)
    assert len(objective.predictions(padded.logits, wider["attention_mask"])) == int(
        (batch["labels"][:, 1:] >= 0).sum()
    )


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["model=tiny_bert"], "must predict each token from those before it, and a bert does not"),
        (["compression=[vocabulary]"], "predicts every token of its vocabulary"),
        (["tuning=head"], "output embedding"),
        (["task.block_length=4"], "block_length must be at least 8"),
        (["task.test_fraction=1"], "a share of the documents"),
    ],
)
def test_what_cannot_be_is_refused_before_any_work(words, text):
    with pytest.raises(PlanError, match=text):
        decide(compose(["task=language_modeling", "task.train=x.txt", "model=tiny_gpt2", *words]))


def test_files_of_their_own_share_no_document(corpus, tmp_path):
    test = tmp_path / "test.txt"
    test.write_text("\n\n".join([corpus.read_text().split("\n\n")[0], "something new"]))
    words = ["task=language_modeling", f"task.train={corpus}", f"task.test={test}", "model=tiny_gpt2"]
    data = decide(compose(words)).task.load(0)
    assert len(data.test) == 2
    assert len(data.train) + len(data.validation) == 199
    assert data.dropped == 1


@pytest.mark.parametrize(
    "engines", ["eager", pytest.param("eager,onnxruntime", marks=[pytest.mark.slow, pytest.mark.full])]
)
def test_a_run_records_perplexity_before_and_after_and_exports(corpus, tiny_run, tmp_path, capsys, engines):
    words = [
        "task=language_modeling",
        f"task.train={corpus}",
        "task.block_length=32",
        "model=tiny_llama",
        "model.num_layers=1",
    ]
    run = [w for w in tiny_run if not w.startswith(("task", "model"))]
    assert main([*run, *words, "compression=[qat]", f"engines=[{engines}]", "trainer.max_steps=3"]) == 0
    record = json.loads((tmp_path / "run" / "result.json").read_text())
    for side in ("before", "after"):
        assert set(record[side]["metrics"]) == {"accuracy", "loss", "perplexity", "bits_per_byte"}
        assert record[side]["generation"]["decode_tokens_per_s"] > 0
    assert "perplexity" in capsys.readouterr().out
    onnx = {"onnx", "onnx-int8"} if "onnxruntime" in engines else set()
    assert {e["format"] for e in record["exports"]} == {"safetensors"} | onnx
    with pytest.raises(DataError, match="gives texts no labels"):
        Predictor.load(tmp_path / "run")
    assert main(["attack", str(tmp_path / "run")]) == 2
