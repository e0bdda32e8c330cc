"""Answers of the ONNX file are those of the model, or the model itself answers."""

import json
import subprocess
import sys

import pytest

from accel.core.checksums import write_sums
from accel.core.meta import Meta
from accel.engines.onnxruntime import ONNX, ONNX_INT8
from accel.inference.light import LightPredictor, _own_format
from accel.inference.predictor import Predictor
from accel.model.tiny_bert import TinyBert
from accel.model.tiny_gpt2 import TinyGpt2
from accel.objective.classification import Classification
from accel.objective.multi_label import MultiLabel
from accel.objective.regression import OrdinalRegression, Regression
from accel.objective.tagging import Tagging
from accel.ops.inputs import PLAIN, TYPES, note_inputs
from accel.ops.quantize.grids import SCALE
from accel.report.record import new_record, write_record
from accel.weights import artifact
from accel.weights.meta import SCALE_SUFFIX, note_temperature

pytest.importorskip("onnxruntime")

TAGS = ["O", "B-L", "I-L"]
SINGLE = ["the crew was great", "Ann saw 北京 [SEP] </s>", "great " * 100, "航班"]


def save(folder, option, objective, columns=1, inputs=PLAIN):
    model = note_inputs(option.network(objective).eval(), inputs)
    facts = {**objective.artifact_facts(), "max_length": 24, "num_text_columns": columns, "inputs": inputs}
    artifact.save_model(model, option.tokenizer(), folder, **facts)
    ONNX.write(model, folder)
    return folder


@pytest.fixture(scope="module")
def labelled(tmp_path_factory):
    return save(tmp_path_factory.mktemp("light"), TinyBert(), Classification(["good", "bad", "so so"]))


def same(found, expected):
    if isinstance(expected, dict):
        return found.keys() == expected.keys() and all(same(found[key], expected[key]) for key in expected)
    if isinstance(expected, list):
        return len(found) == len(expected) and all(map(same, found, expected))
    return abs(found - expected) < 1e-5 if isinstance(expected, float) else found == expected


def require_same(folder, texts):
    light = LightPredictor.find(folder)
    assert light is not None
    for found, expected in zip(light.stream(texts), Predictor.load(folder).stream(texts), strict=True):
        assert found.text == expected.text
        assert same(found.answer, expected.answer), (found, expected)


def test_labels_are_the_same(labelled):
    require_same(labelled, SINGLE)


def test_probabilities_are_those_of_the_temperature_that_was_stored(tmp_path):
    folder = save(tmp_path, TinyBert(), Classification(["good", "bad", "so so"]))
    (plain,) = LightPredictor.find(folder).stream(SINGLE[:1])  # type: ignore[union-attr]
    note_temperature(folder, 0.25)
    require_same(folder, SINGLE)
    (colder,) = LightPredictor.find(folder).stream(SINGLE[:1])  # type: ignore[union-attr]
    expected = {name: score**4 for name, score in plain.answer["scores"].items()}
    total = sum(expected.values())
    assert same(colder.answer["scores"], {name: power / total for name, power in expected.items()})


def test_a_long_text_is_cut_at_the_side_that_the_tokenizer_states(labelled):
    """Negative control: cut at its other side, the text has another answer."""
    file = labelled / "tokenizer_config.json"
    before, text = file.read_text(), "great " * 30 + "rude 航班 " * 30
    answers = []
    try:
        for side in ("left", "right"):
            file.write_text(json.dumps({**json.loads(before), "truncation_side": side}))
            write_sums(labelled, [file.name])
            require_same(labelled, [text])
            answers += [found.answer["scores"] for found in LightPredictor.find(labelled).stream([text])]
    finally:
        file.write_text(before)
        write_sums(labelled, [file.name])
    assert answers[0] != answers[1]


@pytest.mark.slow
def test_labels_of_pairs_are_the_same(tmp_path):
    pairs = [["the crew", "was great " * 20], ["great " * 40, "航班"], ["[SEP]", "seat"]]
    require_same(save(tmp_path, TinyBert(), Classification(["no", "yes"]), 2, (*PLAIN, TYPES)), pairs)


