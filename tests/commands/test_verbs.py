"""A verb imports no more than it needs."""

import subprocess
import sys

import pytest

SLOW_TO_IMPORT = {
    "torch",
    "transformers",
    "pytorch_lightning",
    "hydra",
    "sklearn",
    "scipy",
    "onnx",
    "onnxruntime",
    "peft",
}


def imported(words, place):
    """What a command imports, by the names of its packages; seconds would tell as much of its neighbours."""
    code = f"import sys\nfrom accel.cli import main\ntry: main({words})\nfinally: print(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], cwd=place, capture_output=True, text=True, check=False)
    return {name.partition(".")[0] for name in done.stderr.splitlines()[-1].split()}


@pytest.mark.parametrize(
    "words", ["help", "chek", "check --help", "--version", "export", "predict nowhere x", "compare nowhere"]
)
def test_what_needs_no_model_is_answered_at_once(words, tmp_path):
    assert not SLOW_TO_IMPORT & imported(words.split(), tmp_path)
    assert not list(tmp_path.iterdir())


def test_what_is_imported_is_seen(tmp_path):
    """Negative control: ``check`` composes."""
    assert "hydra" in imported(["check", "--config-only"], tmp_path)
