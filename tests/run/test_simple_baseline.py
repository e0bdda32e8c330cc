import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from accel.cli import main
from accel.config.compose import compose
from accel.core.metric import ACCURACY
from accel.data import Dataset, Split
from accel.objective.classification import Classification
from accel.objective.regression import Regression
from accel.objective.scores import Report
from accel.plan.decide import decide
from accel.run import simple_baseline as module
from accel.run.simple_baseline import against, may_train, simple_baselines

TRAIN = Split([(f"a good day {n}",) for n in range(8)] + [(f"a bad day {n}",) for n in range(8)], [0] * 8 + [1] * 8)
TEST = Split([("good food",), ("bad food",), ("good and bad",), ("a bad idea",)], [0, 1, 0, 1])
DATASET = Dataset(TRAIN, TEST, TEST, ["good", "bad"], "")
DPSGD = ["privacy=dpsgd", "privacy.epsilon=8", "tuning=bitfit"]


def prepared():
    return SimpleNamespace(objective=Classification(["good", "bad"]), test=TEST)


def plan(*words):
    return decide(compose(["model=tiny_bert", *words]))


def test_its_figures_are_those_of_the_objective_and_stand_the_same_again():
    (found,) = simple_baselines(plan(), DATASET, prepared())
    assert (found.entry["name"], found.entry["trained_on"]) == ("tfidf_logistic", 16)
    assert found.entry["metrics"]["accuracy"] >= 0.75
    assert 0 < found.entry["metrics"]["loss"] < 1
    (again,) = simple_baselines(plan(), DATASET, prepared())
    assert again.entry["metrics"] == found.entry["metrics"]


def test_the_finished_model_stands_against_it_text_by_text():
    data, (simple,) = prepared(), simple_baselines(plan(), DATASET, prepared())
    right = torch.eye(2)[TEST.labels] * 9
    after = module._report(data, right, torch.tensor(TEST.labels))
    found = against(data, simple, after)
    assert found["difference"] == pytest.approx(1 - simple.entry["metrics"][ACCURACY.key])
    low, high = found["difference_interval"]
    assert low <= found["difference"] <= high
    assert against(data, simple, simple.report)["difference_interval"] == [0, 0]


@pytest.mark.parametrize("words", [DPSGD, ["strategy=federated"]], ids=["privacy", "owners"])
def test_texts_that_are_protected_are_not_learned_by_it(words, monkeypatch):
    protected = plan(*words)
    assert not may_train(protected)
    assert simple_baselines(protected, DATASET, prepared()) == []
    monkeypatch.setattr(module, "may_train", lambda plan: True)  # negative control
    assert simple_baselines(protected, DATASET, prepared())


def test_what_chooses_no_label_has_none():
    data = prepared()
    data.objective = Regression()
    assert simple_baselines(plan(), DATASET, data) == []


def test_an_objective_has_its_own_ones():
    data = prepared()
    own = Report({"rmse": 2.0})
    data.objective = SimpleNamespace(chooses_one=False, simple_models=lambda dataset, seed: iter([("mean", own, 16)]))
    (found,) = simple_baselines(plan(), DATASET, data)
    assert (found.entry["name"], found.entry["metrics"], found.entry["trained_on"]) == ("mean", {"rmse": 2.0}, 16)
    assert found.report is own


def test_a_run_has_it_in_its_record_and_its_report(tiny_run, tmp_path, capsys):
    assert main([*tiny_run, "trainer.max_steps=1"]) == 0
    record = json.loads((tmp_path / "run" / "result.json").read_text("utf8"))
    simple = record["baselines"][-1]
    assert (simple["name"], np.shape(simple["difference_interval"])) == ("tfidf_logistic", (2,))
    assert "TF-IDF with logistic regression" in capsys.readouterr().out
    assert "TF-IDF with logistic regression" in (tmp_path / "run" / "report.html").read_text("utf8")
