import pytest

from accel.config.compose import compose
from accel.core.engine import EngineUnavailableError
from accel.engines import _aotinductor
from accel.engines.aotinductor import PT2, Aotinductor, PackageRunner
from accel.errors import PlanError
from accel.export.onnx import parity
from accel.model.tiny_bert import TinyBert
from accel.objective.classification import Classification
from accel.plan.decide import decide


def test_a_file_that_is_none_is_a_reason_to_skip(tmp_path):
    (tmp_path / "m.pt2").write_bytes(b"nothing")
    with pytest.raises(EngineUnavailableError, match="cannot load m.pt2"):
        PackageRunner(tmp_path / "m.pt2", "float32", 0, 1)


@pytest.mark.slow
def test_runs_a_package_made_for_this_machine_and_no_other(tmp_path, monkeypatch):
    model = TinyBert(num_layers=1).network(Classification(["a", "b"])).eval()
    PT2.write(model, tmp_path)
    engine = PT2.load(tmp_path)
    assert parity(model, engine).max_abs_diff < 1e-5
    engine.close()
    with monkeypatch.context() as patch:
        patch.setattr(_aotinductor, "_instructions", lambda: "NEON")
        with pytest.raises(EngineUnavailableError, match="and this one has NEON"):
            PT2.load(tmp_path)
    monkeypatch.setattr(_aotinductor.torch, "__version__", "1.0")
    with pytest.raises(EngineUnavailableError, match="and this is 1.0"):
        PT2.load(tmp_path)


def test_without_a_compiler_it_is_refused_even_among_others(monkeypatch):
    monkeypatch.setattr("accel.engines.aotinductor.has_compiler", lambda: False)
    with pytest.raises(PlanError, match=r"(?s)engines=\[aotinductor\].*C\+\+ compiler.*leave the engine out"):
        decide(compose(["engines=[eager,aotinductor]"]))
    monkeypatch.setattr("accel.engines.aotinductor.has_compiler", lambda: True)
    assert Aotinductor() in decide(compose(["engines=[eager,aotinductor]"])).engines  # negative control
