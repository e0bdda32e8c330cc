"""How good explanations by integrated gradients are, and how far compression moves them, on test texts of the demo's run.

pytest -s tests/bench/test_explanation.py                           # runs experiment=quickstart; some minutes more
ACCEL_RUN=outputs/DATE/TIME ACCEL_DENSE=CACHE/baselines/KEY/model ACCEL_TEXTS=50 pytest -s tests/bench/test_explanation.py
"""

import os

import numpy as np

from accel.analysis.explain import checked
from accel.explanation.attribution import Explainer, Reading
from accel.explanation.checks import LEAST_WORDS, Mean
from accel.explanation.verdict import LARGEST_GAP
from accel.inference.predictor import Predictor
from tests.bench.runs import baseline_of, plan_of, run_of

TEXTS = int(os.environ.get("ACCEL_TEXTS", "200"))


def test_explanations(figures, tmp_path):
    run = run_of(["experiment=quickstart", "tracker=none"], tmp_path / "run")
    explainer = Explainer(Predictor.load(run))
    found = list(checked(explainer, drawn(explainer.predictor, plan_of(run)), baseline_of(run), checks=True))
    gaps = np.array([one.relative_gap for one in found if one.relative_gap is not None])
    figures.value("completeness gap, median, percent", 100 * np.median(gaps), "%", rounds=len(gaps))
    figures.value("completeness gap, worst, percent", 100 * gaps.max(), "%", rounds=len(gaps))
    figures.value("texts that miss by more than 1 percent", (gaps > LARGEST_GAP).sum(), "", rounds=len(gaps))
    for name in ("deletion_area", "insertion_area", "random_area", "deletion_gain", "insertion_gain"):
        note(figures, name.replace("_", " "), [getattr(one.curves, name) for one in found])
    note(figures, "rank correlation with random weights", [one.random_weights for one in found])
    note(figures, "overlap of the most important words with the dense model", [one.shift.overlap for one in found])
    note(figures, "rank correlation with the dense model", [one.shift.rank_correlation for one in found])
    assert np.median(gaps) <= LARGEST_GAP
    assert Mean.of([one.curves.deletion_gain for one in found]).interval[0] > 0


def drawn(predictor, plan):
    """Test texts of enough words, by chance."""
    texts = plan.task.load(plan.seed).test.texts
    order = np.random.default_rng(0).permutation(len(texts))
    enough = (texts[n] for n in order if len(Reading.of(predictor, texts[n], by_piece=False).units) >= LEAST_WORDS)
    return [text for text, _ in zip(enough, range(TEXTS), strict=False)]


def note(figures, name, values):
    """A mean over texts, and the ends of its 95 % interval."""
    mean = Mean.of(values)
    figures.value(name, mean.value, "", rounds=mean.texts)
    for end, value in zip(("low", "high"), mean.interval, strict=True):
        figures.value(f"{name}, {end}", value, "", rounds=mean.texts)
