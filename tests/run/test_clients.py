from types import SimpleNamespace

import numpy as np
import pytest

from accel.config.compose import compose
from accel.core.metric import ACCURACY
from accel.errors import DataError
from accel.objective.scores import Report
from accel.plan.decide import decide
from accel.run import clients as module
from accel.run.clients import Bars, bars, federation
from accel.strategy.single import Single
from tests.behaviour.test_decisions import decided

OWNERS = ["a", "a", "b", "b", "b", "c"]
TRUTHS = [0, 0, 1, 1, 1, 0]
EVIDENCE = {"rounds": 4, "bytes_up": 100, "bytes_down": 300}
FEDERATED = ["strategy=federated", "strategy.partition=owner", "strategy.rounds=4"]


def hits(kept, split):
    del split
    return np.stack([kept.hits, np.ones(len(kept.hits))], axis=1).astype(float)


class Rows:
    """Examples of which only owners are known."""

    def __init__(self, owners):
        self.owners = owners

    def __len__(self):
        return len(self.owners)

    def part(self, rows):
        return Rows([self.owners[i] for i in rows])


class Data(SimpleNamespace):
    __dataclass_fields__ = {}

    def __replace__(self, **changes):
        return Data(**{**vars(self), **changes})


def prepared(parts=hits):
    objective = SimpleNamespace(quality=ACCURACY, parts_of_quality=parts)
    return Data(train=Rows(OWNERS), validation=Rows(["a"]), test=Rows(OWNERS), objective=objective)


def report(choices):
    return Report({}, kept=decided(choices, TRUTHS))


def plan(*words):
    return decide(compose([*FEDERATED, *words]))


def told(choices, *words, found=None, parts=hits):
    return federation(plan(*words), prepared(parts), report(choices), EVIDENCE, found)


def test_each_client_has_its_quality_on_its_own_examples_and_the_worst_is_said():
    found = told([0, 1, 1, 1, 1, 1])
    assert found["clients"] == {
        "a": {"examples": 2, "quality": 0.5},
        "b": {"examples": 3, "quality": 1.0},
        "c": {"examples": 1, "quality": 0.0},
    }
    assert (found["worst_decile"], found["worst_decile_clients"]) == (0.0, 1)
    assert (found["rounds"], found["bytes_per_round"]) == (4, 100)


def test_clients_of_a_private_run_are_not_told_apart():
    private = ["privacy=dpfedavg", "privacy.epsilon=8", "tuning=bitfit", "strategy.cohort=2"]
    assert set(told(TRUTHS, *private)) == {"rounds", "bytes_per_round"}


def test_a_quality_that_is_no_ratio_has_no_clients_and_no_bars(monkeypatch):
    none = lambda kept, split: None  # noqa: E731
    assert set(told(TRUTHS, parts=none)) == {"rounds", "bytes_per_round"}
    trained(monkeypatch, {})
    with pytest.raises(DataError, match=r"strategy\.bars=false"):
        bars(plan("strategy.bars=true"), prepared(none), None, lambda title: report(TRUTHS))


def test_no_federation_no_figures():
    pooled = decide(compose([]))
    assert federation(pooled, prepared(), report(TRUTHS), {}, None) is None
    assert bars(pooled, prepared(), None, report) is None
    assert bars(plan(), prepared(), None, report) is None


def trained(monkeypatch, choices):
    """Instead of training, a model is the name of what it was trained on."""
    plans = {}

    class Model(str):
        def float(self):
            return self

        eval = float

    def fit(plan, data, console, *, title, searched):
        del console
        assert not searched
        plans[title] = (plan, data.train.owners)
        return SimpleNamespace(model=Model(title))

    monkeypatch.setattr(module, "fit", fit)
    monkeypatch.setattr(module, "replace", lambda data, **changes: data.__replace__(**changes))
    return plans


def test_bars_are_of_models_that_saw_one_client_or_all(monkeypatch):
    """The model of a client knows its own examples and no other, the pooled one knows all but the last."""
    known = {"client a alone": [0, 1], "client b alone": [2, 3], "client c alone": [5], "pooled": [0, 1, 2, 3, 4]}
    plans = trained(monkeypatch, known)

    def score(model):
        return report([t if i in known[model] else 1 - t for i, t in enumerate(TRUTHS)])

    found = bars(plan("strategy.bars=true"), prepared(), None, score)
    assert found.qualities["pooled"] == pytest.approx(5 / 6)
    assert found.qualities["alone"] == pytest.approx(5 / 6)
    assert found.qualities["alone_on_all"] == pytest.approx((2 + 2 + 1) / 18)
    assert found.alone == {"a": 1.0, "b": pytest.approx(2 / 3), "c": 1.0}
    assert {title: owners for title, (_, owners) in plans.items()} == {
        "pooled": OWNERS, "client a alone": ["a", "a"], "client b alone": ["b"] * 3, "client c alone": ["c"],
    }  # fmt: skip
    assert all(isinstance(one.strategy, Single) and one.trainer.epochs == 4 for one, _ in plans.values())


def test_each_client_stands_beside_its_own_model():
    found = told(TRUTHS, found=Bars({"pooled": 0.5}, {"a": 0.25}))
    assert found["bars"] == {"pooled": 0.5}
    assert found["clients"]["a"] == {"examples": 2, "quality": 1.0, "alone": 0.25}
    assert "alone" not in found["clients"]["b"]
