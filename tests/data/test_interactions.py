"""Who took what in which order, and that nobody's future is in a history."""

import random

import pytest

from accel.data.examples import Tally
from accel.data.interactions import BETWEEN, NOBODY, Catalogue, Interaction, history_text, in_order, last_one_out
from accel.errors import DataError


def rows(num_users=30, num_items=40, *, timed=True, seed=0):
    order = random.Random(seed)
    return [
        Interaction(f"u{user}", f"i{item}", float(order.randrange(20)) if timed else 0.0)
        for user in range(num_users)
        for item in order.sample(range(num_items), order.randrange(3, 25))
    ]


def catalogue(num_items=40):
    texts = {f"i{n}": f"text of {n}" for n in range(num_items)}
    return Catalogue(texts, {item: f"name {item}" for item in texts})


def split(found, *, timed=True, history=100, pairs_per_user=100, seed=0, tally=None):
    tally = tally or Tally()
    users = in_order(found, seed, tally)
    return users, last_one_out(
        users,
        catalogue(),
        tally,
        history=history,
        pairs_per_user=pairs_per_user,
        source="task.train=x.csv",
        timed=timed,
    )


def told(text):
    """The items of a history, the oldest first."""
    return [name.removeprefix("name ") for name in reversed(text.split(BETWEEN))]


def test_nothing_later_than_an_item_is_in_the_history_that_it_is_foreseen_from():
    interactions = rows()
    time = {(row.user, row.item): row.time for row in interactions}
    users, found = split(interactions)
    names = list(users)
    held = {user: {row.item for row in taken[-2:]} for user, taken in users.items()}
    for (history, text), (user, item) in zip(found.train.texts, found.train.labels, strict=True):
        who, what = names[user], f"i{item}"
        assert text == f"text of {item}"
        assert not {what, *told(history)} & held[who]
        assert max(time[who, earlier] for earlier in told(history)) <= time[who, what]
    for part, back in ((found.validation, 2), (found.test, 1)):
        asked = [(text, label) for (text, _), label in zip(part.texts, part.labels, strict=True) if label[0] != NOBODY]
        assert len(asked) == len(users)
        for history, (user, nobody, coming, before) in asked:
            taken = [row.item for row in users[names[user]]]
            assert (nobody, told(history), coming) == (NOBODY, taken[:-back], [int(taken[-back][1:])])
            assert {f"i{n}" for n in before} == set(taken[:-back])
            assert max(time[names[user], t] for t in taken[:-back]) <= time[names[user], taken[-back]]
    trained = {(names[u], f"i{i}") for u, i in zip(found.users.tolist(), found.items.tolist(), strict=True)}
    assert trained == {(user, row.item) for user, taken in users.items() for row in taken[:-2]}


def test_the_whole_catalogue_is_in_what_is_scored():
    _, found = split(rows())
    for part in (found.validation, found.test):
        items = [(text, label[1]) for (_, text), label in zip(part.texts, part.labels, strict=True) if label[0] < 0]
        assert items == [(f"text of {n}", n) for n in range(40)]


@pytest.mark.parametrize("timed", [True, False])
def test_the_order_of_the_file_does_not_count_and_the_seed_does_where_times_are_equal(timed):
    interactions = rows(timed=timed)
    shuffled = random.Random(1).sample(interactions, len(interactions))
    (users, found), (_, again) = split(interactions, timed=timed), split(shuffled, timed=timed)
    assert found.fingerprint == again.fingerprint
    assert split(interactions, timed=timed, seed=1)[1].fingerprint != found.fingerprint
    assert (found.times is not None) is timed
    if not timed:  # it is neither the item of the first name that comes last nor that of the last one
        places = [sorted(row.item for row in taken).index(taken[-1].item) / len(taken) for taken in users.values()]
        assert 0.2 < sum(places) / len(places) < 0.7


def test_a_user_who_is_added_moves_nobody_elses_items():
    interactions = rows(timed=False)
    users, more = split(interactions)[0], split([*interactions, Interaction("new", "i1")])[0]
    assert all(more[user] == taken for user, taken in users.items())


def test_only_the_latest_items_are_read_and_foreseen():
    interactions = [Interaction("u", f"i{n}", n) for n in range(10)]
    _, found = split(interactions, history=2, pairs_per_user=3)
    assert found.train.texts == [
        ("name i4; name i3", "text of 5"),
        ("name i5; name i4", "text of 6"),
        ("name i6; name i5", "text of 7"),
    ]
    assert found.test.texts[0] == ("name i8; name i7", "")
    assert history_text(["a", "b", "c"], 2) == "c; b"


def test_repeated_interactions_count_once_and_short_users_only_teach():
    tally = Tally()
    interactions = [
        *rows(5),
        Interaction("short", "i1", 1.0),
        Interaction("short", "i2", 2.0),
        Interaction("one", "i3"),
    ]
    users, found = split([*interactions, Interaction("short", "i1", 3.0)], tally=tally)
    assert found.duplicates == 1
    assert "1 repeated interactions" in " ".join(found.notes)
    assert "2 users with fewer than 3 items" in " ".join(found.notes)
    assert [row.item for row in users["short"]] == ["i1", "i2"]
    number = list(users).index("short")
    assert ("name i1", "text of 2") in found.train.texts
    assert not [label for label in found.test.labels if label[0] == number]
    assert number in found.users


def test_nobody_with_enough_items_is_told():
    with pytest.raises(DataError, match="none of the 2 users has 3 different items .the most are 2."):
        split([Interaction("a", "i1"), Interaction("a", "i2"), Interaction("b", "i1")])
