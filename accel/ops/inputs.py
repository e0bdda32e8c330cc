"""What a network is given besides weights, by name.

It is noted on the network, which its copies keep, so that whoever exports, compares or times it feeds it all that its
task feeds: a graph without ``token_type_ids`` is another model on pairs of texts, and nothing else would say so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import nn

IDS, MASK, TYPES = "input_ids", "attention_mask", "token_type_ids"
DECODER = "decoder_input_ids"
"""What an encoder-decoder has written so far."""
PLAIN = (IDS, MASK)
"""What every network is given."""
IMPORTANCE = "importance"
"""Key of a training batch whose examples do not all count the same: [batch], see ``accel/data/balance.py``; one without
a label counts 0."""
_NOTE = "accel_inputs"


def without_answers(batch: Mapping[str, Any]) -> dict[str, Any]:
    """What of a batch a network is given: neither the labels, nor what an error in them costs."""
    return {name: value for name, value in batch.items() if name not in ("labels", IMPORTANCE)}


def note_inputs(model: nn.Module, names: Sequence[str]) -> nn.Module:
    """The same network, which says from now on that it is given these."""
    setattr(model, _NOTE, tuple(names))
    return model


def inputs_of(model: nn.Module) -> tuple[str, ...]:
    """Their names, in the order in which an exported graph takes them."""
    return getattr(model, _NOTE, PLAIN)
