"""What arrives at a W&B server, online and by ``wandb sync`` later."""

import json
import os
import signal
import sys
from pathlib import Path

import pytest
import yaml

from accel.sweep.worker import work

WANDB = ("-m", "wandb")


@pytest.fixture
def words(tiny_run):
    """A run of eight steps that logs to W&B."""
    return [*(w for w in tiny_run if w != "tracker=none"), "tracker=wandb", "tracker.project=support"]


@pytest.fixture
def record(tmp_path):
    """The record of the run."""
    return lambda folder="run": json.loads((tmp_path / folder / "result.json").read_text())


def shared(run):
    """What a run says of itself, without what only says when and how it was sent."""
    facts = {k: run.facts.get(k) for k in ("project", "groupName", "jobType", "tags", "displayName")}
    config = {k: v for k, v in run.config.items() if k != "_wandb"}
    figures = {k: v for k, v in run.summary.items() if isinstance(v, int | float | str) and not k.startswith("_")}
    losses = run.column("train/loss")
    return facts, config, figures, losses, run.exit_code


def check_whole(run, record):
    """Everything that a dashboard needs has arrived, and it is what the record says."""
    facts, config, figures, losses, exit_code = shared(run)
    assert facts == {
        "project": "support",
        "groupName": "my-sweep",
        "jobType": "qat",
        "tags": facts["tags"],
        "displayName": record["name"],
    }
    assert {"compression:qat", "model:tiny_bert", "task:text_classification"} <= set(facts["tags"])
    assert (config["compression"], config["model"]) == ("qat", "tiny_bert")
    assert config["trainer.learning_rate"] == 1e-3
    assert config["compression.qat.begin"] == 0.5
    assert figures["after/accuracy"] == pytest.approx(record["after"]["metrics"]["accuracy"])
    assert figures["after/validation_quality"] == pytest.approx(record["after"]["validation"]["accuracy"])
    assert figures["after/size_bytes"] == record["after"]["cost"]["size_bytes"]
    assert figures["before/accuracy"] == pytest.approx(record["before"]["metrics"]["accuracy"])
    assert figures["qat/quantized_layers"] > 0
    assert len(losses) == record["steps"] == 8
    assert run.column("trainer/global_step")[-1] >= 7
    assert run.summary["before_after"]["_type"] == "table-file"
    assert run.summary["report"]["_type"] == "html-file"
    assert exit_code == 0


def uploaded(server, part):
    """The contents of files whose path contains ``part``."""
    return [content for path, content in server.files.items() if part in path]


QAT = ("compression=[qat]", "group=my-sweep", "tracker.log_model=true")


@pytest.mark.slow
def test_an_online_run_arrives_whole(accel, words, record, loopback, tmp_path):
    accel(*words, *QAT, "tracker.mode=online")
    (run,) = loopback.runs.values()
    check_whole(run, record())
    (table,) = uploaded(loopback, "media/table/before_after")
    assert ["accuracy", pytest.approx(record()["before"]["metrics"]["accuracy"])] == json.loads(table)["data"][0][:2]
    (page,) = uploaded(loopback, ".html")
    assert b"<!doctype html>" in page.lower()
    (log,) = uploaded(loopback, "output.log")
    assert log.decode() in (tmp_path / "run" / "log.txt").read_text()
    assert b"accuracy" in log
    (model,) = [a for a in loopback.artifacts.values() if a["artifactTypeName"] == "model"]
    assert model["state"] == "COMMITTED"
    assert "model.safetensors" in model["files"]


@pytest.mark.slow  # tests/tracker/test_wandb.py looks into the files of an offline run
def test_an_offline_run_arrives_the_same_by_sync(accel, command, words, record, loopback, tmp_path):
    accel(*words, *QAT)
    assert loopback.runs == {}, "offline means offline"
    (folder,) = (tmp_path / "run" / "wandb").glob("offline-run-*")
    command(*WANDB, "sync", "--yes", str(folder))
    (run,) = loopback.runs.values()
    check_whole(run, record())
    assert any(a["artifactTypeName"] == "model" and a["state"] == "COMMITTED" for a in loopback.artifacts.values())


def stop_after_step_five(spec):
    """Be a run that is told to stop then."""
    from accel.callbacks.show_progress import ShowProgress

    whole = ShowProgress.on_train_batch_end

    def end(self, trainer, *args, **kwargs):
        whole(self, trainer, *args, **kwargs)
        if trainer.global_step == 5:
            os.kill(os.getpid(), signal.SIGTERM)

    ShowProgress.on_train_batch_end = end
    work(spec)


