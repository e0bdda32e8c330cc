"""Which tokens are hidden: whole words, as many as asked, by chance that depends on the tokens alone."""

import numpy as np
import pytest

from accel.data.masking import SPECIAL, Pieces, chosen, hidden, order_of, units_of

TEXT = "unhappy dogs, 好人!"


@pytest.mark.parametrize(
    ("offsets", "expected"),
    [
        ([(0, 2), (2, 7), (8, 12), (12, 13), (14, 15), (15, 16), (16, 17)], [0, 0, 1, 2, 3, 4, 5]),  # pieces of words
        ([(0, 7), (7, 12), (12, 14), (14, 15), (15, 17)], [0, 1, 2, 3, 4]),  # a space before, signs together
        ([(0, 7), (8, 12), (12, 13), (14, 15), (14, 15), (14, 15), (15, 16)], [0, 1, 2, 3, 3, 3, 4]),  # bytes
        ([(0, 10), (10, 12), (12, 13), (14, 16)], [0, 0, 1, 2]),  # a piece that begins another word
    ],
)
def test_tokens_of_a_word_belong_together(offsets, expected):
    assert units_of(TEXT, offsets) == expected


def units(count=40, seed=0):
    sizes = np.random.default_rng(seed).integers(1, 5, count)
    return np.concatenate([[SPECIAL], np.repeat(np.arange(count), sizes), [SPECIAL]])


@pytest.mark.parametrize("fraction", [0.15, 0.5])
def test_units_are_hidden_whole_and_about_as_many_tokens_as_asked(fraction):
    shares, often = [], np.zeros(40)
    for seed in range(300):
        mark = chosen(given := units(), fraction, np.random.default_rng(seed))
        assert not mark[given == SPECIAL].any()
        by_unit = [set(mark[given == unit].tolist()) for unit in range(40)]
        assert all(len(found) == 1 for found in by_unit)
        often += [True in found for found in by_unit]
        shares.append(mark.sum() / (given != SPECIAL).sum())
    assert np.mean(shares) == pytest.approx(fraction, rel=0.05)
    assert max(shares) <= fraction
    assert often.min() > 0.3 * often.mean()  # no word is spared


def test_at_least_one_word_is_hidden():
    for count in (1, 2, 3):
        given = np.array([SPECIAL, *np.repeat(np.arange(count), 4), SPECIAL])
        assert chosen(given, 0.15, np.random.default_rng(0)).sum() == 4


def test_of_ten_hidden_tokens_eight_are_the_mask_one_is_another_and_one_stays():
    pieces = Pieces(4, np.arange(5, 1000, dtype=np.int32))
    ids = np.arange(5, 985, dtype=np.int32)
    mark = np.arange(len(ids)) % 2 == 0
    masks = others = 0
    for seed in range(40):
        found = hidden(ids, mark, pieces, np.random.default_rng(seed))
        assert (found[~mark] == ids[~mark]).all()
        masks += (found == 4).sum()
        others += ((found != ids) & (found != 4)).sum()
    total = 40 * mark.sum()
    assert masks / total == pytest.approx(0.8, abs=0.01)
    assert others / total == pytest.approx(0.1, abs=0.01)


def test_chance_depends_on_the_tokens_and_the_draw_alone():
    ids, draws = np.array([3, 5, 7]), [(0,), (0, 1), (0, 2), (1, 1), (0, 0)]
    first = [order_of(ids, draw).random(4).tolist() for draw in draws]
    assert first == [order_of(ids.astype(np.int64), draw).random(4).tolist() for draw in draws]
    assert len({tuple(row) for row in first}) == len(draws)
    assert order_of(ids[::-1], (0,)).random() != order_of(ids, (0,)).random()


def test_a_tokenizer_without_a_mask_has_no_pieces_to_hide_with():
    from accel.model._tiny import byte_tokenizer

    tokenizer = byte_tokenizer(segments=False)
    pieces = Pieces.of(tokenizer)
    assert pieces is not None
    assert set(pieces.ordinary.tolist()) == set(range(5, 261))
    tokenizer.mask_token = None
    assert Pieces.of(tokenizer) is None
