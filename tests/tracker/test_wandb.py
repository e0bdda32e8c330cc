import json
import subprocess
import sys
from pathlib import Path

import pytest

from accel.cli import main
from accel.errors import RefusedError
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


def test_an_offline_run_holds_what_a_dashboard_needs(tiny_run, tmp_path):
    words = [w for w in tiny_run if w != "tracker=none"]
    assert main([*words, "tracker=wandb", "group=my-sweep", "compression=[qat]", "trainer.max_steps=4"]) == 0
    (file,) = (tmp_path / "run" / "wandb").rglob("run-*.wandb")
    done = subprocess.run(
        [str(Path(sys.executable).with_name("wandb")), "leet", "inspect", "--json", str(file)],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    for expected in ("my-sweep", "compression:qat", "model:tiny_bert", "after/accuracy", "qat/quantized_layers"):
        assert expected in done.stdout, expected
    run_id = (tmp_path / "run" / "run_id").read_text()
    assert run_id in file.name
    assert json.loads((tmp_path / "run" / "result.json").read_text())["status"] == "finished"
