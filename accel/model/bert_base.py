"""BERT-base: 12 layers, width 768, 110 M parameters, English.

What it does: ``google-bert/bert-base-uncased`` of the Hugging Face hub, under a short name.
Use it when: you want the field's reference encoder.
What it costs: one download of about 440 MB; later runs work offline.
Composes with: every technique, like any bert model.
Off switch: choose another model.
Reference: Devlin et al. 2018 (arXiv 1810.04805).

    accel model=bert_base
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from accel.model.hub import Hub


@dataclass(kw_only=True)
class BertBase(Hub):
    """BERT-base: 12 layers, width 768, 110 M parameters, English."""

    name: str = "google-bert/bert-base-uncased"
    model_type: ClassVar[str | None] = "bert"
