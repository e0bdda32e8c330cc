""""""

from __future__ import annotations

import pytest

from accel.config.arguments import parse
from accel.errors import ConfigError


def test_flags_are_sorted_from_overrides(tmp_path):
    found = parse(["-m", "seed=1", f"--config-dir={tmp_path}", "--plugin", "a.b", "--debug"])
    assert found.overrides == ["seed=1"]
    assert (found.config_dirs, found.plugins, found.multirun, found.debug) == ((str(tmp_path),), ("a.b",), True, True)
    for wrong in (["--plugin"], ["--config-dir", str(tmp_path / "no")], ["-x"]):
        with pytest.raises(ConfigError):
            parse(wrong)
