"""Which texts share the most telling words with others: BM25, as search engines rank, without a model. No torch.

Its words are those of texts; where a script puts no spaces between words, one and two characters.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

import numpy as np

from accel.data.script import without_spaces

SATURATION = 1.2
"""k1: how much a word counts that is met again in the same text."""
LENGTHS = 0.75
"""b: how much a long text counts less, from 0 to 1."""
COMMON = 1000
"""A word of more texts tells few of them apart and is left out, so that the time is linear in the queries."""
AT_ONCE = 256
"""Queries that are scored together."""
BUCKETS = 2**22
"""Of words, by their hash."""


def nearest(
    queries: Sequence[str], texts: Sequence[str], excluded: Sequence[Collection[int]], count: int
) -> list[np.ndarray]:
    """For each query the places of the ``count`` best texts, best first; fewer where fewer share a word with it.

    Robertson & Zaragoza 2009 (The Probabilistic Relevance Framework: BM25 and Beyond), with Lucene's idf.

    Args:
        excluded: of each query, the places of texts that are not asked for.
    """
    rows = scored(queries, texts)
    return [_best(*row, list(some), count) for row, some in zip(rows, excluded, strict=True)]


def scored(queries: Sequence[str], texts: Sequence[str]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Of each query: (places of the texts that share a word with it, their scores)."""
    from sklearn.feature_extraction.text import HashingVectorizer

    wide = without_spaces(texts)
    words = HashingVectorizer(
        analyzer="char" if wide else "word",
        ngram_range=(1, 2) if wide else (1, 1),
        token_pattern=None if wide else r"\b\w+\b",  # type: ignore[arg-type] # characters need none
        n_features=BUCKETS,
        alternate_sign=False,
        norm=None,  # type: ignore[arg-type] # counts
    )
    weights = _weights(words.transform(texts)).T.tocsr()
    for start in range(0, len(queries), AT_ONCE):
        found = words.transform(queries[start : start + AT_ONCE]) @ weights
        for begin, end in zip(found.indptr, found.indptr[1:], strict=False):
            yield found.indices[begin:end], found.data[begin:end]


def _weights(counts: Any) -> Any:
    """What a word of a text adds to its score, sparse [texts, words], of how often it stands there."""
    num_texts, lengths = counts.shape[0], np.asarray(counts.sum(axis=1)).ravel()
    texts_with = np.bincount(counts.indices, minlength=counts.shape[1])
    rarity = np.log1p((num_texts - texts_with + 0.5) / (texts_with + 0.5)) * (texts_with <= COMMON)
    long = 1 - LENGTHS + LENGTHS * lengths / max(1.0, lengths.mean())
    of_row = np.repeat(long, np.diff(counts.indptr))
    weighted = counts.copy()
    weighted.data = rarity[counts.indices] * counts.data * (SATURATION + 1) / (counts.data + SATURATION * of_row)
    weighted.eliminate_zeros()
    return weighted


def _best(places: np.ndarray, scores: np.ndarray, excluded: Sequence[int], count: int) -> np.ndarray:
    """The places of the highest scores but the excluded ones; of equal scores the first places."""
    wanted = ~np.isin(places, excluded)
    places, scores = places[wanted], scores[wanted]
    if len(scores) > count:
        worst = np.partition(scores, -count)[-count]
        places, scores = places[scores >= worst], scores[scores >= worst]
    return places[np.lexsort((places, -scores))][:count]
