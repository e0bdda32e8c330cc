import pytest
import yaml

from accel.cli import main
from accel.config.arguments import parse
from accel.errors import ConfigError
from accel.sweep.wandb_sweep import sweep_file

KEYS = {"program", "command", "method", "metric", "parameters", "run_cap", "early_terminate"}
"""What W&B documents for a sweep file, and is used here."""


def test_a_search_with_early_stopping():
    found = sweep_file(["sweep=auto", "task.max_length=48"])
    assert set(found) == KEYS
    assert found["method"] == "bayes"
    assert found["metric"] == {"name": "validation/quality", "goal": "maximize"}, "known while a run is at it"
    assert found["parameters"]["trainer.epochs"] == {"values": [2, 3, 4, 5, 6]}
    assert found["parameters"]["trainer.learning_rate"] == {
        "distribution": "log_uniform_values",
        "min": 1e-5,
        "max": 2e-3,
    }
    assert found["early_terminate"]["type"] == "hyperband"
    assert found["command"][-1] == "${args_no_hyphens}"
    assert {"--conditional", "tracker.mode=online", "task.max_length=48"} <= set(found["command"])


def test_a_frontier_seeks_its_first_objective():
    found = sweep_file(["sweep=frontier"])
    assert found["metric"] == {"name": "after/validation_quality", "goal": "maximize"}
    assert found["parameters"]["compression"]["values"][1] == "[prune]"
    assert found["run_cap"] == 16
    assert sweep_file(["sweep=frontier", "hydra.sweeper.objectives=[size_bytes]"])["metric"]["goal"] == "minimize"


def test_what_no_run_logs_is_refused():
    with pytest.raises(ConfigError, match="no run logs it"):
        sweep_file(["sweep=frontier", "hydra.sweeper.objectives=[cost]"])


def test_a_grid_stays_a_grid():
    found = sweep_file(["trainer.learning_rate=1e-4,2e-4", "seed=range(3)", "tracker.mode=offline"])
    assert found["method"] == "grid"
    assert found["parameters"] == {"trainer.learning_rate": {"values": [1e-4, 2e-4]}, "seed": {"values": [0, 1, 2]}}
    assert "tracker.mode=online" not in found["command"], "what was typed counts"


def test_without_anything_to_vary_there_is_no_sweep():
    with pytest.raises(ConfigError, match="something to vary"):
        sweep_file(["trainer.epochs=3"])


def test_the_command_writes_what_wandb_reads(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["wandb-sweep", "sweep=auto"]) == 0
    assert yaml.safe_load((tmp_path / "auto.wandb.yaml").read_text()) == sweep_file(["sweep=auto"])
    assert "wandb agent" in capsys.readouterr().out
    assert main(["wandb-sweep", "sweep=auto", "--file", str(tmp_path / "no" / "where.yaml")]) == 2
    assert main(["wandb-sweep", "sweep=auto", "--file"]) == 2
    assert main(["wandb-sweep", "sweep=privacy_frontier", "--file", "p.yaml"]) == 0
    assert (tmp_path / "p.yaml").read_text().startswith("# Each run states its own epsilon")


def test_a_run_of_an_agent_leaves_out_what_its_options_do_not_have():
    words = ["compression=[]", "compression.qat.begin=0.5", "tuning=lora", "tuning.rank=8", "trainer.epochs=2"]
    assert parse(words).overrides == words
    assert parse(["--conditional", *words]).overrides == [words[0], *words[2:]]
