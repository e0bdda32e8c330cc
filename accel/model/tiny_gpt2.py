"""A random GPT-2 of a few ten thousand parameters, for tests and dry runs.

What it does: builds the real architecture at a toy size, with random weights and a byte tokenizer.
Use it when: you try a configuration, a plug-in or a sweep and want to see it work in seconds.
What it costs: nothing; it also predicts nothing useful.
Composes with: every technique that supports GPT-2.
Off switch: choose another model.
Reference: the GPT-2 implementation of transformers.

    accel model=tiny_gpt2 trainer.max_steps=10
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from accel.model import _tiny

if TYPE_CHECKING:
    from transformers import PretrainedConfig


@dataclass(kw_only=True)
class TinyGpt2(_tiny.Tiny):
    """A tiny random gpt2 classifier."""

    positions: ClassVar[int] = _tiny.MAX_POSITIONS

    def family(self) -> str | None:
        return "gpt2"

    def config(self) -> PretrainedConfig:
        from transformers import GPT2Config

        return GPT2Config(
            vocab_size=_tiny.VOCABULARY_SIZE,
            n_embd=self.width,
            n_layer=self.num_layers,
            n_head=self.num_heads,
            n_positions=_tiny.MAX_POSITIONS,
            pad_token_id=_tiny.PAD,
            bos_token_id=_tiny.CLS,
            eos_token_id=_tiny.SEP,
        )