@pytest.mark.fault("R11")
@pytest.mark.slow
@pytest.mark.parametrize("mode", ["online", "offline"])
def test_a_resumed_run_is_the_same_run(accel, command, words, loopback, tmp_path, mode):
    words = [*words, f"tracker.mode={mode}", "trainer.checkpoint_every_steps=4"]
    accel(*words, expected=143, be=stop_after_step_five)
    accel(*[w for w in words if not w.startswith("hydra.run.dir")], f"resume={tmp_path / 'run'}")
    if mode == "offline":
        folders = sorted(map(str, (tmp_path / "run" / "wandb").glob("offline-run-*")))
        assert len(folders) == 2
        command(*WANDB, "beta", "sync", *folders)
    (run,) = loopback.runs.values()
    assert run.column("trainer/global_step") == sorted(run.column("trainer/global_step"))
    steps = [row["trainer/global_step"] for row in run.history.values() if "train/loss" in row]
    assert sorted(set(steps)) == list(range(8)), "no step is missing"
    assert run.exit_code == 0


@pytest.mark.slow
def test_a_run_that_fails_is_shown_as_failed(accel, words, loopback):
    accel(*words, "tracker.mode=online", "trainer.learning_rate=1e30", expected=3)
    (run,) = loopback.runs.values()
    assert run.exit_code == 3
    assert run.summary["status"] == "failed"


@pytest.mark.slow
def test_the_jobs_of_a_sweep_are_a_group(command, words, loopback):
    kept = [w for w in words if not w.startswith("hydra.run.dir")]
    grid = ["-m", "seed=0,1", "hydra.sweep.dir=my-grid", "tracker.mode=online", "trainer.max_steps=2"]
    command("-m", "accel", *kept, *grid)
    assert len(loopback.runs) == 2
    assert {run.facts["groupName"] for run in loopback.runs.values()} == {"my-grid"}
    assert {run.config["seed"] for run in loopback.runs.values()} == {0, 1}


@pytest.mark.slow
def test_compare_saves_a_table_and_a_workspace(command, words, loopback):
    pytest.importorskip("wandb_workspaces")
    kept = [w for w in words if not w.startswith("hydra.run.dir")]
    command("-m", "accel", *kept, "-m", "seed=0,1", "hydra.sweep.dir=grid", "trainer.max_steps=2")
    said = command("-m", "accel", "compare", "grid", "--wandb", WANDB_MODE="online")
    (run,) = loopback.runs.values()
    assert (run.facts["jobType"], run.facts["project"]) == ("compare", "support")
    (table,) = [json.loads(content) for content in uploaded(loopback, "media/table/runs")]
    assert len(table["data"]) == 2
    (view,) = loopback.views
    text = json.dumps(view["spec"])
    for expected in ("summary:after/latency_ms_p50", "summary:after/accuracy", "config:seed.value", "before_after"):
        assert expected in text, expected
    assert [p["viewType"] for p in view["spec"]["section"]["panelBankConfig"]["sections"][0]["panels"]] == [
        "Scatter Plot", "Scatter Plot", "Parallel Coordinates Plot",
    ]  # fmt: skip
    assert "Workspace: http" in said


@pytest.mark.slow
def test_agents_run_a_named_search(accel, command, words, loopback, tmp_path, tiny_csv):
    given = [w for w in words if not w.startswith(("tracker", "hydra.run.dir", "trainer.learning_rate"))]
    grid = ["compression=[],[qat]", "compression.qat.begin=0.25,0.75"]
    accel("wandb-sweep", "sweep=none", "--file", "my.yaml", *given, "trainer.max_steps=2", *grid)
    config = yaml.safe_load((tmp_path / "my.yaml").read_text())
    assert config["method"] == "grid"
    assert config["parameters"]["compression"] == {"values": ["[]", "[qat]"]}
    command(*WANDB, "sweep", "--project", "support", "my.yaml")
    command(
        *WANDB,
        "agent",
        "--count",
        "2",
        "team/support/sw1",
        PATH=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    )
    assert sorted(loopback.runs) == sorted(loopback.agent_runs) == ["agent0", "agent1"]
    assert all(run.exit_code == 0 for run in loopback.runs.values()), "keys of options not chosen are left out"
    assert [point["compression"] for point in loopback.agent_runs.values()] == ["[]", "[qat]"]
    assert all("after/validation_quality" in run.summary for run in loopback.runs.values())
