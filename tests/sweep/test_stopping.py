import optuna
import pytest

from accel.sweep.journal import JOURNAL, open_journal
from accel.sweep.stopping import RULES, STUDY, VARIABLE, Stopping


@pytest.fixture
def study(tmp_path):
    return optuna.create_study(study_name=STUDY, storage=open_journal(tmp_path / JOURNAL), direction="maximize")


def rule(tmp_path, trial, name="asha"):
    return Stopping(str(tmp_path / JOURNAL), trial, name, eta=3, epochs=9)


def test_a_job_finds_its_rule_in_its_environment(tmp_path):
    stopping = rule(tmp_path, 4)
    assert Stopping.of_this_process(stopping.environment()) == stopping
    assert Stopping.of_this_process({}) is None
    assert list(stopping.environment()) == [VARIABLE]


def run(tmp_path, study, quality, name="asha"):
    """A trial whose validation quality is constant: after how many epochs it ends."""
    trial = rule(tmp_path, study.ask().number, name).own_trial()
    for epoch in range(1, 10):
        trial.report(quality, epoch)
        if trial.should_prune():
            return epoch
    return 9


def test_asha_lets_the_best_third_of_those_that_got_so_far_go_on(tmp_path, study):
    assert [run(tmp_path, study, q) for q in (0.5, 0.9, 0.4, 0.3, 0.2, 0.95)] == [9, 9, 1, 1, 1, 9]


def test_every_rule_can_be_made(tmp_path, study):
    for name in RULES:
        assert run(tmp_path, study, 0.5, name) >= 1


def test_rules_are_told_how_many_go_on_and_how_long_a_trial_is(tmp_path, monkeypatch):
    """A rule made for longer trials than these would stop hardly any of them."""
    for pruner in ("SuccessiveHalvingPruner", "HyperbandPruner"):
        monkeypatch.setattr(f"optuna.pruners.{pruner}", lambda **told: told)
    assert RULES["asha"](rule(tmp_path, 0)) == {"min_resource": 1, "reduction_factor": 3}
    assert RULES["hyperband"](rule(tmp_path, 0)) == {"min_resource": 1, "max_resource": 9, "reduction_factor": 3}
