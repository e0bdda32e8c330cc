import json

import numpy as np
import pytest
import torch

from accel.cli import main
from accel.compression.vocabulary import Vocabulary
from accel.config.compose import compose
from accel.data.prepared import prepare
from accel.data.vocabulary import trim
from accel.errors import PlanError
from accel.inference.predictor import Predictor
from accel.model.minilm import Minilm
from accel.model.tiny_bert import TinyBert
from accel.plan.decide import decide
from tests.laws import Laws

LAWS = Laws(
    off=["compression.vocabulary.min_count=0"],
    agrees_within=None,  # the exported model counts ids anew: test_training_is_the_same_and_so_is_every_answer
    sabotage=("accel.ops.vocabulary.mark", lambda model, kept: None),
)


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["compression.vocabulary.min_count=-1"], "min_count must be at least 0"),
        (["compression.vocabulary.from_task=false"], "no text left"),
        (["privacy=dpsgd"], "reveals words of private examples"),
        (["privacy=dpsgd", "compression.vocabulary.public_text=tweets"], "reveals words of private examples"),
    ],
)
def test_objects_to_settings_that_cannot_be(words, text):
    with pytest.raises(PlanError, match=text):
        decide(compose(["compression=[vocabulary]", *words]))


def test_public_pieces_are_nobodys_secret():
    words = ["compression.vocabulary.from_task=false", "compression.vocabulary.public_text=tweets"]
    decide(compose(["compression=[vocabulary]", "privacy=dpsgd", *words]))


def record_of(folder):
    return json.loads((folder / "result.json").read_text())


@pytest.mark.slow
def test_a_run_ships_fewer_pieces_and_predicts_any_text(tiny_run, tmp_path):
    words = ["compression=[qat,vocabulary]", "engines=[eager,onnxruntime]", "trainer.max_steps=60"]
    assert main([*tiny_run, *words]) == 0
    record = record_of(tmp_path / "run")
    evidence = {t["name"]: t["evidence"] for t in record["techniques"]}["vocabulary"]
    assert evidence["kept_pieces"] + evidence["removed_pieces"] == 261
    assert evidence["removed_pieces"] > 200
    assert record["after"]["metrics"]["accuracy"] > 0.9
    assert {e["format"] for e in record["exports"]} == {"safetensors", "onnx", "onnx-int8"}
    predictor = Predictor.load(tmp_path / "run")
    assert len(predictor.tokenizer) == evidence["kept_pieces"]
    assert predictor.model.get_input_embeddings().weight.shape[0] == evidence["kept_pieces"]
    found = predictor(["the crew was great and friendly", "the MEAL was terrible and rude \u6f22\u5b57"])
    assert [answer.label for answer in found] == ["positive", "negative"]


EVERYTHING = ["layers", "prune", "mask", "qat", "distill"]
FULL = (pytest.mark.slow, pytest.mark.full)
FEWER = [pytest.param(others, marks=FULL) for others in ([], ["qat"], ["prune"])]


MODELS = ["tiny_bert", "tiny_t5", *(pytest.param(name, marks=pytest.mark.slow) for name in ("tiny_gpt2", "tiny_llama"))]


@pytest.mark.parametrize("others", [EVERYTHING, *FEWER])
@pytest.mark.parametrize("model", MODELS)
@pytest.mark.slow
def test_training_is_the_same_and_so_is_every_answer(tiny_run, tmp_path, others, model):
    """On the data of the task, a model that knows fewer pieces is the same function, whatever else was done to it."""
    quick = [f"compression.{n}.every_steps=1" for n in ("prune", "mask") if n in others]
    words = [*tiny_run, f"model={model}", *quick, "trainer.max_steps=4"]
    assert main([*words, f"compression=[{','.join(others)}]", f"hydra.run.dir={tmp_path / 'a'}"]) == 0
    assert main([*words, f"compression=[{','.join([*others, 'vocabulary'])}]", f"hydra.run.dir={tmp_path / 'b'}"]) == 0
    texts = ["the flight on day 12 was great and rude", "the seat was perfect"]
    whole, short = (Predictor.load(tmp_path / name) for name in "ab")
    assert len(short.tokenizer) < len(whole.tokenizer)
    with torch.inference_mode():
        expected, found = (p.model(**p.inputs(texts)).logits for p in (whole, short))
    assert torch.equal(expected, found)
    assert record_of(tmp_path / "a")["after"]["metrics"] == record_of(tmp_path / "b")["after"]["metrics"]


