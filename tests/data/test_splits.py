"""Splits: each row goes by itself, and no text is in two of them."""

import random
from collections import Counter
from functools import cache

import pytest

from accel.data.examples import Example, Tally, assemble, unique
from accel.data.splits import lot, split_off, three_splits, without_overlap
from accel.errors import DataError


def examples(**counts):
    return [Example((f"{label} {i}",), label) for label, count in counts.items() for i in range(count)]


def where(splits):
    """Text -> the name of its split."""
    return {e.texts: name for name, split in zip(("train", "validation", "test"), splits, strict=True) for e in split}


def rows_of(count, rng):
    """Texts of a few words, some of them repeated, of three classes."""
    words = [f"word{n}" for n in range(40)]
    return [Example((" ".join(rng.choices(words, k=6)),), rng.choice("aab")) for _ in range(count)]


def drawn(rows, seed=0, **files):
    tally = Tally()
    return three_splits(unique(rows, tally), 0.2, 0.1, seed, tally=tally, **files)


def moved(draw, *, tries=1000, count=600):
    """How many of so many removals of one row moved any other one."""
    rng = random.Random(0)
    rows = rows_of(count, rng)
    before = where(draw(rows))
    found = 0
    for _ in range(tries):
        gone = rng.randrange(count)
        now = where(draw(rows[:gone] + rows[gone + 1 :]))
        before_of_others = {t: s for t, s in before.items() if t != rows[gone].texts}
        found += {t: s for t, s in now.items() if t != rows[gone].texts} != before_of_others
    return found


def test_one_row_more_or_less_moves_no_other(monkeypatch):
    """A thousand removals; read backwards, a thousand additions. The lots are looked up, which tries nothing else."""
    monkeypatch.setattr("accel.data.splits.lot", cache(lot))
    assert moved(drawn) == 0


def test_a_shuffle_would_move_others():
    """Negative control: what was done before."""

    def shuffled(rows):
        rows = unique(rows, Tally())
        random.Random(0).shuffle(rows)
        return rows[150:], rows[100:150], rows[:100]

    assert moved(shuffled, tries=10) == 10


def test_the_order_of_rows_moves_nothing():
    rows = rows_of(300, random.Random(1))
    assert where(drawn(rows)) == where(drawn(rows[::-1]))


def test_a_row_changes_at_most_one_record_of_training():
    """Also where it repeats a text, or contradicts one, or stands in another file: this is the unit of privacy."""
    rows = rows_of(200, random.Random(2))
    held = rows_of(30, random.Random(3)) + rows[:5]
    before = {e.texts for e in drawn(rows, test=held)[0]}
    trials = [([*rows, Example(rows[n].texts, label)], held) for n in range(40) for label in "ab"]
    trials += [(rows, held[:n] + held[n + 1 :]) for n in range(35)] + [(rows, [*held, rows[n]]) for n in range(40)]
    changes = [len(before ^ {e.texts for e in drawn(r, test=h)[0]}) for r, h in trials]
    assert max(changes) == 1


def test_copies_of_a_text_stay_together():
    """Case and white space make no other text; a pair is one text of two parts."""
    assert lot(("Late  again\n", "b"), "0") == lot(("late again", "B"), "0")
    assert len({lot(t, "0") for t in (("a", "b"), ("b", "a"), ("a b",), ("ab",), ("a", ""))}) == 5


def test_every_label_gets_its_share_within_chance():
    rows = examples(a=4000, b=400)
    for seed in range(5):
        _, _, test = three_splits(rows, 0.2, 0.1, seed)
        counts = Counter(e.label for e in test)
        assert all(abs(counts[y] - 0.2 * n) < 4 * (0.16 * n) ** 0.5 for y, n in (("a", 4000), ("b", 400)))


def test_splits_are_disjoint_complete_and_a_function_of_the_seed():
    rows = examples(a=100, b=20)
    assert sorted(where(drawn(rows))) == sorted(e.texts for e in rows)
    assert sum(map(len, drawn(rows))) == len(rows)
    assert drawn(rows) == drawn(rows)
    assert where(drawn(rows, seed=1)) != where(drawn(rows))


def test_test_and_validation_are_drawn_apart():
    """Otherwise a larger test split would begin with the whole validation split."""
    rows = examples(a=1000)
    assert {e.texts for e in split_off(rows, 0.2, "0/test")[1]} - {e.texts for e in split_off(rows, 0.3, "0/v")[1]}


@pytest.mark.parametrize("count", [6, 10, 30])
def test_few_rows_are_drawn_again_until_no_split_is_empty_and_that_is_told(count):
    redrawn = 0
    for seed in range(20):
        tally = Tally()
        splits = three_splits(examples(a=count // 2, b=count // 2), 0.2, 0.1, seed, tally=tally)
        assert all(splits)
        assert len({e.label for e in splits[0]}) == 2
        assert (tally.draws > 1) == any("drawn" in note for note in tally.notes)
        redrawn += tally.draws > 1
    assert redrawn < 20
    assert redrawn > 0 or count == 30


def test_what_training_never_saw_is_left_out_of_the_other_splits_and_counted():
    for seed in range(10):
        tally = Tally()
        splits = three_splits(examples(a=100, b=100, rare=1), 0.2, 0.1, seed, tally=tally)
        data = assemble(*splits, tally, "x")
        assert data.draws == 1
        assert (data.dropped == 0) == ("rare" in data.label_names)
        assert any("rare" in note for note in data.notes)


def test_held_out_texts_leave_training():
    tally = Tally()
    train = examples(a=3, b=3)
    kept = without_overlap(train, "train", train[:2], "test", tally)
    assert kept == train[2:]
    assert tally.notes == ["2 rows dropped: the text of train is also in test"]
    assert without_overlap([], "validation", train, "test", tally) == []


def test_the_same_file_twice_is_refused():
    train = examples(a=3, b=3)
    with pytest.raises(
        DataError, match=r"task\.train: all of its 6 texts are also in task\.test.* Give different files"
    ):
        without_overlap(train, "train", train, "test", Tally())


def test_what_is_given_is_kept_and_the_rest_is_split_off():
    rows, tally = examples(a=20, b=20), Tally()
    train, validation, test = three_splits(rows, 0.2, 0.1, 0, test=rows[:3], tally=tally)
    assert test == rows[:3]
    assert validation
    assert len(train) + len(validation) == 37
    assert not {e.texts for e in train} & {e.texts for e in [*validation, *test]}
    assert tally.dropped == 3
