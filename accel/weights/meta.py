"""What can be known of a finished model's folder without importing torch."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from accel.core.checksums import write_sums
from accel.core.durable import write_durably
from accel.core.meta import META, Meta
from accel.core.seen import noted
from accel.errors import DataError, RunError
from accel.weights.pretrained import read_config

HEADS = {
    "ForSequenceClassification": "classification",
    "ForCausalLM": "language modelling",
    "LMHeadModel": "language modelling",
    "ForMaskedLM": "masked language modelling",
}
"""What a model predicts, by how the name of its class ends (transformers' ``architectures``)."""
SINGLE_LABEL = "single_label_classification"

WEIGHTS = "model.safetensors"
SMALL = (".json", ".txt", ".model")
"""How the files beside the weights end, of which predicting needs all."""
SCALE_SUFFIX = ".weight_scale"
"""Of a tensor's name: weights that it scales are rounded."""


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
        values = json.loads((folder / META).read_text("utf8"))
        return Meta(**{**values, "trained_on": noted(values.get("trained_on", ""))})
    except (OSError, ValueError, TypeError, AttributeError):
        raise DataError(
            f"{folder} holds no exported model ({META} is missing or damaged). Give the folder of a finished run, "
            f"such as outputs/DATE/TIME."
        ) from None


def note_temperature(folder: Path, temperature: float | None) -> None:
    """What an exported model's logits are divided by before anybody reads probabilities from them.

    Raises:
        RunError: none could be fitted.
    """
    if temperature is None:
        raise RunError("trainer.calibrate=true: this objective has no probabilities to calibrate. Leave it out.")
    values = json.loads((folder / META).read_text("utf8")) | {"temperature": temperature}
    write_durably(folder / META, json.dumps(values, ensure_ascii=False, indent=1))
    write_sums(folder, [META])


def small_files(folder: Path) -> list[str]:
    """Names of everything beside the weights that predicting needs."""
    return sorted(file.name for file in folder.iterdir() if file.suffix in SMALL)


def is_quantized(folder: Path) -> bool:
    """Whether the folder's weights are rounded; read from the header alone.

    Raises:
        DataError: there are no weights, or they are damaged.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(folder / WEIGHTS, framework="np") as file:
            return any(name.endswith(SCALE_SUFFIX) for name in file.keys())  # noqa: SIM118 - no iterator in safetensors
    except (OSError, SafetensorError) as error:
        raise DataError(
            f"{folder / WEIGHTS} cannot be read ({error}). Copy the folder again, or export again."
        ) from error


def answers_of(folder: Path, key: str) -> tuple[str, list[str]]:
    """What a model predicts, as its ``accel.json`` or ``objective.py`` has it, and its labels in order.

    A model that others fine-tuned and saved says both in its config.json, as transformers writes it.

    Raises:
        DataError: it does not say.
    """
    if (folder / META).is_file():
        meta = read_meta(folder)
        return meta.objective, meta.label_names
    config = read_config(folder, key)
    listed = config.get("architectures") or []
    names = [str(name) for name in (listed if isinstance(listed, list) else [listed])]
    found = next((HEADS[end] for end in HEADS for name in names if name.endswith(end)), None)
    if found is None:
        raise DataError(
            f"{key}={folder} has no head that accel knows: the architectures in its config.json are "
            f"{', '.join(names) or 'missing'}, and one that ends in {' or '.join(HEADS)} is needed."
        )
    return found, _labels(config, f"{key}={folder}") if found == "classification" else []


def _labels(config: Mapping[str, Any], what: str) -> list[str]:
    """transformers leaves out what it would assume itself: two labels without a name."""
    problem = config.get("problem_type") or SINGLE_LABEL
    if problem != SINGLE_LABEL:
        raise DataError(f"{what} was trained for {problem}, and accel's classifiers give a text one label.")
    named = config.get("id2label") or {str(number): f"LABEL_{number}" for number in range(2)}
    numbers = {str(number) for number in range(len(named))}
    if not isinstance(named, dict) or set(named) != numbers:
        raise DataError(f'{what}: id2label in its config.json must name labels 0, 1, and so on: {{"0": "bad", …}}.')
    return [str(named[number]) for number in sorted(named, key=int)]
