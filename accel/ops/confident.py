"""Confident learning (Northcutt et al. 2021, https://arxiv.org/abs/1911.00068): which labels a model does not believe.

Pure arrays: probabilities of a model that has not seen the example that it answers for.
"""

from __future__ import annotations

import numpy as np

ALMOST = 1e-6
FEWEST = 1
"""Examples of a class of which none is under suspicion: nothing else would be left of it."""


def thresholds(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """How sure the model is of a class on the average, where the class is given; infinite for one that never is."""
    classes = range(probabilities.shape[1])
    found = [probabilities[labels == k, k].mean() if (labels == k).any() else np.inf for k in classes]
    return np.maximum(found, ALMOST)


def confident_joint(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Examples by given class and by the class that the model is sure of, scaled to the given classes' counts.

    An example that is sure of several classes counts for its likeliest; one that is sure of none does not count.
    """
    num_classes = probabilities.shape[1]
    sure = probabilities >= thresholds(probabilities, labels) - ALMOST
    guess = np.where(sure.sum(1) > 1, probabilities.argmax(1), sure.argmax(1))
    counted = sure.any(1)
    joint = np.zeros((num_classes, num_classes), dtype=np.int64)
    np.add.at(joint, (labels[counted], guess[counted]), 1)
    np.fill_diagonal(joint, np.maximum(joint.diagonal(), 1))
    return _rounded(joint / joint.sum(1, keepdims=True) * np.bincount(labels, minlength=num_classes)[:, None])


def _rounded(rows: np.ndarray) -> np.ndarray:
    """Whole numbers with the sums of the rows kept: those that rounding moved furthest are moved back by one."""
    found = rows.round()
    for row, whole in zip(rows, found, strict=True):
        missing = round(row.sum() - whole.sum())
        step = 1 if missing > 0 else -1
        whole[np.argsort(row - whole)[::-step][: abs(missing)]] += step
    return found.astype(np.int64)


def suspects(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Whether each label is likely wrong, bool [examples].

    Of every given class as many as the joint says belong to another, those whose other class is furthest ahead; never
    one whose given class is the likeliest.
    """
    joint = confident_joint(probabilities, labels)
    found = np.zeros(len(labels), dtype=bool)
    given = probabilities[np.arange(len(labels)), labels]
    for label in range(probabilities.shape[1]):
        (mine,) = np.nonzero(labels == label)
        if len(mine) <= FEWEST:
            continue
        for other in np.nonzero(joint[label])[0]:
            if other != label:
                margin = probabilities[mine, other] - given[mine]
                found[mine[np.argsort(-margin, kind="stable")[: joint[label, other]]]] = True
    return found & (probabilities.argmax(1) != labels)
