"""Examples of given lengths, and what their batches take."""

import numpy as np

from accel.data.collate import padded
from accel.data.tokenized import Tokenized
from accel.data.tokens import Ragged

LENGTHS = np.random.default_rng(0).integers(3, 65, size=1003)
BUDGETS = [{"batch_tokens": 512, "batch_size": None}, {"batch_tokens": None, "batch_size": 16}]


def tokenized(lengths):
    rows = Ragged.of([np.full(n, i, dtype=np.int32) for i, n in enumerate(lengths)])
    return Tokenized(rows, [i % 3 for i in range(len(lengths))])


def size(batch, lengths=LENGTHS):
    return len(batch) * padded(int(lengths[batch].max()))
