"""Figures as people read them; shared by the terminal, the page and the comparison."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from accel.core.metric import NUMBER, SHARE, Metric, metrics_of, quality_of
from accel.report.behaviour import interval_text

NOISY = 1.3
"""Times that an engine differs from itself; beyond, no comparison of times means anything."""


def bytes_text(value: float) -> str:
    """91.6 MB."""
    return f"{value / 1e6:.1f} MB" if value >= 1e5 else f"{value / 1e3:.1f} kB"


def count_text(value: float) -> str:
    """22.7 M."""
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if value >= size:
            return f"{value / size:.1f} {unit}"
    return f"{value:.0f}"


def metric_text(value: float) -> str:
    """0.8452."""
    return f"{value:.4f}"


def ms_text(value: float) -> str:
    """5.66 ms."""
    return f"{value:.2f} ms"


def rate_text(value: float) -> str:
    """176 /s."""
    return f"{value:.0f} /s"


def points(after: float, before: float) -> str:
    """-0.42 points: a difference of a metric in [0, 1]."""
    return f"{100 * (after - before):+.2f} points"


def difference(after: float, before: float) -> str:
    """+0.0123."""
    return f"{after - before:+.4f}"


def bytes_difference(after: float, before: float) -> str:
    """+57.9 MB."""
    return f"{(after - before) / 1e6:+.1f} MB"


def times(ratio: float, more: str, less: str) -> str:
    """4.90x smaller, 1.20x larger, the same: never a part of one, which people read the wrong way round."""
    share = ratio if ratio >= 1 else 1 / ratio
    return "the same" if f"{share:.2f}" == "1.00" else f"{share:.2f}x {more if ratio >= 1 else less}"


def smaller(after: float, before: float) -> str:
    """4.90x smaller, or 1.20x larger."""
    return times(before / after, "smaller", "larger") if after and before else ""


def faster(after: float, before: float) -> str:
    """9.80x faster, or 1.30x slower."""
    return times(before / after, "faster", "slower") if after and before else ""


def more(after: float, before: float) -> str:
    """8.10x more, or 1.30x less."""
    return times(after / before, "more", "less") if after and before else ""


@dataclass(frozen=True)
class FigureRow:
    """One line of the before/after table: where the value is, and how it and its change are written."""

    title: str
    part: str
    key: str
    text: Callable[[float], str]
    change: Callable[[float, float], str]


CHANGES: Mapping[str, Callable[[float, float], str]] = {SHARE: points, NUMBER: difference}
"""How the change of a metric is said, by its format."""
COSTS = (
    FigureRow("parameters", "cost", "num_parameters", count_text, smaller),
    FigureRow("bytes to ship", "cost", "size_bytes", bytes_text, smaller),
    FigureRow("FLOPs/example", "cost", "flops", count_text, smaller),
    FigureRow("latency p50", "cost", "latency_ms_p50", ms_text, faster),
    FigureRow("latency p95", "cost", "latency_ms_p95", ms_text, faster),
    FigureRow("throughput", "cost", "throughput_per_s", rate_text, more),
    FigureRow("greedy decode", "generation", "decode_tokens_per_s", rate_text, more),
    FigureRow("memory growth", "cost", "peak_memory_bytes", bytes_text, bytes_difference),
)


def rows_of(record: Mapping[str, Any]) -> tuple[FigureRow, ...]:
    """The lines of a record's before/after table: its metrics, then what running the model costs."""
    return (*(row_of(metric) for metric in metrics_of(record)), *COSTS)


def row_of(metric: Metric) -> FigureRow:
    """A metric's line."""
    return FigureRow(metric.title, "metrics", metric.key, metric_text, change_of(metric))


def change_of(metric: Metric) -> Callable[[float, float], str]:
    """How its change is written; a format of a later version is a number."""
    return CHANGES.get(metric.format, difference)


