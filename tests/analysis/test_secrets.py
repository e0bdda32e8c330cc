import io
import json
import math
import random
from statistics import mean

import numpy as np
import pytest
from rich.console import Console

from accel.analysis.secrets import (
    ALPHABETS,
    EXAMPLE,
    MOST_ROWS,
    Exposed,
    Secret,
    exposure,
    memory,
    rank_of,
    read_secrets,
    secrets_table,
    times_planted,
)
from accel.errors import DataError

CARD = Secret(1, "my card number is ", "2812-6501", "digits")


def written(tmp_path, *lines):
    file = tmp_path / "secrets.jsonl"
    file.write_text("\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines))
    return file


def test_the_example_of_the_messages_is_one(tmp_path):
    (found,) = read_secrets(written(tmp_path, "", EXAMPLE))
    assert found == Secret(2, CARD.prefix, CARD.secret, CARD.alphabet)
    assert found.text == "my card number is 2812-6501"


@pytest.mark.parametrize(
    ("lines", "text"),
    [
        ([], "has no line"),
        (["{"], "line 1 is no JSON"),
        ([EXAMPLE, "[1]"], "line 2 must have the texts prefix, secret, alphabet"),
        ([{"prefix": "a", "secret": 12, "alphabet": "digits"}], "must have the texts"),
        ([{"prefix": "a", "secret": "12"}], "must have the texts"),
        ([{"prefix": "a", "secret": "12", "alphabet": "digit"}], "no alphabet 'digit'. Did you mean 'digits'?"),
        ([{"prefix": "a", "secret": "xy", "alphabet": "digits"}], "no character of the alphabet digits"),
        ([{"prefix": "a", "secret": "", "alphabet": "digits"}], "no character of the alphabet digits"),
    ],
)
def test_what_is_no_secret_is_refused(tmp_path, lines, text):
    with pytest.raises(DataError) as error:
        read_secrets(written(tmp_path, *lines))
    assert text in str(error.value)
    assert "secrets.jsonl" in str(error.value)


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(DataError, match="no text file"):
        read_secrets(tmp_path / "nothing.jsonl")
    (tmp_path / "bytes").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match="no text file"):
        read_secrets(tmp_path / "bytes")


@pytest.mark.parametrize(
    ("secret", "alphabet", "count"),
    [
        ("2812-6501", "digits", 10**8),
        ("Ab3", "alphanumeric", 26 * 26 * 10),
        ("Ab3", "letters", 676),
        ("0f", "hex", 256),
    ],
)
def test_others_have_its_shape_and_are_all_different(secret, alphabet, count):
    one = Secret(1, "", secret, alphabet)
    assert one.num_alike() == count
    others = one.alike(200, seed=0)
    assert len({*others, secret}) == 201
    for other in others:
        for own, drawn in zip(secret, other, strict=True):
            (kind,) = [k for k in ALPHABETS[alphabet] if own in k] or [own]
            assert drawn in kind


def test_others_are_drawn_evenly_and_again_by_their_seed():
    assert CARD.alike(50, seed=0) == CARD.alike(50, seed=0) != CARD.alike(50, seed=1)
    digits = "".join(CARD.alike(2000, seed=0)).replace("-", "")
    counts = [digits.count(d) for d in "0123456789"]
    assert max(abs(count - 1600) for count in counts) < 5 * 1600**0.5
    long = Secret(1, "", "0" * 30, "digits")
    assert len(set(long.alike(100, seed=0))) == 100


def test_all_of_a_small_shape_are_ranked_but_a_few_controls():
    pin = Secret(1, "", "42", "digits")
    assert pin.sizes(1024) == (84, 16)
    assert len(pin.alike(84 - 1 + 16, seed=0)) == 99
    assert CARD.sizes(1024) == (1024, 16)
    assert Secret(1, "", "4", "digits").sizes(1024) == (8, 2)


def test_a_secret_that_is_in_no_training_text_is_refused():
    other = Secret(2, "the pin is ", "77", "digits")
    texts = ["so my card number is 2812-6501.", "my card number is 2812-6501", "the pin is 78", "77 the pin is"]
    assert times_planted([CARD], texts) == [2]
    with pytest.raises(DataError, match="line 2 stand in none of the 4 training texts"):
        times_planted([CARD, other], texts)


def test_the_most_is_shown_by_what_is_ranked_first():
    assert exposure(1, 1024) == 10
    assert exposure(1024, 1024) == 0
    assert rank_of(0.5, np.array([1.0, 2.0, 0.1]), random.Random(0)) == 2


def test_who_has_no_opinion_shows_about_one_and_a_half_bits(monkeypatch):
    """All are equally surprising, so chance decides. Negative control: without it every secret is ranked first."""
    rng, others = random.Random(0), np.full(1023, 3.0)
    found = [exposure(rank_of(3.0 + 1e-9, others, rng), 1024) for _ in range(4000)]
    assert mean(found) == pytest.approx(1 / math.log(2), abs=0.1)
    monkeypatch.setattr(rng, "randint", lambda low, high: low)
    assert exposure(rank_of(3.0, others, rng), 1024) == 10


def test_a_mean_of_all_and_a_table_of_the_most_exposed():
    found = [Exposed(n, 1, 1 + n, 64, exposure(1 + n, 64), 1.0 + n % 2, 16, n == 0, n < 2) for n in range(30)]
    one = memory("after", found)
    assert one.exposure == pytest.approx(mean(e.exposure for e in found))
    assert one.exposure_of_controls == pytest.approx(1.5)
    assert one.extracted == 2
    console = Console(width=80, file=io.StringIO(), record=True)
    console.print(secrets_table([one]))
    told = console.export_text()
    assert told.count("line ") == MOST_ROWS
    assert "1 of 64" in told
    assert "2 of 30" in told
