from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from accel.cli import main
from accel.compression.prune import Prune
from accel.compression.qat import Qat
from accel.config.compose import compose
from accel.core.console import Console
from accel.engines.eager import Eager
from accel.errors import DataError, RunError
from accel.export.export import Exported
from accel.objective.scores import Report
from accel.plan.decide import decide
from accel.run import phases
from accel.run.baseline import Baseline
from accel.run.fit import Fitted
from accel.run.phases import _require_folder
from accel.run.run import Run
from accel.strategy.single import Single
from accel.tuning.full import Full


def test_resume_without_a_checkpoint_is_refused(tiny_run, tmp_path, capsys):
    assert main([*tiny_run, "trainer.max_steps=2"]) == 0
    for file in (tmp_path / "run" / "checkpoints").iterdir():
        file.unlink()
    assert main([*tiny_run, f"resume={tmp_path / 'run'}"]) == 2
    assert "nothing can be resumed" in capsys.readouterr().out


def test_resume_of_something_else_is_refused(tmp_path, capsys):
    assert main([f"resume={tmp_path}"]) == 2
    assert "is no folder of a run" in capsys.readouterr().err


SCORES = {"trained": 0.6, "exported": 0.7}
"""By model: what the test split says; the validation split says a tenth of it."""


@pytest.fixture
def finished(monkeypatch, tmp_path):
    """``finished(before) -> (record, what was measured)``: the end of a run whose scores are told by its models."""

    def finish(before, *words, texts=()):
        measured = []
        plan = decide(compose(["model=tiny_bert", "engines=[eager]", *words]))
        run = Run(plan, {}, tmp_path, [])
        objective = SimpleNamespace(
            details=lambda report: {"per_class": report.confusion_matrix}, speeds=lambda m: {}, is_fitted=True
        )
        data = SimpleNamespace(objective=objective)

        def scorer(data, *, validation=False):
            return lambda model: Report({"accuracy": SCORES[model.name] / (10 if validation else 1)}, [[1]])

        def export_all(model, data, folder, console, score, *, engines):
            exported = nn.Identity()
            exported.name = "exported"
            return Exported(exported, score(exported), [], {})

        monkeypatch.setattr(phases, "scorer", scorer)
        monkeypatch.setattr("accel.export.export.export_all", export_all)
        monkeypatch.setattr("accel.measure.run_costs.measure_run", lambda *told: measured.append(told))
        trained = nn.Linear(1, 1).double().train()
        trained.name = "trained"
        phases._finish(run, data, Console(None, silent=True), Fitted(trained, 8, {}), before, texts)
        return run.record, measured[0]

    return finish


def test_what_is_reported_after_is_the_exported_model_on_the_test_split_and_a_search_sees_validation_alone(finished):
    record, (_, exported, dense, engines, *_) = finished(None)
    assert record["after"]["metrics"] == {"accuracy": 0.7}
    assert record["after"]["validation"] == {"accuracy": pytest.approx(0.07)}
    assert record["after"]["per_class"] == [[1]]
    assert (record["before"], dense, exported.model.name, engines) == (None, None, "exported", (Eager(),))


def test_what_is_reported_before_is_the_baseline(finished, monkeypatch):
    monkeypatch.setattr("accel.weights.artifact.load_model", lambda folder: folder)
    record, (_, _, dense, *_) = finished(Baseline(Path("dense"), Report({"accuracy": 0.9}, [[2]]), 3.0, reused=True))
    assert (record["before"]["metrics"], record["before"]["per_class"]) == ({"accuracy": 0.9}, [[2]])
    assert (record["before"]["reused"], record["before"]["model"]) == (True, "pretrained")  # this plan trains none
    assert record["after"]["metrics"] == {"accuracy": 0.7}
    assert dense == Path("dense")


def test_explanations_are_compared_with_those_of_a_dense_model_and_never_under_privacy(finished, monkeypatch):
    asked = []
    monkeypatch.setattr("accel.weights.artifact.load_model", lambda folder: folder)
    monkeypatch.setattr(phases, "Predictor", lambda model, folder: model.name)
    monkeypatch.setattr(phases, "explanations", lambda plan, data, *models: asked.append(models) or [])
    monkeypatch.setattr(phases, "can_be_explained", lambda objective: True)
    dense, texts = Baseline(Path("dense"), Report({"accuracy": 0.9}, [[2]]), 3.0, reused=True), [("a text",)]
    monkeypatch.setattr(Prune, "export", lambda self, model: model)
    record, _ = finished(dense, "compression=[prune]", texts=texts)
    assert asked == [(Path("dense"), "exported", texts)]
    assert record["explanation"] is None  # as none was found worth telling
    finished(dense, "privacy=dpsgd", texts=texts)
    finished(None, texts=texts)
    monkeypatch.setattr(phases, "can_be_explained", lambda objective: False)
    finished(dense, "compression=[prune]", texts=texts)
    assert len(asked) == 1


def test_techniques_finish_the_model_in_the_order_of_their_stages(finished, monkeypatch):
    done = []

    def export(self, model):
        done.append((self.option_name(), model.training, next(model.parameters()).dtype))
        return model.train()

    for kind in (Full, Prune, Qat, Single):
        monkeypatch.setattr(kind, "export", export)
    finished(None, "compression=[qat,prune]")
    assert [name for name, *_ in done] == ["full", "prune", "qat", "single"]
    assert {(training, dtype) for _, training, dtype in done} == {(False, torch.float32)}


@pytest.mark.fault("R6")
def test_a_folder_that_was_removed_on_the_way_does_not_end_well(tmp_path):
    with pytest.raises(RunError, match="was removed or emptied while the run wrote into it"):
        _require_folder(tmp_path)
    (tmp_path / "config.yaml").write_text("")
    _require_folder(tmp_path)


@pytest.mark.parametrize(("examples", "processes"), [(2, 2), (1, 1), (1, 2)])
def test_every_process_has_something_to_validate_on_before_anything_is_trained(examples, processes):
    plan = decide(
        compose(["model=tiny_bert", *(["strategy=ddp", f"strategy.processes={processes}"] * (processes > 1))])
    )
    data = SimpleNamespace(validation=range(examples))
    if examples >= processes:
        phases._check_shares(plan, data)
        return
    with pytest.raises(DataError, match=r"1 example for 2 processes.*validation_fraction"):
        phases._check_shares(plan, data)


def test_a_run_that_goes_on_says_from_where(monkeypatch, tmp_path):
    monkeypatch.setattr(phases, "fall_back", lambda file: False)
    monkeypatch.setattr(phases, "step_of", lambda file: 16)
    strategy = SimpleNamespace(saves_parts=True)
    run = SimpleNamespace(resume=True, folder=tmp_path, leads=True, plan=SimpleNamespace(strategy=strategy))
    said = []
    assert phases._checkpoint(run, SimpleNamespace(say=said.append)) is not None
    assert said == ["\nGoing on from step 16."]
    run.resume = False
    assert phases._checkpoint(run, SimpleNamespace(say=said.append)) is None
    assert len(said) == 1
