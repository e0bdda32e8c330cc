import pytest

from accel.errors import ConfigError
from accel.sweep.search import Search
from accel.sweep.sweeper import AnySweeper

SEARCH = {
    "params": {}, "search": "random", "n_trials": 3, "objectives": ["quality"], "stopping": None, "eta": 3, "seed": 0,
}  # fmt: skip


class Recorder:
    def launch(self, jobs, initial_job_idx):
        return jobs, initial_job_idx


class Runner(Recorder):
    def run(self, source):
        self.source = source


def test_hands_the_whole_grid_over_at_once():
    sweeper = AnySweeper({**SEARCH, "search": None, "params": {"seed": "0,1"}})
    sweeper.launcher = Recorder()
    assert sweeper.sweep(["trainer.epochs=1,2"])[0] == [
        ["seed=0", "trainer.epochs=1"], ["seed=0", "trainer.epochs=2"],
        ["seed=1", "trainer.epochs=1"], ["seed=1", "trainer.epochs=2"],
    ]  # fmt: skip


def test_a_search_runs_where_jobs_can_be_proposed_one_by_one():
    sweeper = AnySweeper(SEARCH)
    sweeper.launcher = Runner()
    sweeper.sweep(["seed=0,1"])
    assert isinstance(sweeper.launcher.source, Search)
    sweeper.launcher = Recorder()
    with pytest.raises(ConfigError, match="hydra/launcher=accel"):
        sweeper.sweep(["seed=0,1"])


def test_a_search_without_optuna_is_refused_with_the_words_that_install_it(monkeypatch, capsys):
    from accel.cli import main

    monkeypatch.setattr("accel.core.extras.find_spec", lambda name: None)
    assert main(["check", "-m", "sweep=auto"]) == 2
    assert "[search]'" in capsys.readouterr().err
    assert main(["check", "-m", "--config-only", "seed=0,1"]) == 0  # a grid needs none
