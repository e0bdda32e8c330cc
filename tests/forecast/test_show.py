import subprocess
import sys

from accel.cli import main


def test_check_answers_whether_it_fits_and_starts_nothing(capsys):
    assert main(["check", "--forecast", "model=qwen2_7b", "strategy=ddp", "strategy.processes=8"]) == 0
    printed = capsys.readouterr().out
    assert "does not fit" in printed
    assert "One optimizer step under strategy=ddp" in printed
    assert "989 TFLOP/s" in printed.replace("\n", " ")


def test_an_unknown_device_is_a_refusal(capsys):
    assert main(["check", "--forecast=h1000", "model=qwen2_7b"]) == 2
    assert "Did you mean 'h100'" in capsys.readouterr().err


def test_without_the_flag_there_is_no_forecast(capsys):
    assert main(["check", "model=qwen2_7b"]) == 0
    assert "optimizer step" not in capsys.readouterr().out


def test_it_imports_no_torch():
    code = "import sys; from accel.cli import main; main(['check', '--forecast', 'model=qwen2_7b']); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("False\n")
