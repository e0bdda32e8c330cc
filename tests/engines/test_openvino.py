import builtins

import numpy as np
import pytest

from accel.config.compose import compose
from accel.core.engine import EngineUnavailableError
from accel.engines.openvino import OPENVINO, Openvino, OpenvinoRunner
from accel.errors import ConfigError
from accel.export.onnx import parity, random_inputs
from accel.model.tiny_bert import TinyBert
from accel.objective.classification import Classification
from accel.plan.decide import decide
from accel.plan.inputs import check_devices


def test_without_the_package_it_is_skipped_with_the_command_that_installs_it(tmp_path, monkeypatch):
    real = builtins.__import__

    def no_openvino(name, *rest):
        if name == "openvino":
            raise ImportError
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", no_openvino)
    with pytest.raises(EngineUnavailableError, match=r"pip install .*\[openvino\]'"):
        OpenvinoRunner(tmp_path / "m.xml", "float32", 0, 1)


def test_a_file_that_is_none_is_a_reason_to_skip(tmp_path):
    pytest.importorskip("openvino")
    (tmp_path / "m.xml").write_bytes(b"nothing")
    with pytest.raises(EngineUnavailableError, match="cannot load m.xml"):
        OpenvinoRunner(tmp_path / "m.xml", "float32", 0, 1).run({"input_ids": np.ones((1, 4), dtype=np.int64)})


def test_any_shape_and_a_prepared_one_give_the_models_logits(tmp_path):
    pytest.importorskip("openvino")
    model = TinyBert().network(Classification(["a", "b"])).eval()
    OPENVINO.write(model, tmp_path)
    engine = OPENVINO.load(tmp_path)
    assert parity(model, engine).max_abs_diff < 1e-5
    one = random_inputs(model, 1, 128)
    before = engine.run(one)
    engine.prepare(one)
    assert set(engine.requests) == {None, (1, 128)}
    assert abs(engine.run(one) - before).max() < 1e-5
    kept = engine.run(one)
    engine.run({**one, "input_ids": one["input_ids"][:, ::-1].copy()})
    assert (kept == before).all() or abs(kept - before).max() < 1e-5  # no later call writes into an answer
    engine.close()


def test_without_the_package_it_is_refused_where_it_is_the_only_engine(monkeypatch):
    monkeypatch.setattr("accel.engines.openvino.is_installed", lambda name: False)
    with pytest.raises(ConfigError, match=r"(?s)engines=\[openvino\].*not installed.*install .*\[openvino\]'"):
        check_devices(decide(compose(["engines=[openvino]"])))
    assert Openvino() in decide(compose(["engines=[eager,openvino]"])).engines
    monkeypatch.setattr("accel.engines.openvino.is_installed", lambda name: True)
    assert check_devices(decide(compose(["engines=[openvino]"]))) == []  # negative control


@pytest.mark.parametrize(("fast", "expected"), [(True, ["float32", "bfloat16"]), (False, ["float32"])])
def test_its_file_in_fp32_is_read_in_bf16_where_the_processor_multiplies_it(tmp_path, monkeypatch, fast, expected):
    monkeypatch.setattr("accel.engines.openvino.has_bf16_products", lambda: fast)
    model = TinyBert().network(Classification(["a", "b"])).eval()
    assert list(Openvino().candidates(model, tmp_path)) == []
    (tmp_path / OPENVINO.file).touch()
    assert list(Openvino().candidates(model, tmp_path)) == expected
