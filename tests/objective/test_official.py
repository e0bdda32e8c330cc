"""Metrics of benchmarks, against scikit-learn and scipy; what they are of is classification and regression."""

import numpy as np
import pytest
import torch
from sklearn.metrics import f1_score, matthews_corrcoef

from accel.core.meta import Meta
from accel.data import Dataset, Split
from accel.data.tokenized import Tokenized
from accel.data.tokens import Ragged
from accel.objective.classification import Classification
from accel.objective.official import F1, Matthews, Similarity, matthews
from accel.objective.registry import objective_of


def data(labels=2, count=61):
    generator = torch.Generator().manual_seed(0)
    true = torch.randint(0, labels, (count,), generator=generator)
    logits = torch.randn(count, labels, generator=generator) + torch.nn.functional.one_hot(true, labels)
    return logits, true


def scored(objective, logits, true, size):
    scores = objective.scores(None)
    for part in torch.arange(len(true)).split(size):
        scores.update(logits[part], true[part])
    return scores.compute().metrics


@pytest.mark.parametrize("size", [61, 4])
def test_the_metrics_are_those_of_scikit_learn(size):
    logits, true = data()
    found = logits.argmax(1)
    f1, mcc = (scored(kind(["no", "yes"]), logits, true, size) for kind in (F1, Matthews))
    assert f1["f1"] == pytest.approx(f1_score(true, found))
    assert mcc["matthews"] == pytest.approx(matthews_corrcoef(true, found))
    assert [m.key for m in F1.metrics] == list(f1)
    assert [m.key for m in Matthews.metrics] == list(mcc)
    logits, true = data(3)
    three = scored(Matthews(["a", "b", "c"]), logits, true, size)
    assert three["matthews"] == pytest.approx(matthews_corrcoef(true, logits.argmax(1)))
    assert matthews(np.array([[5.0, 0.0], [3.0, 0.0]])) == 0.0


def test_the_f1_is_a_ratio_of_sums_over_examples_and_the_correlation_is_none():
    logits, true = data()
    split = Tokenized(Ragged.of([[1]] * len(true)), true.tolist())
    order = np.random.default_rng(0).permutation(len(true))
    objective = F1(["no", "yes"])
    kept = objective.kept(logits[order], true[order], order)
    parts = objective.parts_of_quality(kept, split)
    hits, total = parts.sum(0)
    assert hits / total == pytest.approx(f1_score(true, logits.argmax(1)))
    example = int(order[3])
    assert parts[example].tolist() == [
        2.0 * (int(logits[example].argmax()) == 1 == int(true[example])),
        float(int(logits[example].argmax()) == 1) + int(true[example]),
    ]
    assert Matthews(["no", "yes"]).parts_of_quality(kept, split) is None


def test_guessing_is_scored_the_same_way():
    split = Split([("a",), ("b",), ("c",)], [1, 1, 0])
    dataset = Dataset(split, split, split, ["no", "yes"], "")
    (guess,) = F1(["no", "yes"]).baselines(dataset)
    assert guess["metrics"]["f1"] == pytest.approx(0.8)
    (guess,) = Matthews(["no", "yes"]).baselines(dataset)
    assert guess["metrics"]["matthews"] == 0.0


def test_an_exported_model_is_one_of_classification_or_regression():
    meta = Meta(max_length=8, **F1(["no", "yes"]).artifact_facts())
    assert objective_of(meta) == Classification(["no", "yes"])
    found = objective_of(Meta(max_length=8, **Similarity((), 2.5, 1.5).artifact_facts()))
    assert (found.mean, found.std) == (2.5, 1.5)


def test_similarity_is_scored_by_pearson_first():
    from scipy.stats import pearsonr, spearmanr

    logits, true = torch.randn(2, 40, generator=torch.Generator().manual_seed(1)).double()
    metrics = scored(Similarity((), 2.5, 1.5), logits[:, None], true, 7)
    assert Similarity.metrics[0].key == "pearson"
    assert metrics["pearson"] == pytest.approx(pearsonr(logits, true)[0])
    assert metrics["spearman"] == pytest.approx(spearmanr(logits, true)[0])
