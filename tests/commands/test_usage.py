"""Every command is told."""

import re

import pytest

from accel.cli import main
from accel.commands.usage import USAGE
from accel.commands.verbs import COMPOSING, VERBS


@pytest.mark.parametrize("verb", VERBS)
def test_every_command_is_in_the_usage_and_tells_its_flags(verb, capsys):
    assert re.search(rf"^  accel {verb}\b", USAGE, re.MULTILINE)
    assert main([verb, "--help"]) == 0
    said = capsys.readouterr().out
    assert f"accel {verb}" in said
    assert ("-h, --help" in said) == (verb not in COMPOSING)
