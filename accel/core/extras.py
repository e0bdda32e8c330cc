"""What is not installed unless it is asked for: the extras of the distribution, and the words that install one."""

from __future__ import annotations

import shlex
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path

from accel.errors import ConfigError

DISTRIBUTION = "accel-finetune"
"""What registries and installers know accel by: their ``accel`` is another project, and would run a stranger's code."""
SOURCE = Path(__file__).resolve().parents[2]
"""The folder that has the package: of a checkout, or where packages are installed."""


def needs(module: str, extra: str, what: str) -> None:
    """Refuse what needs a module that is not installed.

    Args:
        module: as it is imported.
        extra: that brings it.
        what: needs it, as typed: ``tracker=tensorboard``.

    Raises:
        ConfigError: it is not installed; with the words that install it.
    """
    if not is_installed(module):
        raise ConfigError(
            f"{what} needs the package {module.replace('_', '-')}, which is not installed. "
            f"Install it with: {install_words(extra)}"
        )


def is_installed(module: str) -> bool:
    """Whether it could be imported; it is not."""
    return find_spec(module) is not None


def install_words(extra: str) -> str:
    """The command that installs an extra where this Python runs: ``pip install 'accel-finetune[search]'``.

    A checkout is installed from itself, editable as it is now; no registry has what stands in it.
    """
    return shlex.join([*_pip(), "install", *_requirement(extra)])


def _requirement(extra: str) -> list[str]:
    if not (SOURCE / "pyproject.toml").is_file():
        return [f"{DISTRIBUTION}[{extra}]"]
    return ["-e", f"{'.' if Path.cwd() == SOURCE else SOURCE}[{extra}]"]


def _pip() -> list[str]:
    """``pip``, where a shell would start that of this Python."""
    found = shutil.which("pip")
    return ["pip"] if found and Path(found).parent == Path(sys.executable).parent else [sys.executable, "-m", "pip"]
