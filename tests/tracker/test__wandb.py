import subprocess
import sys

from accel.tracker._wandb import finish_wandb


def test_finishing_without_a_run_does_nothing(tmp_path):
    finish_wandb({}, {}, [], tmp_path / "report.html", tmp_path / "log.txt", None, 0)


def test_deciding_on_a_tracker_imports_no_wandb():
    program = "import sys, accel.tracker.wandb, accel.tracker.csv; assert 'wandb' not in sys.modules"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
