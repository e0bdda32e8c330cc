"""Which airline tweets to label next: accuracy over the number of labels, chosen and at random.

pytest -s tests/bench/test_label.py
"""

import numpy as np

from accel.ops.choosing import worth_labelling
from accel.ops.tfidf import tfidf_logistic
from tests.bench.test_suspects import airline

SEEDS, FIRST, STEP, LAST, BEYOND = 3, 100, 100, 500, 2000


def accuracy_of(texts, labels, chosen, test):
    found = tfidf_logistic([texts[i] for i in chosen], labels[chosen].tolist(), 3, [texts[i] for i in test])
    return (found.log_probabilities.argmax(1) == labels[test]).mean()


def active(texts, labels, pool, test, seed):
    """Accuracies by number of labels, where the model so far says which come next."""
    chosen, curve = list(pool[:FIRST]), {}
    while True:
        curve[len(chosen)] = accuracy_of(texts, labels, chosen, test)
        if len(chosen) >= LAST:
            return curve
        taken = set(chosen)
        rest = [i for i in pool if i not in taken]
        learned = labels[chosen].tolist()
        found = tfidf_logistic([texts[i] for i in chosen], learned, 3, [texts[i] for i in rest])
        more = worth_labelling([texts[i] for i in rest], np.exp(found.log_probabilities), STEP, seed)
        chosen += [rest[i] for i in more]


def test_chosen_labels_teach_more_than_random_ones(figures):
    texts, labels, _ = airline()
    curves, randoms, needed = [], [], []
    for seed in range(SEEDS):
        order = np.random.default_rng(seed).permutation(len(texts)).tolist()
        test, pool = order[: len(order) // 5], order[len(order) // 5 :]
        curves.append(active(texts, labels, pool, test, seed))
        sizes = range(FIRST, BEYOND + 1, STEP)
        randoms.append({n: accuracy_of(texts, labels, pool[:n], test) for n in sizes})
        reached = [
            n for n in sizes if np.mean([randoms[-1][m] for m in sizes if n <= m < n + 3 * STEP]) >= curves[-1][LAST]
        ]
        needed.append(min(reached, default=BEYOND))
    for n in range(FIRST + STEP, LAST + 1, STEP):
        figures.median(f"airline tweets, accuracy at {n} labels, chosen", [c[n] for c in curves], "")
        figures.median(f"airline tweets, accuracy at {n} labels, random", [r[n] for r in randoms], "")
    figures.median(f"airline tweets, random labels for the accuracy of {LAST} chosen ones", needed, "labels", roof=LAST)
