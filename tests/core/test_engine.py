from dataclasses import dataclass
from types import SimpleNamespace
from typing import ClassVar

import pytest

from accel.core.engine import Engine, Runner
from accel.core.option import typed


@dataclass(kw_only=True)
class Here(Engine):
    def candidates(self, model, folder):
        return {}


@dataclass(kw_only=True)
class Absent(Here):
    def lacks(self):
        return "it is not installed"

    def remedy(self):
        return "install it"


@dataclass(kw_only=True)
class Required(Absent):
    required: ClassVar[bool] = True


def objections(engine, *engines):
    return [(o.what, o.because, o.instead) for o in engine.objections(SimpleNamespace(engines=(engine, *engines)))]


def test_only_what_is_required_is_refused_before_the_machine_is_known():
    assert objections(Required(), Here()) == [(typed(Required()), "it is not installed", "install it")]
    assert objections(Absent()) == objections(Here()) == []


def test_an_engine_that_is_given_the_model_itself_writes_nothing(tmp_path):
    engine = Here()
    assert not engine.has_files
    assert engine.export(None, tmp_path, None) == []
    assert engine.has_dense(None, tmp_path)
    engine.write(None, tmp_path)
    engine.write_dense(None, tmp_path)
    assert list(tmp_path.iterdir()) == []
    assert engine.chosen_as("mine").key == "engines.mine"


def test_an_engine_says_how_it_runs_a_model():
    with pytest.raises(TypeError, match="candidates"):
        Engine()


def test_to_be_prepared_is_to_have_answered_twice():
    class Counts(Runner):
        calls = 0

        def run(self, inputs):
            self.calls += 1
            return inputs

    runner = Counts("float32", 7)
    runner.prepare({})
    assert (runner.calls, runner.dtype, runner.size_bytes) == (2, "float32", 7)
    runner.close()
