"""Examples that compression changes, and not chance: all compressed models agree on them, against the dense ones."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from accel.behaviour.decisions import Decisions


def exemplars(before: Sequence[Decisions], after: Sequence[Decisions]) -> tuple[np.ndarray, np.ndarray]:
    """(rows, what more than half of the dense models choose there), where every compressed model chooses one other.

    As Hooker et al. 2020 (arXiv 2010.03058) have compression-identified exemplars, who compare the modal labels of
    thirty models each; of a few, all compressed ones have to agree.

    Args:
        before: the dense models' decisions, paired row by row.
        after: the compressed models'.
    """
    compressed = np.stack([decided.choices for decided in after])
    dense, votes = _mode(np.stack([decided.choices for decided in before]))
    agree = (compressed == compressed[0]).all(0)
    rows = np.flatnonzero(agree & (2 * votes > len(before)) & (dense != compressed[0]))
    return rows, dense[rows]


def _mode(choices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(the most frequent choice, how often it was made), [rows] each, of [models, rows]."""
    votes = (choices[:, :, None] == np.arange(choices.max(initial=0) + 1)).sum(0)
    return votes.argmax(-1), votes.max(-1)
