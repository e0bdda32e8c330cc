"""The ``accel`` command: verbs, and a run for everything whose first word is no verb."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import suppress

from accel.commands.run import run
from accel.commands.usage import usage
from accel.commands.verbs import COMPOSING, VERBS
from accel.config.arguments import flags_last, split_config_dirs
from accel.config.overrides import quote_unicode
from accel.config.redact import guarded_streams, learn
from accel.errors import AccelError, ConfigError, ExitCode, Interrupted, did_you_mean

HYDRA_FLAGS = {
    "--cfg",
    "-c",
    "--info",
    "-i",
    "--package",
    "-p",
    "--resolve",
    "-sc",
    "--shell-completion",
    "--hydra-help",
}
DEFAULT_RUN = """\
accel alone is the default run, which is described below: it trains, exports and measures, into outputs/DATE/TIME/.
Ctrl-C stops it. accel check decides and starts nothing; accel --help lists what can be typed.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    learn(words)
    with guarded_streams():
        return _main(words)


def _main(words: list[str]) -> int:
    debug = "--debug" in words
    try:
        return int(_dispatch(words))
    except (AccelError, Interrupted) as error:
        if debug:
            raise
        print(error, file=sys.stderr)  # noqa: T201 - the command's own output
        return int(error.exit_code)
    except KeyboardInterrupt:
        return int(ExitCode.SIGINT)
    except BrokenPipeError:  # the reader of a pipe has left, e.g. `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return int(ExitCode.DONE)


def _dispatch(words: list[str]) -> int:
    asks_hydra = bool({w.split("=", 1)[0] for w in words} & HYDRA_FLAGS)
    moved = list(words) if asks_hydra else flags_last(words)
    first = moved[0] if moved else ""
    if {"-h", "--help"} & set(words):
        return _help_on(first, words)
    if "--version" in words:
        return _version()
    if first in VERBS:
        return VERBS[first](moved[1:])
    if first and not first.startswith("-") and "=" not in first:
        from accel.look.look import is_data_file

        if is_data_file(first):
            from accel.look.command import words_to_run

            return run(words_to_run(first, moved[1:]))
        raise ConfigError(_no_such_command(first))
    if asks_hydra:
        return _hydra_itself(words)
    if not words and sys.stdout.isatty():
        print(DEFAULT_RUN, flush=True)  # noqa: T201 - the command's own output
    return run(words)


def _help_on(verb: str, words: Sequence[str]) -> int:
    """The flags of a verb, or the usage that tells it; the whole usage where the first word is no verb."""
    if verb in VERBS and verb not in COMPOSING:
        return _flags_of(verb)
    return usage(verb if verb in VERBS else "", split_config_dirs(words)[0])


def _no_such_command(word: str) -> str:
    return f"There is no command {word!r}. {did_you_mean(word, VERBS)} A setting is typed as group=option or key=value."


def _flags_of(verb: str) -> int:
    """Every flag of a command that parses its own words."""
    with suppress(SystemExit):  # argparse ends the program after its help
        VERBS[verb](["--help"])
    print("\naccel --help tells everything.")  # noqa: T201 - the command's own output
    return ExitCode.DONE


def _version() -> int:
    """Of accel."""
    from accel import __version__

    print(f"accel {__version__}")  # noqa: T201 - the command's own output
    return ExitCode.DONE


def _hydra_itself(words: Sequence[str]) -> int:
    """Hydra's own flags (--cfg, --info, shell completion), which need Hydra's own main."""
    from accel.config.hydra_main import main as hydra_main

    return hydra_main([quote_unicode(word) for word in words])
