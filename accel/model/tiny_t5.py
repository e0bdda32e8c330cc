"""A random T5 of a few ten thousand parameters, for tests and dry runs.

What it does: builds the real architecture at a toy size, with random weights and a byte tokenizer.
Use it when: you try a configuration, a plug-in or a sweep and want to see it work in seconds.
What it costs: nothing; it also predicts nothing useful.
Composes with: every technique that supports T5.
Off switch: choose another model.
Reference: the T5 implementation of transformers.

    accel model=tiny_t5 trainer.max_steps=10
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from accel.model import _tiny

if TYPE_CHECKING:
    from transformers import PretrainedConfig


@dataclass(kw_only=True)
class TinyT5(_tiny.Tiny):
    """A tiny random t5 classifier."""

    def family(self) -> str | None:
        return "t5"

    def config(self) -> PretrainedConfig:
        from transformers import T5Config

        return T5Config(
            vocab_size=_tiny.VOCABULARY_SIZE,
            d_model=self.width,
            d_kv=self.width // self.num_heads,
            d_ff=4 * self.width,
            num_layers=self.num_layers,
            num_decoder_layers=self.num_layers,
            num_heads=self.num_heads,
            pad_token_id=_tiny.PAD,
            eos_token_id=_tiny.SEP,
            decoder_start_token_id=_tiny.PAD,  # type: ignore[call-arg] - passed on by PretrainedConfig
        )
