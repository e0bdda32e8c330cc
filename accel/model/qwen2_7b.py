"""Qwen2.5-7B: 28 layers, width 3584, 7.6 B parameters, English and Chinese.

What it does: ``Qwen/Qwen2.5-7B`` of the Hugging Face hub, under a short name; its sizes are known without a download.
Use it when: a large decoder is adapted on GPUs, or to ask beforehand whether one would fit.
What it costs: one download of about 15 GB; in full tuning 16 bytes of memory per parameter, shared out by
    ``strategy=fsdp``.
Composes with: every technique, like any qwen2 model.
Off switch: choose another model.
Reference: Qwen Team 2024 (arXiv 2412.15115); Apache-2.0.

    accel check --forecast=h100 model=qwen2_7b strategy=fsdp strategy.processes=8
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from accel.model.hub import Hub


@dataclass(kw_only=True)
class Qwen27b(Hub):
    """Qwen2.5-7B: 28 layers, width 3584, 7.6 B parameters, English and Chinese."""

    name: str = "Qwen/Qwen2.5-7B"
    model_type: ClassVar[str | None] = "qwen2"
    stated_sizes: ClassVar[Mapping[str, Any] | None] = {
        "num_hidden_layers": 28,
        "hidden_size": 3584,
        "num_attention_heads": 28,
        "num_key_value_heads": 4,
        "intermediate_size": 18944,
        "vocab_size": 152064,
        "tie_word_embeddings": False,
    }
