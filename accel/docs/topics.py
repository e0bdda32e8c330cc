"""What ``accel help TOPIC`` prints: a page of this folder, or the card of an option. No torch here."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import yaml

from accel.config.compose import GROUPS, conf_dir, options_of
from accel.core.groups import list_groups
from accel.errors import ConfigError, did_you_mean

PAGES = Path(__file__).parent


@dataclass(frozen=True)
class OptionFile:
    """One YAML file of a config group."""

    group: str
    name: str
    config_dirs: tuple[str, ...] = ()
    """The user's own folders of groups, searched after accel's."""

    @property
    def path(self) -> Path:
        folders = (conf_dir(), *map(Path, self.config_dirs))
        files = [folder / self.group / f"{self.name}.yaml" for folder in folders]
        return next((file for file in files if file.is_file()), files[0])

    @property
    def typed(self) -> str:
        """As a user chooses it."""
        return f"{self.group}=[{self.name}]" if self.group in list_groups() else f"{self.group}={self.name}"

    def card(self) -> str:
        """Markdown: what the option's module says of it, and its settings with their defaults."""
        settings = re.sub(r"\A(#.*\n)*", "", self.path.read_text("utf8").strip())
        return f"# {self.typed}\n\n{_described(card_of(self.path))}## Settings\n\n```yaml\n{settings}\n```\n"


def option_files(config_dirs: Sequence[str] = ()) -> Iterator[OptionFile]:
    """Every option there is, group by group."""
    for group in GROUPS:
        yield from (OptionFile(group, name, tuple(config_dirs)) for name in options_of(group, config_dirs))


def pages() -> dict[str, Path]:
    """The documentation's pages by name."""
    return {path.stem: path for path in sorted(PAGES.glob("*.md"))}


def topic(word: str, config_dirs: Sequence[str] = ()) -> str:
    """Markdown on a page, an option (``prune``, ``compression=[prune]``) or every option of a group.

    Raises:
        ConfigError: with the nearest topics.
    """
    if word in pages():
        return pages()[word].read_text("utf8")
    found = [option for option in option_files(config_dirs) if word in (option.name, option.typed, option.group)]
    if found:
        return "\n".join(option.card() for option in found)
    known = {*pages(), *GROUPS, *(option.name for option in option_files(config_dirs))}
    raise ConfigError(f"There is no help on {word!r}. {did_you_mean(word, known)}")


def card_of(path: Path) -> str:
    """What an option's YAML file says at its top; where it says nothing, the docstring of the class's module."""
    text = path.read_text("utf8")
    top = re.match(r"(#.*\n)*", text)
    own = re.sub(r"(?m)^# ?(@package .*\n)?", "", top[0]) if top else ""
    return own.strip() or module_docstring(yaml.safe_load(text) or {}, path.stem)


def module_docstring(node: dict, name: str) -> str:
    """The card that stands at the top of an option's module, read without importing it; empty if it has none."""
    target = node.get("_target_") or node.get(name, {}).get("_target_")
    try:
        spec = find_spec(str(target).rpartition(".")[0]) if target else None
    except (ImportError, ValueError):  # of a user's own package, which was not named with --plugin
        return ""
    if spec is None or spec.origin is None:
        return ""
    return ast.get_docstring(ast.parse(Path(spec.origin).read_text("utf8"))) or ""


def _described(card: str) -> str:
    """A card as Markdown: its headings in bold, each in a paragraph, what can be typed in a block."""
    lines = card.splitlines()
    commands = [line.strip() for line in lines if line.startswith("  ") and line.strip().startswith("accel ")]
    bold = "\n".join(_bold(line) for line in lines if line.strip() not in commands)
    prose = re.sub(r"\n{3,}", "\n\n", bold).strip()
    block = "\n```\n" + "\n".join(commands) + "\n```\n\n" if commands else "\n"
    return f"{prose}\n{block}" if prose else ""


def _bold(line: str) -> str:
    heading, colon, rest = line.partition(": ")
    if colon and line[:1].isupper() and len(heading) < 20:
        return f"\n**{heading}:** {rest.strip()}"
    return line.strip()
