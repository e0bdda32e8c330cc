"""TF-IDF with logistic regression: what seconds of ordinary statistics learn.

Its terms are words and pairs of words (Salton and Buckley 1988), or one to three characters where a script puts no
spaces between words.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from accel.data.script import without_spaces

if TYPE_CHECKING:
    from sklearn.feature_extraction.text import TfidfVectorizer

MOST_LETTERS = 8_000_000
MOST_WORK = 40_000_000
"""Letters times labels: beyond it, evenly spaced texts are learned from, so that it takes seconds."""
WIDE = 4
"""Terms that a letter begins where words are not spaced, over those of other texts."""
PENALTY = 4.0
"""scikit-learn's C; not tuned, the same for all data."""
MOST_STEPS = 200
FEW = 1000
"""Texts from which on a term that stands in one of them alone is left out."""
DIRECTIONS = 32
LEAST = 1e-12
"""The probability of a label that was never seen."""


@dataclass(frozen=True)
class Answers:
    """What it says of the texts it was asked for."""

    log_probabilities: np.ndarray
    """float64 [texts, labels]."""
    num_texts: int
    """It learned from."""


def tfidf_logistic(
    texts: Sequence[str], labels: Sequence[int], num_labels: int, asked: Sequence[str], *, penalty: float = PENALTY
) -> Answers | None:
    """Learn from labelled texts and answer for others; the same texts give the same answers.

    Args:
        penalty: scikit-learn's C; the smaller, the less is learned of a single text.

    Returns:
        None where the texts have no word in them, or one label only.
    """
    from sklearn.linear_model import LogisticRegression

    wide = without_spaces(texts)
    step = spacing(sum(map(len, texts)) * (WIDE if wide else 1), num_labels)
    texts, labels = texts[::step], labels[::step]
    if len(set(labels)) < 2 or not any(letter.isalnum() for text in texts for letter in text):
        return None
    vectors = _vectorizer(len(texts), wide=wide)
    model = LogisticRegression(C=penalty, max_iter=MOST_STEPS).fit(vectors.fit_transform(texts), labels)
    found = np.full((len(asked), num_labels), LEAST)
    found[:, model.classes_] = model.predict_proba(vectors.transform(asked))
    return Answers(np.log(np.maximum(found, LEAST)), len(texts))


def _vectorizer(count: int, *, wide: bool) -> TfidfVectorizer:
    from sklearn.feature_extraction.text import TfidfVectorizer

    return TfidfVectorizer(
        analyzer="char" if wide else "word",
        ngram_range=(1, 3) if wide else (1, 2),
        token_pattern=None if wide else r"\b\w+\b",  # type: ignore[arg-type] # characters need none
        sublinear_tf=True,
        min_df=2 if count > FEW else 1,
    )


def directions(texts: Sequence[str]) -> np.ndarray:
    """Where each text lies among the others, float64 [texts, at most ``DIRECTIONS``], of length 1 or 0.

    The largest singular directions of the terms (Deerwester et al. 1990); texts without a word lie at 0.
    """
    from sklearn.decomposition import TruncatedSVD

    if not any(letter.isalnum() for text in texts for letter in text):
        return np.zeros((len(texts), 1))
    terms = _vectorizer(len(texts), wide=without_spaces(texts)).fit_transform(texts)
    width = min(DIRECTIONS, terms.shape[1] - 1, len(texts) - 1)
    if width < 1:
        return np.asarray(terms.todense())
    found = TruncatedSVD(width, random_state=0).fit_transform(terms)
    return found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), LEAST)


def spacing(letters: int, num_labels: int) -> int:
    """Of how many texts one is learned from."""
    return max(1, math.ceil(letters / MOST_LETTERS), math.ceil(letters * num_labels / MOST_WORK))
