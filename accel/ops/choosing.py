"""Which texts to label next: those that a model is least sure of, and that differ from each other.

Margin sampling (Scheffer et al. 2001), among clusters (Zhdanov 2019, https://arxiv.org/abs/1901.05954).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from accel.ops.tfidf import directions

CANDIDATES = 10
"""Of so many for each text wanted, the clusters choose."""
MOST = 20_000
"""Texts among which clusters are found where no model says which are doubtful."""


def margins(probabilities: np.ndarray) -> np.ndarray:
    """How far the likeliest label is ahead of the next, in [0, 1]: 0 is a coin."""
    two = np.partition(probabilities, -2, axis=1)[:, -2:]
    return two[:, 1] - two[:, 0]


def worth_labelling(texts: Sequence[str], probabilities: np.ndarray | None, budget: int, seed: int = 0) -> list[int]:
    """Indices of at most ``budget`` texts, the most doubtful first.

    Args:
        probabilities: a model's [texts, labels]; None where nothing is labelled yet: the typical text of each cluster.
    """
    if len(texts) <= budget:
        return list(range(len(texts))) if probabilities is None else np.argsort(margins(probabilities)).tolist()
    chance = np.random.default_rng(seed)
    if probabilities is None:
        among = np.sort(chance.permutation(len(texts))[:MOST])
        doubt = np.zeros(len(texts))
    else:
        doubt = margins(probabilities)
        among = np.argsort(doubt, kind="stable")[: CANDIDATES * budget]
    clusters, distance = _clusters(directions([str(texts[i]) for i in among]), budget, seed)
    by = distance if probabilities is None else doubt[among]
    best = [min(np.nonzero(clusters == c)[0], key=by.__getitem__) for c in np.unique(clusters)]
    chosen = among[best].tolist()
    rest = [int(i) for i in among if i not in set(chosen)][: budget - len(chosen)]  # where clusters are empty
    return sorted([*chosen, *rest], key=lambda i: (doubt[i], i))


def _clusters(points: np.ndarray, count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """The cluster of each point, and how far it is from its middle."""
    import warnings

    from sklearn.cluster import KMeans

    model = KMeans(n_clusters=count, n_init=1, max_iter=20, random_state=seed)  # type: ignore[arg-type] # or "auto"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of fewer distinct points than clusters
        clusters = np.asarray(model.fit_predict(points))
    return clusters, np.linalg.norm(points - model.cluster_centers_[clusters], axis=1)
