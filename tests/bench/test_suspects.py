"""Planted errors in the labels of the airline tweets: how many of them stand among as many suspects.

pytest -s tests/bench/test_suspects.py
"""

import numpy as np

from accel.look.suspects import out_of_sample
from accel.ops.confident import suspects
from accel.task._crowdflower import tweets

FLIPPED, SEEDS = 0.1, 3


def airline():
    found = sorted({e.texts[0]: e.label for e in tweets(to_airlines=True, key="task=airline")}.items())
    names = sorted({label for _, label in found})
    return [text for text, _ in found], np.array([names.index(label) for _, label in found]), len(names)


def test_flipped_labels_of_the_airline_tweets(figures):
    texts, labels, classes = airline()
    count = int(FLIPPED * len(labels))
    recalls, flagged, precise = [], [], []
    for seed in range(SEEDS):
        chance = np.random.default_rng(seed)
        wrong = chance.choice(len(labels), count, replace=False)
        given = labels.copy()
        given[wrong] = (labels[wrong] + chance.integers(1, classes, count)) % classes
        judged = out_of_sample(texts, given, classes, seed)
        first = np.argsort(judged[np.arange(len(given)), given], kind="stable")[:count]
        found = suspects(judged, given)
        recalls.append(np.isin(wrong, first).mean())
        flagged.append(found[wrong].mean())
        precise.append(np.isin(np.nonzero(found)[0], wrong).mean())
    figures.median("10 % flipped, recall among as many suspects", recalls, "", roof=1.0)
    figures.median("10 % flipped, recall among all suspects", flagged, "", roof=1.0)
    figures.median("10 % flipped, share of all suspects that are flips", precise, "")
    assert np.mean(recalls) >= 0.6
