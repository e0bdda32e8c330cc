"""An encoder-decoder writes: token by token, each the likeliest, or the likeliest of several ways at once."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


@torch.no_grad()
def write(model: nn.Module, ids: Tensor, mask: Tensor, *, most: int, beams: int) -> Tensor:
    """[texts, tokens]: what is written of each text, without the token that it starts from; padded behind the end.

    A checkpoint's own settings of generation are not asked: what is written depends on the weights and these arguments.

    Args:
        ids: [texts, tokens], padded on the right.
        mask: [texts, tokens], 1 at real tokens.
        most: tokens that are written at most.
        beams: ways that are followed at once; 1 takes the likeliest token each time.
    """
    from transformers import GenerationConfig

    config: Any = model.config
    settings = GenerationConfig(
        max_new_tokens=most,
        num_beams=beams,
        do_sample=False,
        early_stopping=beams > 1,
        pad_token_id=config.pad_token_id,
        eos_token_id=config.eos_token_id,
        decoder_start_token_id=config.decoder_start_token_id,
    )
    writer: Any = model
    kept, writer.generation_config = writer.generation_config, settings
    try:
        return writer.generate(input_ids=ids, attention_mask=mask, generation_config=settings)[:, 1:]
    finally:
        writer.generation_config = kept
