import json
import subprocess
import sys
from pathlib import Path

import pytest

from accel.cli import main
from accel.config.compose import compose
from accel.errors import PlanError, RefusedError
from accel.plan.decide import decide
from accel.tracker.wandb import Mode, Wandb


def test_offline_needs_nothing():
    Wandb().check()
    Wandb(mode=Mode.disabled).check()


def test_online_without_a_key_fails_at_once(monkeypatch, tmp_path):
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(RefusedError, match=r"no W&B key.*tracker\.mode=offline"):
        Wandb(mode=Mode.online).check()


def test_online_without_network_fails_at_once(monkeypatch):
    monkeypatch.setenv("WANDB_API_KEY", "x" * 40)
    monkeypatch.setattr("accel.tracker._wandb.wandb_server", lambda: "http://127.0.0.1:9")
    with pytest.raises(RefusedError, match=r"127\.0\.0\.1 does not answer.*wandb sync"):
        Wandb(mode=Mode.online).check()


@pytest.mark.slow
def test_an_offline_run_holds_what_a_dashboard_needs(tiny_run, tmp_path):
    words = [w for w in tiny_run if w != "tracker=none"]
    assert main([*words, "tracker=wandb", "group=my-sweep", "compression=[qat]", "trainer.max_steps=4"]) == 0
    (file,) = (tmp_path / "run" / "wandb").rglob("run-*.wandb")
    done = subprocess.run(
        [str(Path(sys.executable).with_name("wandb")), "leet", "inspect", "--json", str(file)],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    for expected in (
        "my-sweep",
        "compression:qat",
        "model:tiny_bert",
        "after/accuracy",
        "qat/quantized_layers",
        "per_class",
        "flips",
        "confusion_matrix",
    ):
        assert expected in done.stdout, expected
    assert "accuracy" in file.with_name("files").joinpath("output.log").read_text(), "its page of logs"
    assert "output.log" in done.stdout
    run_id = (tmp_path / "run" / "run_id").read_text()
    assert run_id in file.name
    assert json.loads((tmp_path / "run" / "result.json").read_text())["status"] == "finished"


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["tracker.project=a/b"], r"tracker.project=a/b.*none of /\\#\?%:"),
        (["tracker.project=" + "x" * 129], "1 to 128 characters"),
        (["name=" + "x" * 129], "name=x+….*128 characters, and it has 129"),
        (["group=" + "x" * 129], "group=a-shorter-name"),
    ],
)
def test_names_that_wandb_would_refuse_are_refused_before_any_cost(words, text):
    with pytest.raises(PlanError, match=f"(?s){text}"):
        decide(compose(words))
    decide(compose([word.replace("x" * 129, "x" * 128).replace("a/b", "a b") for word in words]))


def test_where_the_run_goes_is_said(tmp_path):
    assert Wandb().told(tmp_path) == (
        f"W&B is on, offline: {tmp_path}/wandb. To send it: wandb sync {tmp_path}/wandb/offline-run-*"
    )
    assert "online: project me/accel" in Wandb(mode=Mode.online, entity="me").told(tmp_path)
    assert Wandb(mode=Mode.disabled).told(tmp_path) == ""
