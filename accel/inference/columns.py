"""Which columns a finished run was trained on; no torch."""

from __future__ import annotations

from pathlib import Path

import yaml

from accel.checkpoint.resume import CONFIG

USUAL = ["text"]
"""Of tasks whose data are no file of the user's."""


def text_columns_of(folder: Path) -> list[str]:
    """The text columns that the run's ``config.yaml`` names, for a run's folder or the ``model/`` inside it."""
    file = next((place / CONFIG for place in (folder, folder.parent) if (place / CONFIG).is_file()), None)
    try:
        task = yaml.safe_load(file.read_text("utf8")).get("task", {}) if file else {}
        named = task.get("text") or USUAL
    except (OSError, ValueError, AttributeError, yaml.YAMLError):
        return USUAL
    return [str(name) for name in named] if isinstance(named, list) else [str(named)]
