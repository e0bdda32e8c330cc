"""What reading nothing and simple models reach on the test split, and what follows where the run is not above them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from accel.core.metric import Metric, metrics_of, quality_of
from accel.report.figures import metric_text

SIMPLE = {"tfidf_logistic": "TF-IDF with logistic regression"}
"""Names of the record, for people; others are as they stand."""
OF_WHAT = {"tfidf_logistic": "texts", "BM25": "passages"}
"""What a simple model was made of."""


def beside(record: Mapping[str, Any]) -> list[str]:
    """A sentence for each."""
    return [
        f"{_how(guess)}: {_figures(metrics_of(record), guess['metrics'])}." for guess in record.get("baselines") or []
    ]


def advice(record: Mapping[str, Any]) -> list[str]:
    """Where the finished model is not shown to be better than a simple one: which of them to ship."""
    quality = quality_of(record)
    if quality is None:
        return []
    return [*_not_above_simple(record, quality), *_not_above_reading_nothing(record, quality)]


def _not_above_simple(record: Mapping[str, Any], quality: Metric) -> Iterator[str]:
    """One sentence, of the best of them."""
    found = [guess for guess in record.get("baselines") or [] if (guess.get("difference_interval") or (1.0,))[0] <= 0]
    if not found:
        return
    best, *others = sorted(found, key=lambda guess: -quality.gain(guess["metrics"][quality.key]))
    low, high = best["difference_interval"]
    nor = "".join(f", nor than {_simple(guess)} ({guess['difference']:+.4f})" for guess in others)
    yield (
        f"NOT SHOWN TO BE BETTER than {_simple(best)}: {quality.title} {best['difference']:+.4f}, 95 % interval "
        f"{low:+.4f} to {high:+.4f}{nor}. That one costs next to nothing to run: ship it (accel help look), or train "
        f"longer or on more examples."
    )


def _not_above_reading_nothing(record: Mapping[str, Any], quality: Metric) -> Iterator[str]:
    """Of figures alone, as what reads nothing has no interval; of classes the headline says it, with one."""
    after = record.get("after") or {}
    reached = (after.get("metrics") or {}).get(quality.key)
    if reached is None or after.get("confusion_matrix"):
        return
    for guess in record.get("baselines") or []:
        value = guess["metrics"].get(quality.key) if "trained_on" not in guess else None
        if value is not None and quality.gain(reached) <= quality.gain(value):
            yield (
                f"NOT BETTER than {guess['name']}, which reads nothing: {quality.title} {metric_text(reached)} against "
                f"{metric_text(value)}. Train longer, or with another learning rate; or the texts do not tell it."
            )


def _how(guess: Mapping[str, Any]) -> str:
    if "trained_on" not in guess:
        return f"Without a model, {guess['name']}"
    what = OF_WHAT.get(guess["name"], "examples")
    return f"{_simple(guess)}, {guess['seconds']:.1f} s for {guess['trained_on']:,} {what}"


def _simple(guess: Mapping[str, Any]) -> str:
    name = str(guess["name"])
    return SIMPLE.get(name, name)


def _figures(metrics: Iterable[Metric], values: Mapping[str, float]) -> str:
    return ", ".join(f"{metric.title} {metric_text(values[metric.key])}" for metric in metrics if metric.key in values)
