"""One of the sets of CLUE that give a text or a pair one label, by name: how well a model understands Chinese.

What it does: reads the set's own columns, pairs as two texts, and scores with the accuracy, which is the benchmark's
    metric for all of them. ``tnews`` and ``iflytek`` are kinds of news and of apps, ``afqmc`` whether two questions are
    the same, ``csl`` whether keywords belong to an abstract, ``cmnli`` and ``ocnli`` inference. Where the labels of the
    test split are secret the validation split is the test split, as in most papers, and validation is split off
    training.
Use it when: you want figures that can be compared with published ones. The benchmark's sets of reading comprehension
    (``cmrc2018``, ``c3``, ``chid``) and of pronouns are no classification, and are not here.
What it costs: one download, of at most some ten MB, into the usual hub cache; later runs work offline. Repeated texts,
    and those of the test split, are taken out of training, and counted; the test split stays as it is.
Composes with: every model and technique.
Off switch: choose another task.
Reference: Xu et al. 2020 (arXiv 2004.05986); data set clue/clue of the hub, read as Parquet.

    accel task=clue task.name=tnews model=bert_base_chinese
    accel task=clue task.name=afqmc model=e5_small task.folder=copies/clue
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from accel.task._hub_set import HubSet, HubTask

SENTENCES = ("sentence1", "sentence2")
INFERENCE = ("neutral", "entailment", "contradiction")
NEWS = (
    "story", "culture", "entertainment", "sports", "finance", "house", "car", "education", "tech", "military",
    "travel", "world", "stock", "agriculture", "game",
)  # fmt: skip
"""What the benchmark calls 100 to 104, 106 to 110, and 112 to 116."""


@dataclass(kw_only=True)
class Clue(HubTask):
    """A set of CLUE."""

    repository: ClassVar[str] = "clue/clue"
    sets: ClassVar[Mapping[str, HubSet]] = {
        "tnews": HubSet(texts=("sentence",), labels=NEWS),
        "iflytek": HubSet(texts=("sentence",), labels=tuple(map(str, range(119)))),
        "afqmc": HubSet(texts=SENTENCES, labels=("different", "same")),
        "cmnli": HubSet(texts=SENTENCES, labels=INFERENCE),
        "ocnli": HubSet(texts=SENTENCES, labels=INFERENCE),
        "csl": HubSet(texts=("abst", "keyword"), labels=("false", "true")),
    }
