"""A random BERT of a few ten thousand parameters, for tests and dry runs.

What it does: builds the real architecture at a toy size, with random weights and a byte tokenizer.
Use it when: you try a configuration, a plug-in or a sweep and want to see it work in seconds.
What it costs: nothing; it also predicts nothing useful.
Composes with: every technique that supports BERT.
Off switch: choose another model.
Reference: the BERT implementation of transformers.

    accel model=tiny_bert trainer.max_steps=10
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from accel.model import _tiny

if TYPE_CHECKING:
    from transformers import PretrainedConfig


@dataclass(kw_only=True)
class TinyBert(_tiny.Tiny):
    """A tiny random bert classifier."""

    positions: ClassVar[int] = _tiny.MAX_POSITIONS

    def family(self) -> str | None:
        return "bert"

    def config(self) -> PretrainedConfig:
        from transformers import BertConfig

        return BertConfig(
            vocab_size=_tiny.VOCABULARY_SIZE,
            hidden_size=self.width,
            num_hidden_layers=self.num_layers,
            num_attention_heads=self.num_heads,
            intermediate_size=4 * self.width,
            max_position_embeddings=_tiny.MAX_POSITIONS,
            pad_token_id=_tiny.PAD,
        )
