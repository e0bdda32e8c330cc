"""DistilBERT: 6 layers, width 768, 66 M parameters, English.

What it does: ``distilbert/distilbert-base-uncased`` of the Hugging Face hub, under a short name.
Use it when: you want most of BERT-base at about half its time.
What it costs: one download of about 268 MB; later runs work offline.
Composes with: every technique, like any distilbert model.
Off switch: choose another model.
Reference: Sanh et al. 2019 (arXiv 1910.01108).

    accel model=distilbert
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from accel.model.hub import Hub


@dataclass(kw_only=True)
class Distilbert(Hub):
    """DistilBERT: 6 layers, width 768, 66 M parameters, English."""

    name: str = "distilbert/distilbert-base-uncased"
    model_type: ClassVar[str | None] = "distilbert"
