"""BERT-base for Chinese: 12 layers, width 768, 102 M parameters, characters.

What it does: ``google-bert/bert-base-chinese`` of the Hugging Face hub, under a short name.
Use it when: your texts are Chinese.
What it costs: one download of about 412 MB; later runs work offline.
Composes with: every technique, like any bert model.
Off switch: choose another model.
Reference: Devlin et al. 2018 (arXiv 1810.04805).

    accel model=bert_base_chinese
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from accel.model.hub import Hub


@dataclass(kw_only=True)
class BertBaseChinese(Hub):
    """BERT-base for Chinese: 12 layers, width 768, 102 M parameters, characters."""

    name: str = "google-bert/bert-base-chinese"
    model_type: ClassVar[str | None] = "bert"
