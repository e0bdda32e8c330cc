"""``accel help [TOPIC]``: the documentation in the terminal, without network."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from accel.docs.topics import pages, topic
from accel.errors import ConfigError, ExitCode

USAGE = "Use: accel help, or accel help TOPIC such as  accel help prune  or  accel help privacy."


def main(words: Sequence[str], config_dirs: Sequence[str] = ()) -> int:
    """Print one topic.

    Raises:
        ConfigError: a topic that does not exist, or more than one.
    """
    if len(words) != 1:
        raise ConfigError(f"One topic at a time. {USAGE}")
    print_markdown(topic(words[0], config_dirs))
    return ExitCode.DONE


def print_markdown(text: str) -> None:
    """Set for a terminal; as it stands into a pipe or a file."""
    if not sys.stdout.isatty():
        print(text)  # noqa: T201 - the command's own output
        return
    from rich.console import Console
    from rich.markdown import Markdown

    Console().print(Markdown(text))


def overview() -> str:
    """One line that names the pages."""
    return "Pages of accel help:  " + "  ".join(pages())
