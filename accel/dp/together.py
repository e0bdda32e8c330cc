"""What several private runs on the same data spend together: choosing the best of them is not free.

Reference: Papernot & Steinke 2022 (arXiv 2110.03620) for why; the composition itself is the accountants'.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from accel.dp.ledger import AUDIT, LEDGER, Ledger
from accel.report.record import SWEEP


def spent_in_sweep(folder: Path) -> dict[str, Any] | None:
    """What all jobs of a sweep have spent so far, repeated attempts included; None for a folder that is no sweep's."""
    if not (folder / SWEEP).is_file():
        return None
    return spent_together([*folder.glob(f"*.{LEDGER}"), *folder.glob(f"*/{LEDGER}")])


def spent_together(ledgers: Iterable[Path]) -> dict[str, Any] | None:
    """The epsilon of all runs that have a ledger, whatever became of them; None when there is none.

    The runs are counted as if on the same records, at the largest of their deltas. Guarantees for records and for
    clients do not add up to one of either kind.
    """
    files = [file for file in ledgers if file.is_file()]
    found = [Ledger.read(file) for file in files]
    if not found:
        return None
    from accel.dp.accountant import composed  # Opacus is imported only where something is private

    history = [(run.mechanism.noise_multiplier, run.mechanism.sample_rate, run.charged) for run in found]
    delta = max(run.mechanism.delta for run in found)
    private = not any(run.mechanism.test_mode for run in found) and not any(_refuted(file.parent) for file in files)
    private = private and len({run.mechanism.protects for run in found}) == 1
    return {
        "epsilon": round(composed("prv", history, delta), 6) if private else None,
        "delta": delta,
        "accountant": "prv",
        "runs": len(found),
        "steps": sum(run.charged for run in found),
    }


def _refuted(run: Path) -> bool:
    """Whether the audit of a run has shown that its ledger claims too little."""
    audit = run / AUDIT
    return audit.is_file() and not json.loads(audit.read_text("utf8"))["passed"]