@pytest.mark.slow
def test_label_sets_are_the_same(tmp_path):
    """Thresholds that untrained probabilities lie around: the labels differ from text to text and by the threshold."""
    folder = save(tmp_path, TinyBert(), MultiLabel(["a", "b", "c"], (0.49, 0.5, 0.9)))
    require_same(folder, SINGLE)
    assert all("c" not in found.answer["labels"] for found in LightPredictor.find(folder).stream(SINGLE))


@pytest.mark.parametrize("kind", [Regression, OrdinalRegression])
@pytest.mark.slow
def test_numbers_are_the_same(tmp_path, kind):
    require_same(save(tmp_path, TinyBert(), kind(("1", "2.5", "4"), 2.0, 1.5)), SINGLE)


@pytest.mark.slow
@pytest.mark.parametrize("option", [TinyBert(), TinyGpt2()], ids=lambda option: option.option_name())
def test_entities_are_the_same_and_stand_in_the_text_as_it_was_given(tmp_path, option):
    require_same(save(tmp_path, option, Tagging(TAGS)), SINGLE)


def test_the_command_needs_no_torch(labelled):
    program = (
        "import sys; from accel.cli import main; code = main(['predict', sys.argv[1], 'great seat']);"
        "assert not {'torch', 'transformers'} & set(sys.modules); sys.exit(code)"
    )
    words = [sys.executable, "-c", program, str(labelled)]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert set(json.loads(done.stdout)) == {"text", "label", "score", "scores"}


@pytest.mark.parametrize("name", [ONNX.file, artifact.WEIGHTS, "tokenizer.json", "accel.json"])
def test_files_that_are_not_what_was_written_are_left_to_the_model_itself(labelled, name):
    before = (labelled / name).read_bytes()
    try:
        (labelled / name).write_bytes(before + b" ")
        assert LightPredictor.find(labelled) is None
    finally:
        (labelled / name).write_bytes(before)
    assert LightPredictor.find(labelled) is not None


@pytest.mark.slow
def test_another_models_file_is_not_what_was_written_though_it_can_be_read(labelled, tmp_path):
    other = save(tmp_path, TinyBert(weights_seed=1), Classification(["good", "bad", "so so"]))
    before = (labelled / ONNX.file).read_bytes()
    try:
        (labelled / ONNX.file).write_bytes((other / ONNX.file).read_bytes())
        assert ONNX.load_if_possible(labelled) is not None
        assert LightPredictor.find(labelled) is None
    finally:
        (labelled / ONNX.file).write_bytes(before)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('"objective": "classification"', '"objective": "mine"'),
        ('"attention_mask"', '"position_ids"'),
    ],
)
def test_what_it_cannot_make_is_left_to_the_model_itself(labelled, before, after):
    file = labelled / "accel.json"
    text = file.read_text()
    assert before in text
    try:
        file.write_text(text.replace(before, after))
        write_sums(labelled, ["accel.json"])
        assert LightPredictor.find(labelled) is None
    finally:
        file.write_text(text)
        write_sums(labelled, ["accel.json"])


@pytest.mark.parametrize("package", ["onnxruntime", "tokenizers"])
def test_without_a_package_the_model_itself_answers(labelled, monkeypatch, package):
    monkeypatch.setattr("accel.inference.light.find_spec", lambda name: None if name == package else object())
    assert LightPredictor.find(labelled) is None


def test_rounded_weights_are_known_by_their_scales():
    assert f".{SCALE}" == SCALE_SUFFIX


@pytest.mark.parametrize(
    ("made", "scheme", "expected"),
    [(["onnx", "onnx-int8"], "int8", ONNX_INT8), (["onnx"], "int8", None), (["onnx-int8"], "int8_weight_only", None)],
)
def test_a_rounded_model_is_never_answered_for_by_its_file_in_fp32(tmp_path, monkeypatch, made, scheme, expected):
    monkeypatch.setattr("accel.inference.light.is_quantized", lambda folder: True)
    write_record({**new_record([]), "exports": [{"format": name} for name in made]}, tmp_path)
    assert _own_format(tmp_path / "model", Meta(["a"], 8, scheme=scheme)) is expected


def test_what_is_cut_is_told_as_the_model_itself_tells_it(labelled):
    texts = ["short", "long " * 50]
    assert [one.is_cut for one in LightPredictor.find(labelled).stream(texts)] == [False, True]
    assert [one.is_cut for one in Predictor.load(labelled).stream(texts)] == [False, True]
