"""What accel says of its experiments and of itself, word for word: a change of a default or of a text is seen here.

``REWRITE_GOLDEN=1 python -m pytest tests/test_golden.py`` writes the files in tests/golden anew; look at their diff.
"""

import os
from pathlib import Path

import pytest

from accel.cli import main
from accel.config.compose import conf_dir

GOLDEN = Path(__file__).with_name("golden")
HOW = "If that is meant, run REWRITE_GOLDEN=1 python -m pytest tests/test_golden.py and look at the diff"
EXPERIMENTS = sorted(file.stem for file in (conf_dir() / "experiment").glob("*.yaml"))
COMMANDS = {
    "help": ["--help"],
    "default": ["check", "--config-only"],
    **{name: ["check", "--config-only", f"experiment={name}"] for name in EXPERIMENTS},
}


def compare(name, said, folder=GOLDEN, environment=os.environ):
    file = folder / f"{name}.txt"
    if environment.get("REWRITE_GOLDEN"):
        file.write_text(said, "utf8")
    assert file.is_file(), f"{file.name} is missing. {HOW}"
    assert said == file.read_text("utf8"), f"{file.name} says something else. {HOW}"


@pytest.mark.parametrize("name", COMMANDS)
def test_it_says_what_it_said(name, capsys):
    assert main(COMMANDS[name]) == 0
    compare(name, capsys.readouterr().out)


def test_there_is_no_file_of_what_is_gone():
    assert {file.stem for file in GOLDEN.iterdir()} == set(COMMANDS)


def test_another_word_is_seen_and_can_be_written_down(tmp_path):
    """Negative control."""
    with pytest.raises(AssertionError, match="x.txt is missing. If that is meant, run REWRITE_GOLDEN=1"):
        compare("x", "epochs=3", tmp_path, {})
    compare("x", "epochs=3", tmp_path, {"REWRITE_GOLDEN": "1"})
    compare("x", "epochs=3", tmp_path, {})
    with pytest.raises(AssertionError, match="x.txt says something else. If that is meant, run REWRITE_GOLDEN=1"):
        compare("x", "epochs=4", tmp_path, {})
