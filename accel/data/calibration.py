"""The few texts on which activations are taken: public ones, or training examples."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from accel.data.evaluation_batches import in_order
from accel.data.public_text import public_batches
from accel.ops.inputs import without_answers

if TYPE_CHECKING:
    from torch import Tensor

    from accel.data.prepared import Prepared

NUM_EXAMPLES = 128
"""As in Wanda and SparseGPT; more changes little."""
BATCH_TOKENS = 2048


def calibration_batches(
    data: Prepared, public_text: str | None, key: str, num_examples: int = NUM_EXAMPLES, *, with_labels: bool = False
) -> Iterator[Mapping[str, Tensor]]:
    """A model's inputs, the same in every process and at every time.

    Args:
        public_text: a file or a task; None for training examples, spread over the whole split.
        key: of the setting, for messages.
        num_examples: how many training examples, about.
        with_labels: whether training examples have their labels, which are no input.
    """
    if public_text is not None:
        yield from public_batches(public_text, key, data.tokenizer)
        return
    some = data.train.share(0, max(1, len(data.train) // num_examples))
    for batch in in_order(some, BATCH_TOKENS, data.collator()):
        yield batch if with_labels else without_answers(batch)
