"""A real run in a process of its own is asked to stop, and resumed."""

import json
import signal
import subprocess
import sys
import time

import pytest

from accel.callbacks.stop_on_signal import StopOnSignal
from accel.cli import main


@pytest.mark.fault("R4")
def test_the_handler_only_sets_a_flag(tmp_path):
    callback = StopOnSignal(tmp_path)
    before = signal.getsignal(signal.SIGTERM)
    callback.on_train_start(None, None)
    callback.teardown(None, None, "fit")
    assert signal.getsignal(signal.SIGTERM) is before

    callback.on_train_start(None, None)
    try:
        signal.raise_signal(signal.SIGTERM)
        assert callback.requests.received is signal.SIGTERM
        callback.teardown(None, None, "fit")
        signal.raise_signal(signal.SIGTERM)  # the same request again, while the run is being closed: nothing happens
    finally:
        callback.requests.__exit__(None, None, None)
    assert signal.getsignal(signal.SIGTERM) is before


def command(words, *more):
    return [sys.executable, "-m", "accel", *words, *more]


@pytest.mark.fault("R4")
@pytest.mark.parametrize("number", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.slow)])
@pytest.mark.slow
def test_stops_after_the_step_saves_and_resumes(tiny_run, tmp_path, number):
    words = [*tiny_run, "trainer.max_steps=3000"]
    process = subprocess.Popen(command(words), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        metrics = tmp_path / "run" / "metrics.csv"
        deadline = time.monotonic() + 240
        while time.monotonic() < deadline and not (metrics.is_file() and metrics.read_text().count("\n") > 8):
            time.sleep(0.05)
        process.send_signal(number)
        output, _ = process.communicate(timeout=240)
    finally:
        process.kill()
    assert process.returncode == 128 + number, output
    assert f"resume={tmp_path / 'run'}" in output
    record = json.loads((tmp_path / "run" / "result.json").read_text())
    assert record["status"] == "interrupted"
    stopped_after = int(record["error"].split("after step ")[1].split(" ")[0])

    total = stopped_after + 20
    assert main([*tiny_run, f"trainer.max_steps={total}", f"resume={tmp_path / 'run'}"]) == 0
    record = json.loads((tmp_path / "run" / "result.json").read_text())
    assert (record["status"], record["steps"]) == ("finished", total)
