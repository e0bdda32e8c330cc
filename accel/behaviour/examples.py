"""Which texts say most about a model: those it changed its mind about, and those it is surely wrong about."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from accel.behaviour.decisions import Decisions

SHOWN = 20
"""Of each kind."""


def telling(
    texts: Sequence[Sequence[str]], labels: Sequence[str], before: Decisions | None, after: Decisions
) -> dict[str, list[dict[str, Any]]]:
    """``flips`` by the largest margin and ``mistakes`` by confidence; nothing where a text has several decisions."""
    if not np.array_equal(after.examples, np.arange(len(texts))) or after.log_odds is None:
        return {}
    flips = [] if before is None or before.log_odds is None else _flips(before, after)
    wrong = np.flatnonzero(~after.hits)
    surest = wrong[np.argsort(-after.confidences[wrong], kind="stable")][:SHOWN].tolist()

    def told(row: int) -> dict[str, Any]:
        sides = {"before": before, "after": after} if before is not None else {"after": after}
        said = {side: _said(decided, row, labels) for side, decided in sides.items()}
        return {"text": list(texts[row]), "true": labels[int(after.truths[row])], **said}

    return {"flips": [told(row) for row in flips], "mistakes": [told(row) for row in surest]}


def _flips(before: Decisions, after: Decisions) -> list[int]:
    """By how far the log-odds of the new choice against the old one moved."""
    assert before.log_odds is not None
    assert after.log_odds is not None
    rows = np.flatnonzero(before.choices != after.choices)
    new, old = after.choices[rows], before.choices[rows]
    moved = (after.log_odds[rows, new] - after.log_odds[rows, old]) + (
        before.log_odds[rows, old] - before.log_odds[rows, new]
    )
    return rows[np.argsort(-moved, kind="stable")][:SHOWN].tolist()


def _said(decided: Decisions, row: int, labels: Sequence[str]) -> dict[str, Any]:
    return {"label": labels[int(decided.choices[row])], "confidence": round(float(decided.confidences[row]), 4)}
