"""What can be known of an exported model's folder without importing torch."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

from accel.errors import DataError

META = "accel.json"


@dataclass(frozen=True)
class Meta:
    """What transformers' own configuration cannot say."""

    label_names: list[str]
    max_length: int
    num_text_columns: int = 1
    num_units: dict[str, int] = field(default_factory=dict)
    """Heads and channels left in each block."""
    shared: dict[str, str] = field(default_factory=dict)
    """Tensors that are the same as another one and are stored once."""
    trained_on: str = ""
    """Source of the data; empty where nobody noted it."""
    scheme: str = "int8"
    """How layers with a scale compute; of no meaning where there is none."""
    objective: str = "classification"
    """What it predicts, see ``accel/objective.py``."""
    private: bool = False
    """Whether it was trained with differential privacy."""


def require_labels(folder: Path) -> Meta:
    """What was noted of a model that gives texts labels.

    Raises:
        DataError: it predicts something else.
    """
    meta = read_meta(folder)
    if not meta.label_names:
        raise DataError(
            f"{folder} holds a model of {meta.objective}, which gives texts no labels. accel.artifact.load_model loads "
            f"it, and transformers' AutoModelForCausalLM does if it was neither cut nor rounded."
        )
    return meta


def artifact_folder(path: str | Path) -> Path:
    """The model folder of a run's folder, or the folder itself."""
    folder = Path(path).expanduser()
    inside = folder / "model"
    return inside if inside.is_dir() else folder


def read_meta(folder: Path) -> Meta:
    """What was noted when the model was saved.

    Raises:
        DataError: this is no folder of an exported model.
    """
    try:
        return Meta(**json.loads((folder / META).read_text("utf8")))
    except (OSError, ValueError, TypeError):
        raise DataError(
            f"{folder} holds no exported model ({META} is missing or damaged). Give the folder of a finished run, "
            f"such as outputs/DATE/TIME."
        ) from None