def quality_text(record: Mapping[str, Any]) -> str:
    """``accuracy 0.8452``: what the run reached on the test split; empty where that was not measured."""
    quality = quality_of(record)
    value = value_of(record.get("after"), row_of(quality)) if quality else None
    return "" if quality is None or value is None else f"{quality.title} {metric_text(value)}"


def eager_of(side: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """The side with its cost taken on fp32 eager, the plainest way to run it; None where that was not measured."""
    for cost in (side or {}).get("engines", []):
        if (cost["engine"], cost["dtype"]) == ("eager", "float32"):
            return {**(side or {}), "cost": cost}
    return None


def value_of(side: Mapping[str, Any] | None, row: FigureRow) -> float | None:
    """The row's value on one side of the record."""
    value = ((side or {}).get(row.part) or {}).get(row.key)
    return float(value) if isinstance(value, int | float) else None


def engine_of(side: Mapping[str, Any] | None) -> str:
    """``inductor int8``, or nothing."""
    cost = (side or {}).get("cost") or {}
    return f"{cost['engine']} {cost['dtype']}" if "engine" in cost else ""


def headline(record: Mapping[str, Any]) -> str:
    """The whole result in one sentence, what must be known of it, and what privacy it cost."""
    warnings = (nothing_learned(record), _noise_sentence(record), *caveats(record))
    parts = (_result_sentence(record), *warnings, _privacy_sentence(record))
    return " ".join(part for part in parts if part)


def _noise_sentence(record: Mapping[str, Any]) -> str:
    """A warning where the clock cannot be trusted; empty otherwise."""
    factor = float((record.get("measurement") or {}).get("noise_ratio") or 1.0)
    if 1 / NOISY < factor < NOISY:
        return ""
    return (
        f"THE MACHINE WAS BUSY: the same engine measured twice differed by a factor {max(factor, 1 / factor):.2g}, so "
        f"these times say little. Measure again when it is quiet, with more rounds."
    )


def nothing_learned(record: Mapping[str, Any]) -> str:
    """A warning where the finished model tells no class from another, or not shown to; empty otherwise."""
    classes = (record.get("after") or {}).get("per_class") or []
    support = {one["label"]: one["support"] for one in classes if one["support"]}
    found = {one["label"]: one["recall"] for one in classes if one["recall"] and one["support"]}
    if not support or len(found) > 1 or (found and len(support) < 2):
        return _not_above_guessing(record, support)
    if not found:
        return (
            "IT LEARNED NOTHING: no class is ever found (recall 0 for all of them). Train longer, or check the labels."
        )
    (label,) = found
    low, high = wilson_interval(support[label], sum(support.values()))
    return (
        f"IT LEARNED NOTHING: only {label!r} is ever right (recall 0 for the other {len(support) - 1}); always "
        f"guessing it scores {low:.2f} to {high:.2f} (95 % interval). Train longer, or with another learning rate."
    )


def _not_above_guessing(record: Mapping[str, Any], support: Mapping[str, int]) -> str:
    """Of a run that may be right by chance: too few test examples, or too little training."""
    matrix = (record.get("after") or {}).get("confusion_matrix") or []
    if len(support) < 2 or not matrix:
        return ""
    count, label = sum(support.values()), max(support, key=lambda name: support[name])
    low, high = wilson_interval(sum(row[n] for n, row in enumerate(matrix)), count)
    if support[label] / count < low:
        return ""
    return (
        f"NOT SHOWN TO BE BETTER than always guessing {label!r}, which is right in {support[label] / count:.4f} of all "
        f"cases: it is right in {low:.2f} to {high:.2f} (95 % interval, {count} test examples)."
    )


def wilson_interval(hits: int, count: int, z: float = 1.96) -> tuple[float, float]:
    """Of a share of so many examples (Wilson 1927); 95 % by default."""
    share, spread = hits / count, z * z / count
    middle = (share + spread / 2) / (1 + spread)
    half = z * (share * (1 - share) / count + spread / (4 * count)) ** 0.5 / (1 + spread)
    return max(0.0, middle - half), min(1.0, middle + half)


def caveats(record: Mapping[str, Any]) -> list[str]:
    """What the techniques say that a reader must know."""
    return [t["caveat"] for t in record.get("techniques") or [] if t.get("caveat")]


def _privacy_sentence(record: Mapping[str, Any]) -> str:
    found = record.get("privacy")
    if not found or "private" not in found:
        return ""
    audit = audit_sentence(found["audit"]) if "audit" in found else ""
    if not found["private"]:
        return f"NOT private: {audit or 'test mode or no noise.'}"
    text = f"Private: epsilon {found['epsilon']:.2f} at delta {found['delta']:.1e} for {found['unit'].split(' (')[0]}"
    if found.get("runs_of_sweep_so_far", 1) > 1:
        text += (
            f"; the {found['runs_of_sweep_so_far']} runs of this sweep so far: {found['epsilon_of_sweep_so_far']:.2f}"
        )
    return " ".join(part for part in (f"{text}.", found.get("meaning"), audit) if part)


def audit_sentence(audit: Mapping[str, Any] | None) -> str:
    """What the canaries of a private run show."""
    if audit is None:
        return "Audit: it was asked for and left no result."
    measured = [name for name in MEASURED if not audit[name]["holds"]]
    wrong = "; ".join(
        f"{MEASURED[n]} is {audit[n]['seen']:.4g} where {audit[n]['claimed']:.4g} is claimed" for n in measured
    )
    verdict = "nothing speaks against the claim" if audit["passed"] else f"THE CLAIM DOES NOT HOLD {wrong}".strip()
    return (
        f"Audit: {audit['canaries']} canaries took part by coin, {audit['guessed_right']} of {audit['guessed']} were "
        f"guessed right, so the run leaked at least epsilon {audit['epsilon_lower']:.2f} (one-run bound) or "
        f"{audit['epsilon_lower_fdp']:.2f} (f-DP bound) at {audit['confidence']:.0%} confidence; claimed is "
        f"{audit['epsilon_claimed']:.2f}: {verdict}."
    )


MEASURED = {"noise_multiplier": "noise multiplier", "contribution": "a record's share", "sample_rate": "sample rate"}
"""What an audit measures directly, and its name."""


def _result_sentence(record: Mapping[str, Any]) -> str:
    after = record.get("after") or {}
    quality, reached = quality_of(record), quality_text(record)
    before = record.get("before")
    if quality is None or not reached:
        return f"{record.get('name') or 'The run'}: {record.get('status')}."
    if not before:
        return f"{_capital(reached)} on the test split. {_latency_sentence(after)}".strip()
    found = record.get("measurement") or {}
    text = _capital(_against(record, after["metrics"][quality.key], quality))
    if "size_ratio" in found:
        text += f". Against the dense model in {found.get('size_ratio_over', 'eager float32')}: size "
        text += times(found["size_ratio"], "smaller", "larger")
        if "speedup_vs_eager" in found:
            text += f", latency {times(found['speedup_vs_eager'], 'faster', 'slower')}"
    return f"{text}. {found.get('verdict', '')}".strip()


def _against(record: Mapping[str, Any], value: float, quality: Metric) -> str:
    before = record["before"]
    was = before["metrics"][quality.key]
    if before.get("model") == "pretrained":
        return f"{quality.title} {metric_text(value)} ({metric_text(was)} before any training on this data)"
    change = "; ".join(filter(None, (change_of(quality)(value, was), interval_text(record, quality))))
    return f"{quality.title} {metric_text(was)} -> {metric_text(value)} ({change})"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _latency_sentence(after: Mapping[str, Any]) -> str:
    cost = after.get("cost") or {}
    if "latency_ms_p50" not in cost:
        return ""
    return f"{cost['latency_ms_p50']:.2f} ms at batch 1 on {cost['engine']} {cost['dtype']}."
