"""The gate as a user types it."""

import json
import subprocess
import sys

import pytest

from accel.checkpoint.resume import LEARNED
from accel.cli import main
from tests.gate_records import GOOD, put, side


@pytest.fixture
def limits(tmp_path):
    file = tmp_path / "limits.yaml"
    file.write_text("".join(f"{key}: {value}\n" for key, value in GOOD.items()))
    return ["--limits", str(file)]


def broken(capsys):
    """Names of the broken limits, of a gate with --json."""
    found = json.loads(capsys.readouterr().out)
    names = [check["limit"] for check in found["checks"] if not check["passed"]]
    assert found["passed"] == (not names)
    return names


def test_a_good_run_passes_all_limits(tmp_path, limits, capsys):
    assert main(["gate", str(put(tmp_path / "run")), *limits]) == 0
    assert "All limits are kept." in capsys.readouterr().out


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["--max-dorp", "1"],
        ["--max-drop", "much"],
        ["--metric", "macro_f1"],
        ["--metric", "macro_f2=0.5"],
        ["--limits", "nowhere.yaml"],
        ["--limits", "LIST"],
        ["--limits", "WORD"],
        ["--limits", "NAME"],
        ["--against", "nowhere", "--max-drop", "1"],
    ],
)
def test_mistakes_are_told(words, tmp_path, capsys):
    texts = {"LIST": "- max_drop", "WORD": "max_drop: much", "NAME": "max_dorp: 0.1"}
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    words = [str(tmp_path / word) if word in texts else word for word in words]
    run = put(tmp_path / "run")
    try:
        code = main(["gate", str(run), *words])
    except SystemExit as end:
        code = end.code
    assert code == 2
    assert "Traceback" not in capsys.readouterr().err


def test_what_is_typed_is_stronger_than_the_file(tmp_path, limits):
    assert main(["gate", str(put(tmp_path / "run")), *limits, "--max-drop", "0.001"]) == 5


def test_the_table_names_what_is_broken(tmp_path, limits, capsys):
    assert main(["gate", str(put(tmp_path / "run")), *limits, "--max-drop", "0.001"]) == 5
    out = capsys.readouterr().out
    assert "BROKEN" in out
    assert "1 of 18 limits are broken: max_drop." in out


def test_torch_stays_out(tmp_path):
    code = f"import sys; from accel.cli import main; main(['gate', {str(put(tmp_path / 'run'))!r}, '--quality', '0']);"
    code += "sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, capture_output=True).returncode == 0


def test_against_another_run(tmp_path, capsys):
    production = put(tmp_path / "production", ("after",), side(0.83, 4.2, 3.1e7, 0.81))
    run = put(tmp_path / "run")
    words = [str(run), "--against", str(production), "--max-slowdown", "1", "--max-growth", "1", "--max-drop", "0"]
    assert main(["gate", *words]) == 0
    capsys.readouterr()
    assert main(["gate", *words, "--max-class-drop", "0.01", "--json"]) == 5
    assert broken(capsys) == ["max_class_drop"]


@pytest.mark.parametrize(
    ("learned", "path", "value", "names"),
    [
        ("other data", (), None, ["data"]),
        ("data", ("status",), "failed", ["against"]),
        ("data", ("schema",), 0, ["against_schema"]),
        ("data", ("machine",), {"processor": "another", "cores": 64}, ["max_slowdown"]),
        ("data", ("after",), None, ["max_slowdown"]),
    ],
)
def test_what_cannot_be_compared_breaks_the_gate(learned, path, value, names, tmp_path, capsys):
    other = put(tmp_path / "other", path, value, learned)
    assert main(["gate", str(put(tmp_path / "run")), "--against", str(other), "--max-slowdown", "2", "--json"]) == 5
    assert broken(capsys) == names


def test_a_run_that_does_not_say_what_it_learned_is_not_compared(tmp_path, capsys):
    other, run = put(tmp_path / "other"), put(tmp_path / "run")
    (run / LEARNED).unlink()
    assert main(["gate", str(run), "--against", str(other), "--max-growth", "2", "--json"]) == 5
    assert broken(capsys) == ["data"]
