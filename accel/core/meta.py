"""What an exported model's folder says beside transformers' own configuration."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from accel.core.seen import Seen

META = "accel.json"


@dataclass(frozen=True)
class Meta:
    """What transformers' own configuration cannot say."""

    label_names: list[str]
    max_length: int
    num_text_columns: int = 1
    inputs: list[str] = field(default_factory=list)
    """Names of all that it is given, as in its files; empty where nobody noted it."""
    num_units: dict[str, int] = field(default_factory=dict)
    """Heads and channels left in each block."""
    shared: dict[str, str] = field(default_factory=dict)
    """Tensors that are the same as another one and are stored once."""
    trained_on: tuple[Seen, ...] = ()
    """Everything that the weights have seen, see ``accel/weights/provenance.py``; empty where nobody noted it."""
    edits: list[dict[str, Any]] = field(default_factory=list)
    """What was added to the architecture and stays in it, see ``accel/core/edits.py``."""
    scheme: str = "int8"
    """How layers with a scale compute; of no meaning where there is none."""
    objective: str = "classification"
    """What it predicts, see ``accel/core/objective.py``."""
    answering: dict[str, Any] = field(default_factory=dict)
    """What the objective must know beside its labels: the scale of a number, thresholds."""
    temperature: float = 1.0
    """What logits are divided by before probabilities are read from them; fitted by ``trainer.calibrate``."""
    private: bool = False
    """Whether the last run trained it with differential privacy that holds."""
