"""Which columns a finished run was trained on; no torch."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import yaml

from accel.errors import DataError
from accel.objective.answers import ANSWERS
from accel.report.record import CONFIG
from accel.weights.meta import artifact_folder, read_meta

USUAL = ["text"]
"""Of models that no longer say what they predict."""


def text_columns_of(folder: Path) -> list[str]:
    """The text columns that the run's ``config.yaml`` names, for a run's folder or the ``model/`` inside it."""
    file = next((place / CONFIG for place in (folder, folder.parent) if (place / CONFIG).is_file()), None)
    try:
        task = yaml.safe_load(file.read_text("utf8")).get("task", {}) if file else {}
        named = task.get("text") or _usual(folder)
    except (OSError, ValueError, AttributeError, yaml.YAMLError):
        return USUAL
    return [str(name) for name in named] if isinstance(named, list) else [str(named)]


def _usual(folder: Path) -> list[str]:
    """What a model's texts are called whose data are no file of the user's."""
    with suppress(DataError):
        known = ANSWERS.get(read_meta(artifact_folder(folder)).objective)
        return list(known.columns) if known is not None else USUAL
    return USUAL
