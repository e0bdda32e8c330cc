"""One of the nine sets of GLUE, by name: how well a model understands English.

What it does: reads the set's own columns, pairs as two texts, and scores with the benchmark's own metric first: the
    accuracy, for ``cola`` Matthews' correlation, for ``mrpc`` and ``qqp`` the F1 of what is alike, for ``stsb``
    Pearson's and Spearman's correlation. Where the labels of the test split are secret (all but ``mrpc``) the
    validation split is the test split, as in most papers, and validation is split off training. ``mnli`` is scored on
    texts of the kinds that training has, ``mnli_mismatched`` on others.
Use it when: you want figures that can be compared with published ones.
What it costs: one download, of at most some ten MB, into the usual hub cache; later runs work offline. Repeated texts,
    and those of the test split, are taken out of training, and counted; the test split stays as it is.
Composes with: every model and technique.
Off switch: choose another task.
Reference: Wang et al. 2019 (arXiv 1804.07461); data set nyu-mll/glue of the hub, read as Parquet.

    accel task=glue task.name=sst2 model=bert_base
    accel task=glue task.name=mrpc task.folder=copies/glue
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from accel.task._hub_set import CORRELATION, F1, MATTHEWS, HubSet, HubTask

SENTENCES = ("sentence1", "sentence2")
INFERENCE = ("entailment", "neutral", "contradiction")


@dataclass(kw_only=True)
class Glue(HubTask):
    """A set of GLUE."""

    repository: ClassVar[str] = "nyu-mll/glue"
    sets: ClassVar[Mapping[str, HubSet]] = {
        "cola": HubSet(texts=("sentence",), labels=("unacceptable", "acceptable"), by=MATTHEWS),
        "sst2": HubSet(texts=("sentence",), labels=("negative", "positive")),
        "mrpc": HubSet(texts=SENTENCES, labels=("not_equivalent", "equivalent"), by=F1),
        "qqp": HubSet(texts=("question1", "question2"), labels=("not_duplicate", "duplicate"), by=F1),
        "stsb": HubSet(texts=SENTENCES, by=CORRELATION, scale=(2.5, 1.5)),
        "mnli": HubSet(
            texts=("premise", "hypothesis"), labels=INFERENCE, validation="validation_matched", test="test_matched"
        ),
        "mnli_mismatched": HubSet(
            texts=("premise", "hypothesis"), labels=INFERENCE, folder="mnli", validation="validation_mismatched",
            test="test_mismatched",
        ),
        "qnli": HubSet(texts=("question", "sentence"), labels=("entailment", "not_entailment")),
        "rte": HubSet(texts=SENTENCES, labels=("entailment", "not_entailment")),
        "wnli": HubSet(texts=SENTENCES, labels=("not_entailment", "entailment")),
    }  # fmt: skip
