import os
import subprocess
import sys
from functools import cache

import pytest

from tests.skips import expected, main, skips

TESTS = """
import pytest

def test_runs(): pass
@pytest.mark.skipif(True, reason="REASON of a mark")
def test_marked(): pass
def test_says(): pytest.skip("REASON of its own")
@pytest.mark.xfail(reason="fails for now")
def test_fails(): assert False
"""
ELSEWHERE = 'import pytest\npytest.importorskip("no_such_module", reason="REASON of a file: it\'s all")\n'


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """``report(*flags)``: what pytest reports of some tests."""
    folder = tmp_path_factory.mktemp("skips")
    (folder / "pytest.ini").write_text("[pytest]\n")
    (folder / "test_some.py").write_text(TESTS)
    (folder / "test_elsewhere.py").write_text(ELSEWHERE)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}

    @cache
    def run(*flags):
        file = folder / f"report{len(flags)}.xml"
        command = [sys.executable, "-m", "pytest", f"--junitxml={file}", *flags]
        subprocess.run(command, cwd=folder, env=environment, capture_output=True, check=False)
        return file

    return run


@pytest.mark.parametrize("flags", [(), pytest.param(("-n1",), marks=pytest.mark.slow)])
def test_every_kind_of_skip_is_found_with_its_reason(report, flags):
    assert sorted(reason for _, reason in skips(report(*flags))) == [
        "REASON of a file: it's all",
        "REASON of a mark",
        "REASON of its own",
    ]


def test_one_that_nobody_expects_fails_and_is_named(report, capsys):
    """Negative control: where it is expected, it does not."""
    file = str(report())
    assert main([file]) == 1
    assert "NOT EXPECTED: test_some.test_says: REASON of its own" in capsys.readouterr().out
    assert main([file, "--expect", "REASON of a"]) == 1
    assert "\nexpected: test_some.test_marked: REASON of a mark" in capsys.readouterr().out
    assert main([file, "--expect", "REASON of"]) == 0
    assert "3 skipped, for 0 unexpected reasons." in capsys.readouterr().out


def test_what_is_expected_is_short_and_says_why():
    assert 0 < len(expected()) < 8
    assert all(len(reason) > 8 for reason in expected())
