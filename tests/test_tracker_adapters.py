import subprocess
import sys

from accel.tracker_adapters import finish_wandb, tensorboard_hparams


def test_finishing_without_a_run_does_nothing(tmp_path):
    finish_wandb({}, ([], []), tmp_path / "report.html", None, 0)


def test_hparams_are_written(tmp_path):
    tensorboard_hparams(tmp_path, {"model": "x"}, {"after/accuracy": 0.5})
    assert list((tmp_path / "tensorboard").glob("events.*"))


def test_deciding_on_a_tracker_imports_no_wandb():
    program = "import sys, accel.tracker.wandb, accel.tracker.csv; assert 'wandb' not in sys.modules"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
