"""What can go wrong, and the exit code each kind ends with.

AccelError            base; a user mistake or a failed run, never shown as a traceback
├── RefusedError      nothing has been built, downloaded or logged yet          exit 2
│   ├── ConfigError   a group, option, key or value that does not exist or fit
│   │   └── DiskError a run's folder that its machines do not share
│   ├── PlanError     options that cannot work, alone or together
│   └── DataError     a file, column, line or label that cannot be used
├── RunError          the run started and failed                                exit 3
│   ├── NonFiniteLossError
│   ├── ClaimError    an audit shows that a run is not as private as it claims
│   ├── LostError     another process of the run is gone or does not answer
│   └── NoEffectError a technique left no trace: the field's commonest silent failure
└── Pruned            a search found the run not worth finishing                 exit 0

Interrupted           a signal asked the run to stop; it can be resumed         exit 129 to 143
"""

from __future__ import annotations

import difflib
import textwrap
from collections.abc import Iterable
from enum import IntEnum


class ExitCode(IntEnum):
    """What the process returns to the shell; the contract of every command."""

    DONE = 0
    REFUSED = 2
    FAILED = 3
    SOME_JOBS_FAILED = 4
    LIMIT_BROKEN = 5
    SIGHUP = 129
    SIGINT = 130
    SIGQUIT = 131
    SIGTERM = 143


class AccelError(Exception):
    """Base of everything a user may be told about; the message is complete by itself."""

    exit_code = ExitCode.FAILED
    status = "failed"
    together = False
    """Whether all processes of a run raise it, so that none has to be told."""


class RefusedError(AccelError):
    """Refused before any cost."""

    exit_code = ExitCode.REFUSED
    status = "refused"


class ConfigError(RefusedError):
    """A group, option, key or value that does not exist or does not fit."""


class DiskError(ConfigError):
    """The machines of a run do not share its folder, and have to."""

    together = True


class PlanError(RefusedError):
    """One or more objections to a plan."""


class DataError(RefusedError):
    """Data that cannot be used: names the file, line or column, the reason and the remedy."""


class RunError(AccelError):
    """The run had started."""


class NonFiniteLossError(RunError):
    """The loss, the gradient or a weight became NaN or infinite; raised before it is used or saved."""


class ClaimError(RunError):
    """A private run is not as private as it claims; nothing of it may be released."""


class LostError(RunError):
    """Another process of the run is gone, or has not answered for too long."""


class NoEffectError(RunError):
    """A technique's evidence shows that it did nothing."""


class Pruned(AccelError):
    """A search stopped the run early: others that got as far were better."""

    exit_code = ExitCode.DONE
    status = "pruned"
    together = True


class Interrupted(BaseException):
    """The run stopped because it was asked to; during training, after saving a checkpoint.

    Like ``KeyboardInterrupt`` it is no ``Exception``: it may be raised anywhere, and whoever handles what a compiler or
    an exporter may raise must not take it for their failure and go on.
    """

    status = "interrupted"

    def __init__(self, message: str, exit_code: ExitCode, *, together: bool = False) -> None:
        super().__init__(message)
        self.exit_code = exit_code
        self.together = together


def nearest(word: str, candidates: Iterable[str]) -> list[str]:
    """The candidates that ``word`` may be a typo of, best first; empty when none is close."""
    return difflib.get_close_matches(word, list(candidates), n=3, cutoff=0.6)


def did_you_mean(word: str, candidates: Iterable[str]) -> str:
    """`` Did you mean 'x'?`` with the best guess first, or the list of what exists."""
    known = sorted(set(candidates))
    close = nearest(word, known)
    if close:
        return f"Did you mean {' or '.join(repr(c) for c in close)}?"
    return f"Known: {', '.join(known)}." if known else ""


def paragraph(what: str, because: str, instead: str) -> str:
    """The three parts of every refusal: what was asked, why it cannot be, what to type instead."""
    body = f"because  {because}\ninstead  {instead}"
    return f"{what}\n{textwrap.indent(body, '   ')}"
