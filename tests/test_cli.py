"""The command as a user types it."""

import subprocess
import sys

import pytest

from accel import __version__, cli
from accel.cli import main
from accel.errors import ConfigError

TORCH_FREE = """
import sys
from accel.cli import main
try:
    code = main({words!r})
except SystemExit as stopped:
    code = stopped.code
imported = sorted(sys.modules.keys() & {unneeded!r})
assert not imported, imported
sys.exit(code)
"""


COMPOSING = {"hydra", "rich", "transformers", "pandas"}
"""What makes a plan, or shows one; it takes longer to import than a mistake takes to be told."""


def outside(words, cwd, unneeded=frozenset()):
    program = TORCH_FREE.format(words=words, unneeded={"torch", *unneeded})
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=cwd, check=False)


@pytest.mark.fault("B4")
@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--help"], 0),
        (["check"], 0),
        (["check", "compression=[prune,qat,distill]"], 0),
        (["check", "compression=[prnue]"], 2),
        (["check", "tuning=lora", "compression=[prune]"], 2),
        (["check", "-m", "compression=[],[prune],[qat]", "tuning=full,lora"], 0),
        (["modle=x"], 2),
        (["tuning=lora", "compression=[prune]"], 2),
        (["predict", "nowhere", "text"], 2),
        (["compare", "nowhere"], 2),
        (["--nonsense"], 2),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else str(value),
)
def test_deciding_never_imports_torch_and_never_shows_a_traceback(words, code, tmp_path):
    done = outside(words, tmp_path)
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr


def test_the_torch_check_can_fail(tmp_path):
    """Negative control."""
    program = TORCH_FREE.replace("import sys", "import torch, sys").format(words=["check"], unneeded={"torch"})
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, cwd=tmp_path, check=False)
    assert done.returncode == 1
    assert b"AssertionError" in done.stderr


@pytest.mark.fault("B1")
@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["export"], 2, "required: run"),
        (["export", "nowhere"], 2, "has no model/ folder"),
        (["export", ".", "--format", "onnx,onxx-int8"], 2, "Did you mean 'onnx-int8'"),
        (["export", "--help"], 0, "usage: accel export"),
        (["predict", ".", "text"], 2, "holds no exported model"),
        (["explain", ".", "text"], 2, "holds no exported model"),
        (["explain", "nowhere", "text"], 2, "is no folder"),
        (["check", "--help"], 0, "--forecast"),
        (["chek"], 2, "Did you mean 'check'"),
        (["sweep=auto", "seed=1"], 2, "accel -m sweep=auto seed=1"),
        (["check", "sweep.resume=a b"], 2, "accel check -m 'sweep.resume=a b'"),
        (["--version"], 0, __version__),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else str(value),
)
def test_a_mistake_or_a_question_is_answered_at_once(words, code, said, tmp_path):
    done = outside(words, tmp_path, COMPOSING)
    assert done.returncode == code, done.stdout + done.stderr
    assert said in done.stdout + done.stderr
    assert not list(tmp_path.iterdir())


def test_debug_shows_the_traceback(tmp_path):
    with pytest.raises(ConfigError):
        main(["check", "modle=x", "--debug"])


def test_a_plugin_adds_an_option(tmp_path):
    (tmp_path / "my_plugin.py").write_text(
        "from dataclasses import dataclass\n"
        "from accel.core.compression import Compression\n"
        "from accel.core.technique import Stage\n"
        "@dataclass(kw_only=True)\n"
        "class Mine(Compression):\n"
        "    stage = Stage.SPARSIFY\n"
        "    amount: int = 3\n"
    )
    (tmp_path / "groups" / "compression").mkdir(parents=True)
    (tmp_path / "groups" / "compression" / "mine.yaml").write_text("mine:\n  _target_: my_plugin.Mine\n  amount: 5\n")
    words = ["check", "compression=[mine]", "--config-dir", "groups"]
    assert "--plugin my_plugin" in outside(words, tmp_path).stderr
    done = outside([*words, "--plugin", "my_plugin"], tmp_path)
    assert "amount=5" in done.stdout, done.stderr


def test_hydras_own_flags_work(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "accel", "--cfg", "job", "model=tiny_bert"],
        capture_output=True, text=True, cwd=tmp_path, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "accel.model.tiny_bert.TinyBert" in done.stdout


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["chek"], 2, "Did you mean 'check'?"),
        (["predict", "--help"], 0, "usage: accel predict"),
        (["check", "--help"], 0, "--forecast"),
        (["--version"], 0, __version__),
        (["--help"], 0, "accel wandb-sweep"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else str(value),
)
def test_what_is_asked_of_the_command_itself_is_answered_without_a_run(
    words, code, said, capsys, monkeypatch, tmp_path
):
    monkeypatch.chdir(tmp_path)
    assert main(words) == code
    answer = "".join(capsys.readouterr())
    assert said in answer
    assert not list(tmp_path.iterdir())


def test_help_on_a_command_leaves_the_others_out(capsys):
    main(["predict", "--help"])
    assert "accel compare" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "terminal", "told"), [([], True, True), ([], False, False), (["seed=1"], True, False)]
)
def test_accel_alone_on_a_terminal_says_what_it_is_about_to_do(words, terminal, told, monkeypatch, capsys):
    monkeypatch.setattr(cli, "run", lambda words: 0)
    monkeypatch.setattr("sys.stdout.isatty", lambda: terminal)
    assert cli._dispatch(words) == 0
    assert ("the default run" in capsys.readouterr().out) == told
