"""The secret that an aggregator and its owners share: from a file that only its owner can read, or the environment."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from accel.errors import ConfigError

VARIABLE = "ACCEL_FEDERATE_SECRET"
FEWEST_CHARACTERS = 32
"""Whoever records a greeting may try secrets against it for as long as he likes, so it must not be guessable."""


def secret_of(file: Path | None, environment: Mapping[str, str]) -> bytes:
    """The secret itself.

    Raises:
        ConfigError: there is none, it is too short, or others can read its file.
    """
    if file is None:
        found, where = environment.get(VARIABLE, ""), VARIABLE
        if not found:
            raise ConfigError(
                f"Owners and aggregator share a secret, and there is none. Make one with  accel federate secret FILE  "
                f"and give it to all with --secret-file FILE, or set {VARIABLE}."
            )
    else:
        found, where = _read(file), str(file)
    if len(found.strip()) < FEWEST_CHARACTERS:
        raise ConfigError(
            f"{where}: a secret of {len(found.strip())} characters can be guessed; it needs {FEWEST_CHARACTERS}. Make "
            f"one with  accel federate secret FILE."
        )
    return found.strip().encode()


def _read(file: Path) -> str:
    try:
        if os.name == "posix" and file.stat().st_mode & 0o077:
            raise ConfigError(f"--secret-file {file}: others on this machine can read it. Type  chmod 600 {file}.")
        return file.read_text("utf8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"--secret-file {file} cannot be read ({error}).") from None


def write_secret(file: Path) -> None:
    """A new one, of 256 bits, in a file that nobody else can read.

    Raises:
        ConfigError: the file is there already, or cannot be written.
    """
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise ConfigError(f"{file} cannot be written ({error.strerror}). Give another file.") from None
    with os.fdopen(descriptor, "w") as stream:
        stream.write(secrets.token_hex(32) + "\n")


def address_of(text: str) -> tuple[str, int] | None:
    """HOST:PORT as a pair; None for what is none."""
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65535:
        return None
    return host.strip("[]"), int(port)
