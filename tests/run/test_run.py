"""Whole runs in this process: what a folder holds afterwards, and what bad input gets."""

import json

import pytest

from accel.cli import main
from accel.config.compose import compose
from accel.errors import RefusedError
from accel.plan.decide import decide
from accel.run.run import Run, make_folder

CONTRACT = {
    "schema", "status", "error", "name", "group", "overrides", "seed", "seconds", "steps", "choices", "data", "before",
    "after", "techniques", "privacy", "exports", "machine", "versions",
}  # fmt: skip
COST = {
    "num_parameters", "nonzero_fraction", "size_bytes", "flops", "latency_ms_p50", "latency_ms_p95", "throughput_per_s",
    "peak_memory_bytes", "engine", "dtype", "batch_size", "sequence_length", "num_threads", "rounds",
}  # fmt: skip


def record_of(folder):
    return json.loads((folder / "result.json").read_text())


@pytest.mark.slow
def test_the_folder_and_the_record_are_the_contract(tiny_run, tmp_path):
    words = ["compression=[prune,qat,distill]", "compression.prune.every_steps=1", "engines=[eager,onnxruntime]"]
    assert main([*tiny_run, *words]) == 0
    folder = tmp_path / "run"
    record = record_of(folder)
    assert set(record) >= CONTRACT
    assert record["status"] == "finished"
    for side in ("before", "after"):
        assert set(record[side]["cost"]) >= COST
        assert set(record[side]["metrics"]) == {"accuracy", "macro_f1", "loss"}
    assert {e["format"] for e in record["exports"]} == {"safetensors", "onnx", "onnx-int8"}
    assert next(e for e in record["exports"] if e["format"] == "onnx")["max_abs_diff"] < 1e-4
    (eager,) = (cost for cost in record["after"]["engines"] if cost["engine"] == "eager")
    assert record["exports"][0]["latency_ms_p50"] == eager["latency_ms_p50"]
    for export in record["exports"][1:]:
        assert export["metrics"]["accuracy"] >= 0
        assert export["latency_ms_p50"] > 0
        assert export["cold_load_ms"] > export["cold_load_imports_ms"] > 0
    assert [t["name"] for t in record["techniques"]] == ["full", "prune", "qat", "distill", "single"]
    assert record["after"]["cost"]["num_parameters"] < record["before"]["cost"]["num_parameters"]
    assert record["after"]["cost"]["flops"] < record["before"]["cost"]["flops"]
    present = {p.name for p in folder.iterdir()}
    expected = {
        "config.yaml",
        "plan.txt",
        "result.json",
        "report.html",
        "metrics.csv",
        "log.txt",
        "model",
        "checkpoints",
    }
    assert expected <= present
    assert "src=" not in (folder / "report.html").read_text()


def test_a_dense_run_has_no_before(tiny_run, tmp_path):
    assert main([*tiny_run, "trainer.max_steps=2"]) == 0
    assert record_of(tmp_path / "run")["before"] is None


def test_a_failed_run_says_so_and_keeps_the_traceback_in_the_log(tiny_run, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("accel.run.phases.scorer", lambda data: 1 / 0)
    assert main([*tiny_run, "compression=[prune]"]) == 3
    record = record_of(tmp_path / "run")
    assert (record["status"], record["error"].splitlines()[0]) == ("failed", "ZeroDivisionError: division by zero")
    assert "Traceback" in (tmp_path / "run" / "log.txt").read_text()
    assert "Traceback" not in "".join(capsys.readouterr())
    assert (tmp_path / "run" / "report.html").is_file()


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (["task.train=nowhere.csv"], "there is no such file"),
        (["task.label=lable"], "has no column 'lable'"),
        (["task.text=txt"], "has no column 'txt'"),
        (["trainer.batch_size=5000"], "needs 5000 training examples"),
        (["model=local", "model.path=/nowhere/model"], "there is no such folder"),
    ],
)
def test_bad_input_is_refused_before_any_work(tiny_run, tmp_path, capsys, change, text):
    words = [w for w in tiny_run if not w.startswith(change[0].split("=")[0] + "=")]
    assert main([*words, *change]) == 2
    record = record_of(tmp_path / "run")
    assert record["status"] == "refused"
    assert text in record["error"]
    assert record["steps"] == 0
    assert not (tmp_path / "run" / "checkpoints").exists()
    assert "Traceback" not in "".join(capsys.readouterr())


def test_secrets_do_not_reach_the_folder(tiny_run, tmp_path):
    secret = "hf_" + "a1B2" * 9
    assert main([*tiny_run, "trainer.max_steps=2", f"name={secret}"]) == 0
    assert secret not in (tmp_path / "run" / "config.yaml").read_text()


def test_a_taken_folder_gets_a_number(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "file").write_text("kept")
    assert make_folder(tmp_path / "run").name == "run-1"
    assert make_folder(tmp_path / "new").name == "new"


def test_the_record_says_what_was_typed_chosen_and_seeded(tmp_path):
    words = ["seed=3", "model=tiny_bert", "compression=[qat,prune]", "tuning=full"]
    record = Run(decide(compose(words)), {}, tmp_path, words).record
    assert (record["overrides"], record["seed"], record["name"]) == (words, 3, "airline-tiny_bert-full-prune-qat")
    choices = {"model": "tiny_bert", "tuning": "full", "compression": ["prune", "qat"], "strategy": "single"}
    assert record["choices"].items() >= choices.items()


def test_an_empty_folder_is_refused():
    with pytest.raises(RefusedError, match=r"hydra\.run\.dir is empty"):
        make_folder("")
