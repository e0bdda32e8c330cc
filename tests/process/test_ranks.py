import pytest

from accel.errors import ExitCode
from accel.process.ranks import Elsewhere, SingleProcess


def test_one_alone_has_nobody_to_wait_for(tmp_path):
    alone = SingleProcess()
    with alone.after_leader("ready"):
        alone.gather()
    alone.deliver(tmp_path / "none")
    alone.failed("x")
    assert (alone.agree("a", "b"), alone.first_failure(), alone.leave(ExitCode.DONE, together=True)) == ("b", None, 0)


@pytest.mark.parametrize(("code", "expected"), [(2, ExitCode.REFUSED), (143, ExitCode.SIGTERM), (77, ExitCode.FAILED)])
def test_who_was_ended_by_another_ends_with_its_code(code, expected):
    assert Elsewhere(code).exit_code == expected
