"""Figures as people read them; shared by the terminal, the page and the comparison."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


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


def smaller(after: float, before: float) -> str:
    """4.9x smaller."""
    return f"{before / after:.2f}x smaller" if after and before else ""


def faster(after: float, before: float) -> str:
    """9.8x faster."""
    return f"{before / after:.2f}x faster" if after else ""


def more(after: float, before: float) -> str:
    """8.1x more."""
    return f"{after / before:.2f}x more" if before else ""


@dataclass(frozen=True)
class Row:
    """One line of the before/after table: where the value is, and how it and its change are written."""

    title: str
    part: str
    key: str
    text: Callable[[float], str]
    change: Callable[[float, float], str]


ROWS = (
    Row("accuracy", "metrics", "accuracy", metric_text, points),
    Row("macro F1", "metrics", "macro_f1", metric_text, points),
    Row("loss", "metrics", "loss", metric_text, difference),
    Row("perplexity", "metrics", "perplexity", metric_text, difference),
    Row("bits per byte", "metrics", "bits_per_byte", metric_text, difference),
    Row("parameters", "cost", "num_parameters", count_text, smaller),
    Row("bytes to ship", "cost", "size_bytes", bytes_text, smaller),
    Row("FLOPs/example", "cost", "flops", count_text, smaller),
    Row("latency p50", "cost", "latency_ms_p50", ms_text, faster),
    Row("latency p95", "cost", "latency_ms_p95", ms_text, faster),
    Row("throughput", "cost", "throughput_per_s", rate_text, more),
    Row("greedy decode", "generation", "decode_tokens_per_s", rate_text, more),
    Row("memory growth", "cost", "peak_memory_bytes", bytes_text, bytes_difference),
)


def eager_of(side: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """The side with its cost taken on fp32 eager, the plainest way to run it; None where that was not measured."""
    for cost in (side or {}).get("engines", []):
        if (cost["engine"], cost["dtype"]) == ("eager", "float32"):
            return {**(side or {}), "cost": cost}
    return None


def value_of(side: Mapping[str, Any] | None, row: Row) -> float | None:
    """The row's value on one side of the record."""
    value = ((side or {}).get(row.part) or {}).get(row.key)
    return float(value) if isinstance(value, int | float) else None


def engine_of(side: Mapping[str, Any] | None) -> str:
    """``inductor int8``, or nothing."""
    cost = (side or {}).get("cost") or {}
    return f"{cost['engine']} {cost['dtype']}" if "engine" in cost else ""


def headline(record: Mapping[str, Any]) -> str:
    """The whole result in one sentence, what must be known of it, and what privacy it cost."""
    return " ".join(part for part in (_result_sentence(record), *caveats(record), _privacy_sentence(record)) if part)


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
    accuracy = (after.get("metrics") or {}).get("accuracy")
    before = record.get("before")
    if accuracy is None:
        return f"{record.get('name') or 'The run'}: {record.get('status')}."
    if not before:
        return f"Accuracy {accuracy:.4f} on the test split. {_latency_sentence(after)}".strip()
    found = record.get("measurement") or {}
    was = before["metrics"]["accuracy"]
    text = f"Accuracy {was:.4f} -> {accuracy:.4f} ({points(accuracy, was)})"
    if before.get("model") == "pretrained":
        text = f"Accuracy {accuracy:.4f} ({was:.4f} before any training on this data)"
    if "size_ratio" in found:
        text += f", {found['size_ratio']:.2f}x smaller"
        text += f" and {found['speedup_vs_eager']:.2f}x faster" if "speedup_vs_eager" in found else ""
        text += f" than the dense model in {found.get('size_ratio_over', 'eager float32')}"
    return f"{text}. {found.get('verdict', '')}".strip()


def _latency_sentence(after: Mapping[str, Any]) -> str:
    cost = after.get("cost") or {}
    if "latency_ms_p50" not in cost:
        return ""
    return f"{cost['latency_ms_p50']:.2f} ms at batch 1 on {cost['engine']} {cost['dtype']}."
