""""""

from __future__ import annotations

import pytest

from accel.config.arguments import flags_and_overrides, flags_last, parse
from accel.errors import ConfigError


def test_flags_are_sorted_from_overrides(tmp_path):
    found = parse(["-m", "seed=1", f"--config-dir={tmp_path}", "--plugin", "a.b", "--debug"])
    assert found.overrides == ["seed=1"]
    assert (found.config_dirs, found.plugins, found.multirun, found.debug) == ((str(tmp_path),), ("a.b",), True, True)
    for wrong in (["--plugin"], ["--config-dir", str(tmp_path / "no")], ["-x"]):
        with pytest.raises(ConfigError):
            parse(wrong)


@pytest.mark.parametrize(
    ("words", "moved"),
    [
        (["--config-dir", "d", "check", "seed=1"], ["check", "seed=1", "--config-dir", "d"]),
        (["-m", "--plugin=p", "check"], ["check", "-m", "--plugin=p"]),
        (["check", "--debug"], ["check", "--debug"]),
        (["--help"], ["--help"]),
        (["--config-dir"], ["--config-dir"]),
    ],
)
def test_flags_before_the_verb_go_behind_it(words, moved):
    assert flags_last(words) == moved


def test_flags_are_told_from_other_words_with_their_values():
    found = flags_and_overrides(["a=1", "--plugin", "mine", "-m", "--config-dir=x", "b=2"])
    assert found == (["--plugin", "mine", "-m", "--config-dir=x"], ["a=1", "b=2"])
