"""What was started is compared with what is configured, before anything is made."""

import json

import pytest

from accel.cli import main
from accel.config.compose import compose
from accel.errors import ConfigError
from accel.plan.decide import decide
from accel.process.rank_info import RankInfo
from accel.run.start import _folder, check_processes

TWO, FOUR_ON_TWO = RankInfo(0, 2, 0, 2, 0, "torchrun"), RankInfo(0, 4, 0, 2, 0, "srun")


@pytest.mark.parametrize(
    ("words", "place"),
    [
        ([], RankInfo()),
        ([], RankInfo(0, 1, 0, 1, 0, "torchrun")),
        (["strategy=ddp"], RankInfo()),
        (["strategy=ddp"], TWO),
        (["strategy=ddp", "strategy.nodes=2"], FOUR_ON_TWO),
    ],
)
def test_what_fits(words, place):
    check_processes(decide(compose(words)), place)


@pytest.mark.parametrize(
    ("words", "place", "remedy"),
    [
        ([], TWO, "strategy.processes=2 beside"),
        (["strategy=ddp", "strategy.processes=3"], TWO, "torchrun --nproc-per-node=3"),
        (["strategy=ddp", "strategy.processes=4"], FOUR_ON_TWO, "strategy.processes=2 strategy.nodes=2"),
        (["strategy=ddp"], RankInfo(0, 1, 0, 1, 0, "torchrun"), "torchrun started 1 processes"),
    ],
)
def test_what_does_not(words, place, remedy):
    with pytest.raises(ConfigError) as error:
        check_processes(decide(compose(words)), place)
    assert remedy in str(error.value)


def as_rank(monkeypatch, rank):
    for name, value in RankInfo(rank, 2, rank, 2, 0).variables("127.0.0.1", 1).items():
        monkeypatch.setenv(name, value)


def test_a_refusal_is_told_once_and_recorded_by_rank_0(tiny_run, tmp_path, monkeypatch, capsys):
    as_rank(monkeypatch, 1)
    assert main(tiny_run) == 2
    assert not (tmp_path / "run").exists()
    assert capsys.readouterr() == ("", "")
    as_rank(monkeypatch, 0)
    assert main(tiny_run) == 2
    assert "torchrun started 2 processes" in capsys.readouterr().err
    assert json.loads((tmp_path / "run" / "result.json").read_text())["status"] == "refused"


def test_a_sweep_is_started_once(monkeypatch, capsys):
    as_rank(monkeypatch, 0)
    assert main(["-m", "seed=0,1"]) == 2
    assert "A sweep is one command" in capsys.readouterr().err


def test_a_folder_that_is_taken_is_told_before_the_run(tmp_path, capsys):
    config = compose([f"hydra.run.dir={tmp_path / 'run'}"])
    assert _folder(config, RankInfo(), None) == (tmp_path / "run", False)
    assert capsys.readouterr().out == ""
    (tmp_path / "run" / "result.json").write_text("{}")
    assert _folder(config, RankInfo(), None) == (tmp_path / "run-1", False)
    assert capsys.readouterr().out == f"{tmp_path / 'run'} is taken: this run is in run-1 beside it.\n"


def test_the_second_machine_waits_to_be_told_its_folder(tiny_run, tmp_path, monkeypatch):
    found = []
    monkeypatch.setattr("accel.process.launch.launch", lambda strategy, folder, words: found.append(folder) or 0)
    for node in (1, 0):
        main([*tiny_run, "strategy=ddp", "strategy.nodes=2", f"strategy.node_rank={node}", "strategy.rendezvous=a:1"])
    assert found == [None, tmp_path / "run"]
