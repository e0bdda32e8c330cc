"""What a student learns from its teacher, and how much each of it counts. No torch."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Match(Enum):
    """Which layer of the student learns from which of the teacher."""

    evenly = "evenly"
    nearest = "nearest"


@dataclass(kw_only=True)
class Terms:
    """The terms of a distilled loss."""

    temperature: float = 2.0
    """Softens both predictions; 1 leaves them as they are."""
    logits_weight: float = 1.0
    """Weight of the distance between predictions."""
    hidden_weight: float = 1.0
    """Weight of the distance between hidden states; 0 saves their memory."""
    hidden_match: Match = Match.evenly
    """evenly: a student's layer learns from the teacher's at the same depth; nearest: for each of the teacher's layers,
    the student's that is nearest to it learns."""
    relations_weight: float = 0.0
    """Weight of the distance between the attention relations of the last layers."""
    relation_heads: int | None = None
    """Into how many heads queries, keys and values are cut to be compared; None: as many as the attention has."""
    task_weight: float = 0.5
    """Weight of the task's own loss against the labels."""
    confidence: float = 0.6
    """Of ``task.unlabelled``: the student imitates the teacher's answers of which it is at least so sure, in [0, 1]."""
