"""Every input that a model reads for its task is in every file of it, and a file without one is refused."""

import json
from functools import partial

import onnx
import pytest
import torch

from accel.cli import main
from accel.core.checksums import SUMS
from accel.core.engine import Runner
from accel.engines.aotinductor import PT2, Aotinductor
from accel.engines.onnxruntime import ONNX, ONNX_INT8, Onnxruntime
from accel.engines.openvino import OPENVINO, Openvino
from accel.export.onnx import ExportError, Logits, UnsupportedError, parity, random_inputs, require_parity
from accel.export.onnx_layers import has_operators
from accel.inference.predictor import Predictor
from accel.measure.cold_load import cold_load
from accel.model.tiny_bert import TinyBert
from accel.objective.classification import Classification
from accel.ops.inputs import PLAIN, TYPES, inputs_of, note_inputs
from accel.ops.quantize import fake_quantize
from accel.ops.quantize.grids import Int8Rows
from accel.ops.quantize.schemes import Int8
from accel.weights import artifact
from tests.conftest import tiny_words

PAIR = (*PLAIN, TYPES)
NEUTRAL = {"input_ids": lambda x: torch.full_like(x, 7), "attention_mask": torch.ones_like, TYPES: torch.zeros_like}
"""What a graph computes with that does not read the input."""


def pair_model():
    """Large type embeddings, as training leaves them: random ones are too small to matter."""
    model = note_inputs(TinyBert(num_layers=1).network(Classification(["a", "b"])).eval(), PAIR)
    with torch.no_grad():
        model.bert.embeddings.token_type_embeddings.weight.mul_(20)
    return model


def rounded():
    model = pair_model()
    fake_quantize.prepare(model, Int8(Int8Rows()))
    return fake_quantize.convert(model)


class Without(Logits):
    """The same graph, which takes all inputs and reads all but one."""

    def __init__(self, model, dropped):
        super().__init__(model)
        self.dropped = dropped

    def forward(self, *tensors):
        given = dict(zip(self.names, tensors, strict=True))
        given[self.dropped] = NEUTRAL[self.dropped](given[self.dropped])
        return self.model(**given).logits


class Runs(Runner):
    """A graph as it is, before any exporter."""

    def __init__(self, graph):
        super().__init__("float32", 0)
        self.graph = graph

    @torch.inference_mode()
    def run(self, inputs):
        return self.graph(*(torch.from_numpy(inputs[name]) for name in self.graph.names)).numpy()


@pytest.mark.parametrize("dropped", PAIR)
def test_a_graph_that_does_not_read_one_is_refused(dropped):
    model = pair_model()
    require_parity(parity(model, Runs(Logits(model))), "m")
    with pytest.raises(ExportError, match="not the same model"):
        require_parity(parity(model, Runs(Without(model, dropped))), "m")


def test_a_graph_of_the_two_inputs_of_before_is_refused():
    """As accel wrote them: parity must feed what the task feeds, or it compares another model."""
    model, before = pair_model(), Runs(Logits(note_inputs(pair_model(), PLAIN)))
    with pytest.raises(ExportError, match="not the same model"):
        require_parity(parity(model, before), "m")
    note_inputs(model, PLAIN)  # negative control: fed without types, nothing is seen
    require_parity(parity(model, before), "m")


@pytest.mark.fault("N5")
@pytest.mark.slow
def test_onnx_files_have_them_all(tmp_path):
    assert len(Onnxruntime().export(rounded(), tmp_path, None)) == 2
    for file in (ONNX.file, ONNX_INT8.file):
        assert [node.name for node in onnx.load(tmp_path / file).graph.input] == list(PAIR)


def test_an_onnx_file_that_does_not_read_one_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("accel.export.onnx.Logits", partial(Without, dropped=TYPES))
    with pytest.raises(ExportError, match="not the same model"):
        Onnxruntime().export(pair_model(), tmp_path, None)
    assert not (tmp_path / ONNX.file).exists()


