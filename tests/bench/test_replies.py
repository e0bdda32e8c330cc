"""How often the reply that was given is found among others, before and after the compression of customer_service.

pytest -s tests/bench/test_replies.py                           # runs experiment=customer_service first
ACCEL_RUN=outputs/DATE/TIME ACCEL_DENSE=CACHE/baselines/KEY/model pytest -s tests/bench/test_replies.py

Of each message of the test split the reply stands among 99, or 19, that were given to other messages, drawn at random;
five draws. Beside it: TF-IDF of words, whose rarity is learned from the training split, by the cosine.
"""

import numpy as np
import pytest
from scipy.stats import bootstrap
from sklearn.feature_extraction.text import TfidfVectorizer

from accel.inference.predictor import Predictor
from accel.inference.search import vectors_of
from accel.objective._rankings import by_words as ranked_by_words
from accel.report.record import read_record
from tests.bench.runs import baseline_of, plan_of, run_of

DRAWS = 5
EQUAL = 1e-6
CANDIDATES = (20, 100)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return run_of(["experiment=customer_service", "tracker=none"], tmp_path_factory.mktemp("replies") / "run")


@pytest.fixture(scope="module")
def data(run):
    plan = plan_of(run)
    return plan.task.load(plan.seed)


def drawn(labels, number, seed):
    """[pairs, number - 1]: for each pair other pairs whose passage is right in none of its query's."""
    labels, source = np.array(labels), np.random.default_rng(seed)
    right = {}
    for query, passage in labels.tolist():
        right.setdefault(query, set()).add(passage)
    rows = []
    for query, _ in labels.tolist():
        allowed = np.array([passage not in right[query] and passage != query for passage in labels[:, 1].tolist()])
        rows.append(source.choice(np.flatnonzero(allowed), number - 1, replace=False))
    return np.array(rows)


def found(near, others):
    """[pairs]: 1 where the pair's own passage is nearest of some; a share of it among equally near ones.

    Args:
        near: [pairs, pairs], of each query to each passage.
    """
    own, rest = np.diag(near)[:, None], np.take_along_axis(near, others, axis=1)
    return ((rest > own + EQUAL).sum(1) == 0) / (1 + (np.abs(rest - own) <= EQUAL).sum(1))


def by_words(data):
    words = TfidfVectorizer(sublinear_tf=True).fit(text for pair in data.train.texts for text in pair)
    queries, passages = (words.transform(side) for side in zip(*data.test.texts, strict=True))
    return (queries @ passages.T).toarray()


def by_vectors(folder, data):
    predictor = Predictor.load(folder)
    queries, passages = (vectors_of(predictor, list(side), str(folder)) for side in zip(*data.test.texts, strict=True))
    return queries @ passages.T


def test_the_reply_is_found_among_others(run, data, figures):
    near = {"TF-IDF": by_words(data), "dense": by_vectors(baseline_of(run), data), "after": by_vectors(run, data)}
    for number in CANDIDATES:
        others = [drawn(data.test.labels, number, draw) for draw in range(DRAWS)]
        hits = {name: np.mean([found(scores, some) for some in others], axis=0) for name, scores in near.items()}
        for name, values in hits.items():
            figures.value(f"found first of {number}, {name}", values.mean(), "", rounds=len(values))
        kept = bootstrap((hits["after"], hits["dense"]), lambda a, d: a.mean() / d.mean(), paired=True, n_resamples=999)
        figures.value(f"kept of the dense model's, first of {number}", hits["after"].mean() / hits["dense"].mean(), "")
        figures.value(f"kept of the dense model's, first of {number}, low", kept.confidence_interval.low, "")
        figures.value(f"kept of the dense model's, first of {number}, high", kept.confidence_interval.high, "")
        assert hits["dense"].mean() > hits["TF-IDF"].mean() > 1 / number


def test_all_replies_are_ranked(run, data, figures):
    record = read_record(run)
    words = ranked_by_words(data.test.texts, data.test.labels).metrics
    reached = {side: record[side]["metrics"] for side in ("before", "after")} | {"BM25": words}
    for side, metrics in reached.items():
        figures.value(f"ndcg_at_10, {side}", metrics["ndcg_at_10"], "", rounds=record["data"]["ranked"]["queries"])
    assert min(metrics["ndcg_at_10"] for metrics in reached.values()) == words["ndcg_at_10"]


def test_it_is_smaller_and_faster(run, figures):
    record = read_record(run)
    eager = next(cost for cost in record["before"]["engines"] if cost["engine"] == "eager")
    after = record["after"]["cost"]
    for side, cost in {"dense, eager": eager, "dense, best engine": record["before"]["cost"], "after": after}.items():
        figures.value(f"bytes to ship, {side}", cost["size_bytes"] / 1e6, "MB")
        figures.value(f"latency p50, {side}", cost["latency_ms_p50"], "ms")
    figures.value("times smaller", eager["size_bytes"] / after["size_bytes"], "x")
    figures.value("times faster", eager["latency_ms_p50"] / after["latency_ms_p50"], "x")
    figures.value("times faster than the best dense", record["measurement"]["speedup_vs_best_dense"], "x")
    assert after["latency_ms_p50"] < eager["latency_ms_p50"]
