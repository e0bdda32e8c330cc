import pytest

from accel.engines.onnxruntime import ONNX, OnnxRunner
from accel.engines.openvino import OPENVINO, OpenvinoRunner
from accel.measure.cold_load import ColdLoadError, cold_load
from accel.model.tiny_bert import TinyBert
from accel.objective.classification import Classification

TEXT = {"input_ids": [1, 7, 2], "attention_mask": [1, 1, 1]}


class Another(OnnxRunner):
    """An engine that a user would run by other words."""

    answer = "logits = [0]"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    ONNX.write(TinyBert().network(Classification(["a", "b"])).eval(), folder)
    return folder


def test_an_onnx_file_answers_in_a_process_of_its_own(folder):
    found = cold_load(OnnxRunner, folder / ONNX.file, TEXT, rounds=1)
    assert 0 < found.cold_load_imports_ms < found.cold_load_ms


def test_an_openvino_file_too(folder):
    pytest.importorskip("openvino")
    OPENVINO.write(TinyBert().network(Classification(["a", "b"])).eval(), folder)
    found = cold_load(OpenvinoRunner, folder / OPENVINO.file, TEXT, rounds=1)
    assert 0 < found.cold_load_imports_ms < found.cold_load_ms


def test_what_stands_in_for_it_is_timed_as_it_is(tmp_path, monkeypatch):
    monkeypatch.setattr(Another, "imports", "import numpy, time; time.sleep(0.3)")
    monkeypatch.setattr(Another, "answer", "time.sleep(0.2); logits = [0]")
    found = cold_load(Another, tmp_path / "none", TEXT, rounds=1)
    assert found.cold_load_imports_ms > 300
    assert found.cold_load_ms - found.cold_load_imports_ms > 190


def test_a_file_that_cannot_be_read_is_told_with_the_last_words(tmp_path):
    (tmp_path / "m.onnx").write_bytes(b"nothing")
    with pytest.raises(ColdLoadError, match="Protobuf parsing failed"):
        cold_load(OnnxRunner, tmp_path / "m.onnx", TEXT)


def test_whoever_imports_accel_is_found_out(tmp_path, monkeypatch):
    """Negative control of the promise that files need neither accel nor transformers."""
    cold_load(Another, tmp_path / "none", TEXT, rounds=1)
    monkeypatch.setattr(Another, "imports", "import numpy; import accel")
    with pytest.raises(ColdLoadError, match="AssertionError"):
        cold_load(Another, tmp_path / "none", TEXT)


def test_no_more_processes_than_fit_into_the_budget(tmp_path, monkeypatch):
    monkeypatch.setattr("accel.measure.cold_load.BUDGET_S", 0.0)
    started = []
    monkeypatch.setattr("accel.measure.cold_load._one", lambda words: started.append(1) or (1.0, 2.0))
    assert cold_load(Another, tmp_path / "none", TEXT, rounds=9).cold_load_ms == 2.0
    assert len(started) == 1


def test_the_middle_process_of_three_stands_for_all(tmp_path, monkeypatch):
    times = iter([(1.0, 9.0), (3.0, 4.0), (2.0, 5.0)])
    monkeypatch.setattr("accel.measure.cold_load._one", lambda words: next(times))
    found = cold_load(Another, tmp_path / "none", {"input_ids": [1]}, rounds=3)
    assert (found.cold_load_ms, found.cold_load_imports_ms) == (5.0, 2.0)
