"""What predictions are scored by, as an objective states it and the record carries it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

QUALITY = "validation/quality"
"""The first metric on the validation split, as it is logged beside its own name."""
SHARE, NUMBER = "share", "number"
"""Formats: a part of one, whose change is said in points; any other number."""


@dataclass(frozen=True)
class Metric:
    """A figure that says how good predictions are."""

    key: str
    """Its name in the record and on the command line."""
    title: str
    """For people, in lower case where it is no name."""
    higher_is_better: bool = True
    format: str = SHARE
    share_of_right: bool = False
    """Whether it is the share of requests that are answered right: what it lacks to one is the share of errors."""

    @property
    def direction(self) -> str:
        """As searches say it."""
        return "maximize" if self.higher_is_better else "minimize"

    @property
    def best(self) -> str:
        """Of many values: max or min."""
        return "max" if self.higher_is_better else "min"

    @property
    def logged(self) -> str:
        """Its value on the validation split, as metrics.csv and trackers name it."""
        return f"validation/{self.key}"

    def gain(self, value: float) -> float:
        """The value, negated if lower is better: more is better in all of them."""
        return value if self.higher_is_better else -value


LOSS = Metric("loss", "loss", higher_is_better=False, format=NUMBER)
ACCURACY = Metric("accuracy", "accuracy", share_of_right=True)
OF_TOKENS = Metric("accuracy", "accuracy")
"""Of the next token: a request is many tokens, and none of them is an error by itself."""
MACRO_F1 = Metric("macro_f1", "macro F1")
PERPLEXITY = Metric("perplexity", "perplexity", higher_is_better=False, format=NUMBER)
BITS_PER_BYTE = Metric("bits_per_byte", "bits per byte", higher_is_better=False, format=NUMBER)
OF_CLASSES = (ACCURACY, MACRO_F1, LOSS)
F1, MATTHEWS = Metric("f1", "F1"), Metric("matthews", "Matthews correlation")
SPEARMAN, PEARSON = Metric("spearman", "Spearman"), Metric("pearson", "Pearson")
RMSE = Metric("rmse", "RMSE", higher_is_better=False, format=NUMBER)
MAE = Metric("mae", "MAE", higher_is_better=False, format=NUMBER)
BIAS = Metric("bias", "mean error with its sign", higher_is_better=False, format=NUMBER)
R2 = Metric("r2", "R²", format=NUMBER)
OF_F1 = (F1, *OF_CLASSES)
OF_MATTHEWS = (MATTHEWS, *OF_CLASSES)
OF_SIMILARITY = (PEARSON, SPEARMAN, RMSE, MAE, R2, LOSS)
OF_ENTITIES = (
    Metric("entity_f1", "entity F1"),
    Metric("precision", "precision"),
    Metric("recall", "recall"),
    LOSS,
)
OF_RETRIEVAL = (
    Metric("ndcg_at_10", "nDCG@10"),
    Metric("recall_at_1", "recall@1", share_of_right=True),
    Metric("recall_at_10", "recall@10"),
    Metric("mrr", "MRR"),
    LOSS,
)
OF_WRITING = (Metric("rouge_l", "ROUGE-L"), Metric("exact_match", "exact match", share_of_right=True), LOSS)
OF_RECOMMENDATION = (
    Metric("ndcg_at_10", "nDCG@10"),
    Metric("recall_at_10", "recall@10"),
    Metric("hit_at_10", "hit@10"),
    Metric("mrr", "MRR"),
    Metric("coverage", "coverage"),
    LOSS,
)
OF_CHAT = (
    Metric("reply_perplexity", "reply perplexity", higher_is_better=False, format=NUMBER),
    OF_TOKENS,
    LOSS,
)
OF_REPLY_SELECTION = (*OF_CHAT, Metric("recall_at_1_of_10", "recall@1 of 10"))
OF_SPANS = (
    Metric("f1", "F1"),
    Metric("exact_match", "exact match"),
    Metric("answerability", "answerability"),
    LOSS,
)
OF_MASKED = (OF_TOKENS, LOSS, PERPLEXITY)
OF_LANGUAGE = (OF_TOKENS, LOSS, PERPLEXITY, BITS_PER_BYTE)
"""What accel's own objectives are scored by, the quality first; known without torch, so that a plan can be checked."""
BEFORE_THEY_WERE_STATED = (OF_TOKENS, MACRO_F1, LOSS, PERPLEXITY, BITS_PER_BYTE)
"""Records of schema 1 that state no metrics have some of these, in this order."""


def stated(metrics: Iterable[Metric]) -> list[dict[str, Any]]:
    """As the record carries them."""
    return [asdict(metric) for metric in metrics]


def metrics_of(record: Mapping[str, Any]) -> tuple[Metric, ...]:
    """What a record's predictions are scored by, the quality first; nothing where none were scored or stated."""
    own = record.get("metrics")
    if own:
        return tuple(_metric(fields) for fields in own)
    scores = _scores(record)
    return tuple(metric for metric in BEFORE_THEY_WERE_STATED if metric.key in scores)


def _metric(fields: Mapping[str, Any]) -> Metric:
    """Fields that a later version adds are left out."""
    known = {name: fields[name] for name in Metric.__dataclass_fields__ if name in fields}
    return Metric(**{"title": str(fields["key"]), **known})


def _scores(record: Mapping[str, Any]) -> Mapping[str, Any]:
    sides = [record.get("after"), record.get("before"), *(record.get("exports") or [])]
    scored = [side[part] for side in sides if side for part in ("metrics", "validation") if side.get(part)]
    return next(iter(scored), {})


def quality_of(record: Mapping[str, Any]) -> Metric | None:
    """What a run is judged by first; None where the record has no metric."""
    return next(iter(metrics_of(record)), None)


def group_scores_of(record: Mapping[str, Any]) -> tuple[Metric, ...]:
    """By what its groups are compared, the first first: scores that each prediction has by itself, else the quality."""
    own = (record.get("fairness") or {}).get("scores")
    return tuple(_metric(fields) for fields in own) if own else metrics_of(record)[:1]


def every_metric(records: Iterable[Mapping[str, Any]]) -> tuple[Metric, ...]:
    """Of all records, each once: qualities first, else in the order in which they are met."""
    found: Sequence[tuple[Metric, ...]] = [metrics_of(record) for record in records]
    first = [metrics[0] for metrics in found if metrics]
    by_key = {metric.key: metric for metric in reversed([*first, *(m for metrics in found for m in metrics)])}
    order = dict.fromkeys(metric.key for metric in [*first, *(m for metrics in found for m in metrics)])
    return tuple(by_key[key] for key in order)
