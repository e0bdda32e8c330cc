"""RoBERTa-base: 12 layers, width 768, 125 M parameters, English.

What it does: ``FacebookAI/roberta-base`` of the Hugging Face hub, under a short name.
Use it when: quality matters more than size.
What it costs: one download of about 499 MB; later runs work offline.
Composes with: every technique, like any roberta model.
Off switch: choose another model.
Reference: Liu et al. 2019 (arXiv 1907.11692).

    accel model=roberta_base
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from accel.model.hub import Hub


@dataclass(kw_only=True)
class RobertaBase(Hub):
    """RoBERTa-base: 12 layers, width 768, 125 M parameters, English."""

    name: str = "FacebookAI/roberta-base"
    model_type: ClassVar[str | None] = "roberta"
