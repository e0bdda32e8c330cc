"""``accel federate``: an aggregator, an owner, and the secret that they share."""

from __future__ import annotations

import argparse
import os
import socket
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import NoReturn

from accel.errors import ConfigError, ExitCode
from accel.federated.secret import address_of, secret_of, write_secret
from accel.federated.tls import joining

USAGE = """\
accel federate secret FILE | accel federate serve HOST:PORT [overrides] | accel federate join HOST:PORT [overrides]"""
FLAGS = {
    "--secret-file": "strategy.secret_file",
    "--tls-certificate": "strategy.tls_certificate",
    "--tls-key": "strategy.tls_key",
}
"""Of ``serve``, and the settings that they are."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise ConfigError(f"accel federate: {message}. Usage: {USAGE}")


def main(words: Sequence[str], run: Callable[[Sequence[str]], int]) -> int:
    """The command after ``accel federate``.

    Args:
        run: one run of accel, which an aggregator is.
    """
    command = {"secret": secret, "serve": lambda rest: run(serving(rest)), "join": join}.get(words[0] if words else "")
    if command is None:
        raise ConfigError(f"accel federate: give secret, serve or join. Usage: {USAGE}")
    return command(words[1:])


def secret(words: Sequence[str]) -> int:
    """A new secret in a file."""
    parser = _Parser(prog="accel federate secret", add_help=False)
    parser.add_argument("file", type=Path)
    file = parser.parse_args(list(words)).file
    write_secret(file)
    print(f"Written to {file}. Give it to every owner by a safe way: whoever has it may join.")  # noqa: T201
    return ExitCode.DONE


def serving(words: Sequence[str]) -> list[str]:
    """The run that an aggregator is."""
    parser = _Parser(prog="accel federate serve", add_help=False, allow_abbrev=False)
    parser.add_argument("address")
    for flag in FLAGS:
        parser.add_argument(flag)
    found, rest = parser.parse_known_args(list(words))
    _address(found.address)
    settings = [(FLAGS[flag], getattr(found, flag[2:].replace("-", "_"))) for flag in FLAGS]
    given = [f"{key}='{Path(value).absolute()}'" for key, value in settings if value is not None]
    return ["strategy=federated", f"strategy.listen='{found.address}'", *given, *rest]


def join(words: Sequence[str]) -> int:
    """An owner's part."""
    parser = _Parser(prog="accel federate join", add_help=False, allow_abbrev=False)
    parser.add_argument("address")
    parser.add_argument("--name", default=socket.gethostname())
    parser.add_argument("--secret-file", type=Path)
    parser.add_argument("--tls-ca", type=Path)
    parser.add_argument("--wait-s", type=float, default=3600.0)
    parser.add_argument("--record", type=Path)
    found, typed = parser.parse_known_args(list(words))
    if wrong := [word for word in typed if "=" not in word or word.startswith("-")]:
        raise ConfigError(f"accel federate join: {wrong[0]} is no flag and no setting. Usage: {USAGE}")
    host, port = _address(found.address)
    if not found.wait_s > 0:
        raise ConfigError(f"--wait-s {found.wait_s:g}: seconds, more than 0, e.g. --wait-s 3600.")
    record = found.record or Path("outputs") / f"{datetime.now():%Y-%m-%d/%H-%M-%S}" / "sent.json"
    known = secret_of(found.secret_file, os.environ)
    context = joining(found.tls_ca)
    from accel.federated.agreed import joined
    from accel.run.owner import Place, take_part

    joined([], typed)
    sent = take_part(Place(host, port, known, found.name, context, found.wait_s), typed, record)
    print(  # noqa: T201 - the command's own output
        f"Done: {len(sent.rounds)} updates, {sent.bytes_sent / 1e6:.3g} MB, have left this machine. Record: {record}"
    )
    return ExitCode.DONE


def _address(text: str) -> tuple[str, int]:
    found = address_of(text)
    if found is None:
        raise ConfigError(f"accel federate: {text!r} is no HOST:PORT, such as 10.0.0.5:7070.")
    return found
