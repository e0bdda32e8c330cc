import pytest

from accel.errors import ConfigError
from accel.federated.secret import VARIABLE, address_of, secret_of, write_secret


def test_a_new_secret_is_long_and_nobody_else_can_read_it(tmp_path):
    write_secret(tmp_path / "a")
    write_secret(tmp_path / "b")
    one, other = (secret_of(tmp_path / name, {}) for name in "ab")
    assert len(one) == 64
    assert one != other
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o600


def test_a_secret_is_never_written_over(tmp_path):
    write_secret(tmp_path / "a")
    with pytest.raises(ConfigError, match="cannot be written"):
        write_secret(tmp_path / "a")


def test_the_environment_does_too():
    assert secret_of(None, {VARIABLE: " " + "s" * 32 + "\n"}) == b"s" * 32


def test_without_one_it_is_said_how_to_make_one():
    with pytest.raises(ConfigError, match="accel federate secret FILE"):
        secret_of(None, {})


def test_what_can_be_guessed_or_read_by_others_is_refused(tmp_path):
    file = tmp_path / "a"
    file.write_text("hunter2")
    file.chmod(0o600)
    with pytest.raises(ConfigError, match="7 characters can be guessed"):
        secret_of(file, {})
    file.write_text("s" * 40)
    file.chmod(0o640)
    with pytest.raises(ConfigError, match="chmod 600"):
        secret_of(file, {})
    with pytest.raises(ConfigError, match="cannot be read"):
        secret_of(tmp_path / "none", {})


def test_addresses():
    assert address_of("10.0.0.5:7070") == ("10.0.0.5", 7070)
    assert address_of("[::1]:80") == ("::1", 80)
    assert [address_of(t) for t in ("host", ":80", "host:", "host:x", "host:70000")] == [None] * 5