def test_texts_that_need_every_piece_are_an_error_before_training(tiny_run, monkeypatch, capsys):
    monkeypatch.setattr("accel.compression.vocabulary.Vocabulary.kept_tokens", lambda self, t, rows: range(len(t)))
    assert main([*tiny_run, "compression=[vocabulary]"]) == 3
    out = capsys.readouterr().out
    assert "the texts use all of the 261 tokens" in out
    assert "Training" not in out


@pytest.mark.slow
def test_the_smallest_vocabulary_still_exports(tiny_run, tmp_path):
    words = ["compression=[vocabulary]", "compression.vocabulary.min_count=5000", "engines=[onnxruntime]"]
    assert main([*tiny_run, *words]) == 0
    assert {t["name"]: t["evidence"] for t in record_of(tmp_path / "run")["techniques"]}["vocabulary"][
        "kept_pieces"
    ] == 5


def test_a_public_text_adds_its_pieces(tiny_run, tmp_path):
    (tmp_path / "public.txt").write_text("XYZ\n", "utf8")
    plan = decide(compose([*tiny_run, "compression=[vocabulary]"]))
    wider = decide(compose([
        *tiny_run, "compression=[vocabulary]", f"compression.vocabulary.public_text={tmp_path / 'public.txt'}"
    ]))  # fmt: skip
    kept = [prepare(p.task.load(0), p).trimmed.tokenizer.get_vocab() for p in (plan, wider)]
    assert set(kept[1]) - set(kept[0]) == set("XYZ")


def test_a_pretrained_tokenizer_cuts_its_texts_as_before():
    tokenizer = Minilm().tokenizer()
    texts = ["@united thanks for nothing, flight 1234 was cancelled!", "Überraschung in Zürich: 航班 delayed"]
    short = trim(tokenizer, {n for ids in tokenizer(texts)["input_ids"] for n in ids})
    assert len(short.tokenizer) < 0.2 * len(tokenizer)
    for text in texts:
        assert short.tokenizer.tokenize(text) == tokenizer.tokenize(text)
    assert [short.kept[n] for n in short.tokenizer(*texts)["input_ids"]] == tokenizer(*texts)["input_ids"]
    other = "unfathomable reimbursement"
    assert "".join(short.tokenizer.tokenize(other)).replace("##", "") == other.replace(" ", "")


@pytest.mark.parametrize(("from_task", "min_count", "kept"), [(False, 1, "XYZ"), (True, 1, "ABXYZ"), (True, 2, "AXZ")])
def test_only_the_texts_that_count_are_counted(tmp_path, from_task, min_count, kept):
    """Of examples that may be private, no piece where ``from_task=false``."""
    (tmp_path / "public.txt").write_text("XYZ\nZ\n", "utf8")
    tokenizer = TinyBert().tokenizer()
    examples = [np.array(tokenizer(text, add_special_tokens=False)["input_ids"]) for text in ("AAB", "X")]
    technique = Vocabulary(from_task=from_task, min_count=min_count, public_text=str(tmp_path / "public.txt"))
    found = technique.kept_tokens(tokenizer, examples)
    assert found is not None
    special = set(tokenizer.all_special_tokens)
    assert set(tokenizer.convert_ids_to_tokens(found)) - special == set(kept)
    assert Vocabulary(min_count=0).kept_tokens(tokenizer, examples) is None
