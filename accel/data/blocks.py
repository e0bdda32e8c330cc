"""From documents to blocks of tokens for a language model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from accel.data import Split
from accel.data.tokenized import TOKENIZE_AT_ONCE
from accel.data.tokens import Encoded, Ragged

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


def blocks_of(split: Split, tokenizer: PreTrainedTokenizerBase, block_length: int) -> Encoded:
    """Every document between a first and a last token, cut into blocks that overlap by one token; nothing is lost.

    The blocks of a document are the rows of one record.

    Args:
        block_length: the most tokens of a block, at least 2.
    """
    first, last = ends(tokenizer)
    blocks: list[list[int]] = []
    documents: list[int] = []
    for start in range(0, len(split.texts), TOKENIZE_AT_ONCE):
        texts = [text for (text,) in split.texts[start : start + TOKENIZE_AT_ONCE]]
        encoded = tokenizer(texts, add_special_tokens=False, return_attention_mask=False, verbose=False)
        for number, ids in enumerate(encoded["input_ids"], start):
            found = cut([first, *ids, last], block_length)
            blocks += found
            documents += [number] * len(found)
    return Encoded(Ragged.of(blocks), None, 0, records=np.array(documents, dtype=np.int64))


def cut(ids: list[int], block_length: int) -> list[list[int]]:
    """Blocks of at least two tokens, each beginning with the last token of the one before.

    So every token but the first stands in exactly one block where another one precedes it.
    """
    return [ids[i : i + block_length] for i in range(0, len(ids) - 1, block_length - 1)]


def ends(tokenizer: PreTrainedTokenizerBase) -> tuple[int, int]:
    """What a document begins and ends with: not every tokenizer has a token of its own for either."""
    known = [getattr(tokenizer, f"{name}_token_id") for name in ("bos", "cls", "eos", "sep")]
    found: list[int] = [number for number in known if number is not None]
    return found[0], found[-1]
