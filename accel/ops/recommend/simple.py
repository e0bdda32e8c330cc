"""Which simple recommenders are trained beside a network, for data of this size."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from accel.ops.recommend.bpr import bpr
from accel.ops.recommend.counted import DENSE, Recommend, Taken, ease, item_knn, popularity, recent_popularity

MOST_EPOCHS = 100
"""Of BPR, beside a network; the best of them by the validation split counts."""
MOST_PAIRS = 2_000_000
"""Beyond it BPR takes minutes."""


def simple_recommenders(
    taken: Taken, quality: Callable[[Recommend], float], seed: int
) -> Iterator[tuple[str, Recommend]]:
    """(name, recommender), one after the other; those that would take minutes are left out.

    Args:
        quality: of the validation split.
    """
    yield "popularity", popularity(taken)
    if taken.times is not None:
        yield "recent popularity", recent_popularity(taken)
    if taken.num_items <= DENSE:
        yield "item-kNN", item_knn(taken)
        yield "EASE", ease(taken)
    if len(taken.users) <= MOST_PAIRS:
        yield "BPR", bpr(taken, quality, seed=seed, most_epochs=MOST_EPOCHS)
