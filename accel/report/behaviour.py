"""Predictions one by one, before against after, in words and tables: flips, calibration."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any

from accel.core.metric import SHARE, Metric, quality_of
from accel.report import markup

Record = Mapping[str, Any]
CALIBRATION = {"ece": "calibration error (ECE)", "nll": "negative log-likelihood", "brier": "Brier score"}
"""Keys of the record without their side, and their titles."""
SIDES = {"before": "before", "after": "after", "scaled": "after, at the temperature"}
FLIPS = ("predictions", "changed", "right_to_wrong", "wrong_to_right")
ERRORS = ("wrong_before", "wrong_after")


def interval_text(record: Record, quality: Metric) -> str:
    """``95 % interval -0.90 to +0.10``: of the change of the quality, in its own unit; empty where there is none."""
    found = (record.get("behaviour") or {}).get("difference_interval")
    if not found:
        return ""
    low, high = (f"{100 * end:+.2f}" if quality.format == SHARE else f"{end:+.4f}" for end in found)
    return f"95 % interval {low} to {high}"


def sentences(record: Record) -> Iterator[str]:
    """For the terminal: what changed, and how honest the probabilities are."""
    found = record.get("behaviour") or {}
    told = (_flips_sentence, _moves_sentence, _rankings_sentence, _calibration_sentence)
    yield from filter(None, (sentence(found) for sentence in told))


def _flips_sentence(found: Mapping[str, Any]) -> str:
    if "agreement" not in found:
        return f"Not compared one by one: {found['unpaired']}." if "unpaired" in found else ""
    return (
        f"Changed its mind on {1 - found['agreement']:.2%} of {found['predictions']:,} {found['unit']}: "
        f"{found['right_to_wrong']:,} right -> wrong, {found['wrong_to_right']:,} wrong -> right "
        f"({p_text(found['mcnemar_p'])})."
    )


def p_text(p: float) -> str:
    """``McNemar p 0.034``."""
    return f"McNemar p {p:.2g}" if p >= 1e-4 else "McNemar p < 0.0001"


def _moves_sentence(found: Mapping[str, Any]) -> str:
    if "mean_abs_change" not in found:
        return ""
    return (
        f"Predictions moved by {found['mean_abs_change']:.4g} on average, {found['max_abs_change']:.4g} at most; "
        f"{found['farther_from_truth']:,} of {found['predictions']:,} away from the truth."
    )


def _rankings_sentence(found: Mapping[str, Any]) -> str:
    if "same_first_ten" not in found:
        return ""
    return (
        f"{found['same_first_ten']:.1%} of what is shown first is shown as before; of {found['queries']:,} "
        f"{found['unit']}, {found['lost']:,} no longer find what is right there, and {found['found']:,} do now."
    )


def _calibration_sentence(found: Mapping[str, Any]) -> str:
    if "ece_after" not in found:
        return ""
    was = f"{found['ece_before']:.4f} -> " if "ece_before" in found else ""
    text = f"Calibration error (ECE) {was}{found['ece_after']:.4f}"
    if "ece_scaled" in found:
        would = "would be" if found["ece_scaled"] < found["ece_after"] else "would not be lower, but"
        text += f"; at temperature {found['temperature']:.2f} it {would} {found['ece_scaled']:.4f}"
    return f"{text}."


def change_section(record: Record) -> str:
    """What the finished model decides otherwise than the one before, as HTML."""
    found = record.get("behaviour") or {}
    lines = (sentence(found) for sentence in (_flips_sentence, _moves_sentence, _rankings_sentence))
    told = "".join(f"<p>{escape(line)}</p>" for line in lines if line)
    notes = [_interval_note(record), _loyalty_note(found)]
    told += "".join(f'<p class="note">{escape(note)}</p>' for note in notes if note)
    return told + _flips_table("true class", _by_class(found)) + _flips_table("length", _by_length(found))


def _interval_note(record: Record) -> str:
    quality = quality_of(record)
    if quality is None or not (text := interval_text(record, quality)):
        return ""
    return f"The change of {quality.title} has the {text}, drawing test examples again for both."


def _loyalty_note(found: Mapping[str, Any]) -> str:
    if "probability_loyalty" not in found:
        return ""
    return f"Probability loyalty (1 - Jensen-Shannon distance) {found['probability_loyalty']:.4f}."


def _by_class(found: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    return [(str(part["label"]), part) for part in found.get("by_class") or []]


def _by_length(found: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    return [("{} to {} tokens".format(*part["tokens"]), part) for part in found.get("by_length") or []]


def _flips_table(title: str, parts: Sequence[tuple[str, Mapping[str, Any]]]) -> str:
    header = [title, "predictions", "changed", "right to wrong", "wrong to right", "wrong before", "wrong after"]
    rows = [
        [
            escape(name),
            *(f"{part[key]:,}" for key in FLIPS),
            *(_share(part, key) for key in ("wrong_before", "wrong_after")),
        ]
        for name, part in parts
    ]
    return markup.rows(header, rows)


def _share(part: Mapping[str, Any], key: str) -> str:
    return f"{part[key] / max(1, part['predictions']):.1%}"


MOST_PAIRS = 12
"""Of true and chosen label that are shown, the most frequent first."""


def mistakes_section(record: Record) -> str:
    """Which label is taken for which, and how often, before and after, as HTML."""
    sides = [side for side in ("before", "after") if (record.get(side) or {}).get("confusion_matrix")]
    labels = [str(label) for label in (record.get("data") or {}).get("labels") or []]
    counts = {side: _mistakes(record[side]["confusion_matrix"], labels) for side in sides}
    pairs = sorted(counts.get("after", {}), key=lambda pair: -max(found[pair] for found in counts.values()))
    told = [pair for pair in pairs if any(found[pair] for found in counts.values())][:MOST_PAIRS]
    rows = [[*map(escape, pair), *(f"{counts[side][pair]:,}" for side in sides), *_more(counts, pair)] for pair in told]
    return markup.rows(["true", "taken for", *sides, *(["change"] if len(sides) == 2 else [])], rows)


def _mistakes(matrix: Sequence[Sequence[int]], labels: Sequence[str]) -> dict[tuple[str, str], int]:
    """(true label, chosen label) -> how often, where they differ."""
    rows = zip(labels, matrix, strict=True)
    return {
        (true, chosen): count for true, row in rows for chosen, count in zip(labels, row, strict=True) if chosen != true
    }


def _more(counts: Mapping[str, Mapping[tuple[str, str], int]], pair: tuple[str, str]) -> list[str]:
    if len(counts) < 2:
        return []
    change = counts["after"][pair] - counts["before"][pair]
    return [f'<span class="lost">{change:+,}</span>' if change > 0 else f"{change:+,}"]


def calibration_section(record: Record) -> str:
    """Whether each side is as sure as it is right, as HTML."""
    found = record.get("behaviour") or {}
    sides = {side: title for side, title in SIDES.items() if f"nll_{side}" in found}
    rows = [
        [title, *(f"{found[f'{key}_{side}']:.4f}" if f"{key}_{side}" in found else "" for side in sides)]
        for key, title in CALIBRATION.items()
        if f"{key}_after" in found
    ]
    note = (
        f'<p class="note">The temperature {found["temperature"]:.3f} was fitted on the validation split; '
        f"trainer.calibrate=true stores it with the model, and predict applies it.</p>"
        if "temperature" in found
        else ""
    )
    return markup.rows(["", *sides.values()], rows) + (note if rows else "")
