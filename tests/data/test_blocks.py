from itertools import pairwise

import pytest

from accel.data import Split
from accel.data.blocks import blocks_of, cut
from accel.model._tiny import CLS, SEP, byte_tokenizer


@pytest.mark.parametrize("block_length", [2, 3, 8, 100])
@pytest.mark.parametrize("length", [2, 3, 8, 9, 23])
def test_every_token_but_the_first_is_predicted_exactly_once(length, block_length):
    ids = list(range(length))
    blocks = cut(ids, block_length)
    assert [token for block in blocks for token in block[1:]] == ids[1:]
    assert all(2 <= len(block) <= block_length for block in blocks)
    assert all(after[0] == before[-1] for before, after in pairwise(blocks))


def test_no_block_holds_parts_of_two_documents():
    tokenizer = byte_tokenizer(segments=False)
    found = blocks_of(Split([("aaaa",), ("b" * 20,)], []), tokenizer, 8).input_ids
    texts = [tokenizer.decode([i for i in block if i > SEP]) for block in found]
    assert all(len(set(text)) == 1 for text in texts)
    assert list(found[0]) == [CLS, *tokenizer("aaaa", add_special_tokens=False)["input_ids"], SEP]
    assert found[-1][-1] == SEP
