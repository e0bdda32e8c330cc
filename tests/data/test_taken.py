"""Interactions and items from files: times, ratings, and what is wrong with its line."""

import pytest

from accel.data.examples import Tally
from accel.data.taken import catalogue_of, groups_of_users, interactions_of
from accel.errors import DataError


def interactions(path, text, tally=None, **more):
    file = path / "taken.csv"
    file.write_text(text)
    named = {"timestamp": None, "rating": None, "min_rating": None} | more
    return interactions_of(str(file), user="user", item="item", **named, tally=tally or Tally())


def catalogue(path, text, tally=None, name=None):
    file = path / "items.csv"
    file.write_text(text)
    return catalogue_of(str(file), item="item", text="text", name=name, tally=tally or Tally())


def test_users_and_items_are_names_whatever_they_look_like(tmp_path):
    found = interactions(tmp_path, "user,item\n 7 ,7.0\nann,B 2\n")
    assert [(row.user, row.item, row.where) for row in found] == [("7", "7", "line 2"), ("ann", "B 2", "line 3")]


@pytest.mark.parametrize(("first", "second"), [("5", "7.5"), ("2026-11-29", "2026-11-29T00:00:02.5+00:00")])
def test_times_are_seconds_or_dates(first, second, tmp_path):
    found = interactions(tmp_path, f"user,item,at\na,b,{first}\na,c,{second}\n", timestamp="at")
    assert found[1].time - found[0].time == 2.5


def test_low_ratings_are_no_interactions(tmp_path):
    tally = Tally()
    text = "user,item,stars\na,b,5\na,c,3\nb,b,4\n"
    found = interactions(tmp_path, text, tally, rating="stars", min_rating=4)
    assert [row.item for row in found] == ["b", "b"]
    assert tally.dropped == 1
    assert "a rating below 4" in tally.notes[0]


def test_items_have_texts_and_names(tmp_path):
    tally = Tally()
    found = catalogue(tmp_path, "item,text,title\n1,A  film,One\n2,A film,Two\n1,A film,One\n", tally, "title")
    assert found.texts == {"1": "A film", "2": "A film"}
    assert found.names == {"1": "One", "2": "Two"}
    assert found.number() == {"1": 0, "2": 1}
    assert "1 items have the text of another one" in tally.notes[0]


WRONG = {
    "no such column": ("user,thing\na,b\n", {}, r"task\.item=item: taken\.csv has no column 'item'"),
    "an empty user": ("user,item\na,b\n,c\n", {}, r"line 3: column 'user' of task\.user is empty"),
    "an empty item": ("user,item\na, \n", {}, r"line 2: column 'item' of task\.item is empty"),
    "a time that is none": ("user,item,at\na,b,1\na,c,soon\n", {"timestamp": "at"}, r"line 3: 'soon' in column 'at'"),
    "no time": ("user,item,at\na,b,\n", {"timestamp": "at"}, "is empty. Fill it in"),
    "an infinite time": ("user,item,at\na,b,inf\n", {"timestamp": "at"}, "is no time"),
    "dates and numbers": (
        "user,item,at\na,b,1\na,c,2026-11-29\n",
        {"timestamp": "at"},
        r"a date \(.*line 3\) and a number \(.*line 2\)",
    ),
    "a rating that is none": (
        "user,item,stars\na,b,good\n",
        {"rating": "stars", "min_rating": 4},
        r"line 2: 'good' in column 'stars' of task\.rating is no finite number",
    ),
    "a rating that is not finite": (
        "user,item,stars\na,b,5\na,c,nan\n",
        {"rating": "stars", "min_rating": 4},
        "line 3: 'nan' .* is no finite number",
    ),
    "ratings out of range": (
        "user,item,stars\na,b,2\na,c,3\n",
        {"rating": "stars", "min_rating": 4},
        r"task\.min_rating=4: no rating in .*taken\.csv is so high; they are 2 to 3",
    ),
}


@pytest.mark.fault("B1")
@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_interaction_is_told_with_its_line(name, tmp_path):
    text, more, message = WRONG[name]
    with pytest.raises(DataError, match=message):
        interactions(tmp_path, text, **more)


WRONG_ITEMS = {
    "no text column": ("item,title\n1,a\n", r"task\.text=text: items\.csv has no column 'text'"),
    "no text": ("item,text\n1,a\n2,\n", r"line 3: column 'text' is empty, and an item without text"),
    "two texts": ("item,text\n1,a\n1,b\n", "line 3: the item '1' has another text than in line 2"),
    "no item": ("item,text\n,a\n", r"line 2: column 'item' of task\.item is empty"),
}


@pytest.mark.parametrize("name", WRONG_ITEMS)
def test_a_wrong_item_is_told_with_its_line(name, tmp_path):
    text, message = WRONG_ITEMS[name]
    with pytest.raises(DataError, match=message):
        catalogue(tmp_path, text)


def test_lists_name_nothing_and_are_no_texts(tmp_path):
    file = tmp_path / "x.jsonl"
    file.write_text('{"user": ["a"], "item": "b", "text": ["c"]}\n')
    with pytest.raises(DataError, match=r"line 1: \['a'\] in column 'user' of task\.user is a list"):
        interactions_of(
            str(file), user="user", item="item", timestamp=None, rating=None, min_rating=None, tally=Tally()
        )
    with pytest.raises(DataError, match="line 1: column 'text' holds a list, not a text"):
        catalogue_of(str(file), item="item", text="text", name=None, tally=Tally())


def test_a_user_is_in_one_group(tmp_path):
    file = tmp_path / "x.csv"
    file.write_text("user,item,country,age\na,1,NL,30\nb,1,,30\na,2,NL,30\n")
    found = groups_of_users(str(file), user="user", columns=["country", "age"])
    assert found == {"a": (("country", "NL"), ("age", "30")), "b": (("country", "(missing)"), ("age", "30"))}
    assert groups_of_users("nowhere.csv", user="user", columns=[]) == {}
    file.write_text("user,item,country\na,1,NL\nb,1,NL\na,2,BE\n")
    with pytest.raises(DataError, match=r"line 4: the user 'a' is in another group of task\.group than in line 2"):
        groups_of_users(str(file), user="user", columns=["country"])


def test_what_nobody_describes_is_told(tmp_path):
    found = interactions(tmp_path, "user,item\na,1\na,2\nb,3\n")
    catalogue(tmp_path, "item,text\n1,a\n2,b\n3,c\n").require(found, "taken.csv")  # negative control
    with pytest.raises(DataError, match=r"taken\.csv, line 3: the item '2' has no text in items\.csv, as 2 items in 2"):
        catalogue(tmp_path, "item,text\n1,a\n").require(found, "taken.csv")
