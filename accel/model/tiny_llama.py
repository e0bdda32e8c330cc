"""A random Llama of a few ten thousand parameters, for tests and dry runs.

What it does: builds the real architecture (grouped queries, gated feed-forward) at a toy size, with
    random weights and a byte tokenizer.
Use it when: you try a configuration, a plug-in or a sweep and want to see it work in seconds.
What it costs: nothing; it also predicts nothing useful.
Composes with: every technique that supports Llama, Mistral and Qwen.
Off switch: choose another model.
Reference: the Llama implementation of transformers.

    accel model=tiny_llama trainer.max_steps=10
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from accel.model import _tiny

if TYPE_CHECKING:
    from transformers import PretrainedConfig


@dataclass(kw_only=True)
class TinyLlama(_tiny.Tiny):
    """A tiny random llama classifier; two query heads share one head of keys and values."""

    def family(self) -> str | None:
        return "llama"

    def config(self) -> PretrainedConfig:
        from transformers import LlamaConfig

        return LlamaConfig(
            vocab_size=_tiny.VOCABULARY_SIZE,
            hidden_size=self.width,
            num_hidden_layers=self.num_layers,
            num_attention_heads=self.num_heads,
            num_key_value_heads=self.num_heads // 2,
            intermediate_size=4 * self.width,
            max_position_embeddings=_tiny.MAX_POSITIONS,
            pad_token_id=_tiny.PAD,
            bos_token_id=_tiny.CLS,
            eos_token_id=_tiny.SEP,
        )
