"""What is made once for all tests that look at it, whichever of pytest's worker processes they run in."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """A folder of that name, which the first one who asks fills; the others wait for it.

    Args:
        factory: gives each worker a folder inside that of the session.
        make: called with the empty folder. What it raises is raised, and the next one who asks tries again.
    """
    session = factory.getbasetemp()
    if session.name.startswith("popen-"):
        session = session.parent
    folder, done = session / name, session / f"{name}.done"
    with FileLock(session / f"{name}.lock"):
        if not done.exists():
            folder.mkdir(exist_ok=True)
            make(folder)
            done.touch()
    return folder