@pytest.mark.slow
@pytest.mark.parametrize("quantize", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_an_openvino_file_has_them_all(tmp_path, quantize):
    pytest.importorskip("openvino")
    (made,) = Openvino().export(rounded() if quantize else pair_model(), tmp_path, None)
    file = tmp_path / made.path.removeprefix("model/")
    import openvino

    assert {port.any_name for port in openvino.Core().read_model(file).inputs} == set(PAIR)


def test_an_openvino_file_that_does_not_read_one_is_refused(tmp_path, monkeypatch):
    pytest.importorskip("openvino")
    monkeypatch.setattr("accel.export.onnx.Logits", partial(Without, dropped=TYPES))
    with pytest.raises(ExportError, match="not the same model"):
        Openvino().export(pair_model(), tmp_path, None)
    assert not (tmp_path / OPENVINO.file).exists()


@pytest.mark.slow
@pytest.mark.full
def test_a_compiled_package_has_them_all_and_says_so(tmp_path):
    model = pair_model()
    Aotinductor().export(model, tmp_path, None)
    engine = PT2.load(tmp_path)
    assert engine.package.inputs == list(PAIR)
    given = {name: rows[0].tolist() for name, rows in random_inputs(model, 1, 8).items()}
    assert cold_load(PT2.runner, tmp_path / PT2.file, given, rounds=1).cold_load_ms > 0


@pytest.mark.slow
def test_a_process_of_its_own_feeds_them_all(tmp_path):
    model = pair_model()
    ONNX.write(model, tmp_path)
    given = {name: rows[0].tolist() for name, rows in random_inputs(model, 1, 8).items()}
    assert set(given) == set(PAIR)
    assert cold_load(ONNX.runner, tmp_path / ONNX.file, given, rounds=1).cold_load_ms > 0


def test_both_texts_of_made_up_pairs_have_tokens_and_padding_is_of_the_first():
    model = pair_model()
    inputs = random_inputs(model, 50, 9)
    types, mask = inputs[TYPES], inputs["attention_mask"]
    assert (types[:, 0] == 0).all()
    assert (types.sum(1) >= 1).all()
    assert (types[mask == 0] == 0).all()
    with pytest.raises(UnsupportedError, match="cannot make up bbox"):
        random_inputs(note_inputs(model, (*PLAIN, "bbox")), 1, 8)


@pytest.fixture(scope="module")
def pair_run(tmp_path_factory):
    place = tmp_path_factory.mktemp("pairs")
    rows = [f"{'great' if i % 2 else 'awful'} seat {i},crew {i},{'good' if i % 2 else 'bad'}" for i in range(120)]
    (place / "pairs.csv").write_text("\n".join(["question,answer,label", *rows]))
    words = [w for w in tiny_words(place / "pairs.csv", place / "run") if not w.startswith(("task.text", "task.label"))]
    given = ["task.text=[question,answer]", "task.label=label", "trainer.max_steps=4", "engines=[eager,onnxruntime]"]
    assert main([*words, *given]) == 0
    return place / "run"


@pytest.mark.slow
def test_a_run_on_pairs_ships_every_input_and_old_folders_predict_as_before(pair_run, tmp_path):
    folder = pair_run / "model"
    meta = json.loads((folder / "accel.json").read_text())
    assert meta["inputs"] == list(PAIR)
    assert [node.name for node in onnx.load(folder / "model.onnx").graph.input] == list(PAIR)
    record = json.loads((pair_run / "result.json").read_text())
    shipped = {e["format"]: e["metrics"] for e in record["exports"]}
    assert shipped["onnx"]["accuracy"] == shipped["safetensors"]["accuracy"]
    assert shipped["onnx"]["loss"] == pytest.approx(shipped["safetensors"]["loss"], abs=1e-6)
    texts = [("great seat", "crew"), ("awful seat", "crew")]
    answers = [p.scores for p in Predictor.load(pair_run)(texts)]
    del meta["inputs"]
    old = tmp_path / "old"
    old.mkdir()
    for file in folder.iterdir():
        (old / file.name).write_bytes(file.read_bytes())
    (old / "accel.json").write_text(json.dumps(meta))
    (old / SUMS).unlink()  # which a model from before has not either
    assert [p.scores for p in Predictor.load(old)(texts)] == answers
    assert inputs_of(artifact.load_model(old)) == PAIR
    assert not has_operators(artifact.load_model(old))
