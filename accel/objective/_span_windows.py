"""Questions and contexts as rows of tokens: an example is as many rows as its context has windows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from accel.data.tokenized import TOKENIZE_AT_ONCE, Example
from accel.data.tokens import Encoded, Ragged
from accel.data.windows import NO_ANSWER, Characters, Window, in_windows, place_of, unmarked
from accel.errors import DataError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from accel.data import Split


def encoded_in_windows(
    split: Split, tokenizer: PreTrainedTokenizerBase, max_length: int, stride: int, longest: int
) -> Encoded:
    """The windows of each example one after the other; ``targets`` are two numbers for each token, its characters.

    Truncated is an example whose question is cut, or none of whose answers can be found: each is longer than
    ``longest``, or whole in no window.
    """
    ids: list[np.ndarray] = []
    types: list[np.ndarray] = []
    marks: list[np.ndarray] = []
    cut = 0
    for start in range(0, len(split), TOKENIZE_AT_ONCE):
        some = slice(start, start + TOKENIZE_AT_ONCE)
        texts, labels = split.texts[some], split.labels[some]
        found = in_windows(_backend(tokenizer), texts, max_length, stride)
        for read, right in zip(found, labels, strict=True):
            windows = read.windows
            ids.append(np.concatenate([part.ids for part in read.parts]))
            types.append(np.concatenate([part.type_ids for part in read.parts]))
            marks.append(np.concatenate([w.marked(len(p)).ravel() for w, p in zip(windows, read.parts, strict=True)]))
            cut += read.is_cut or (bool(right) and not _can_be_found(right, windows, stride, longest))
    has_types = "token_type_ids" in tokenizer.model_input_names
    return Encoded(Ragged.of(ids), Ragged.of(types) if has_types else None, cut, Ragged.of(marks))


def rows_of_windows(examples: Sequence[Example], stride: int) -> list[Example]:
    """A row for each window; its ``label`` is the example, where its context begins and ends, and the answer too."""
    found = []
    for example in examples:
        parts = unmarked(example["targets"].reshape(-1, 2))
        windows = [window for _, window in parts]
        places = _places(example["label"], windows, stride) or [None] * len(windows)
        for (some, window), place in zip(parts, places, strict=True):
            found.append(
                {
                    **{name: example[name][some] for name in ("input_ids", "token_type_ids") if name in example},
                    "label": (example["index"], window.first, window.last, *(place or (NO_ANSWER, NO_ANSWER))),
                }
            )
    return found


def _backend(tokenizer: PreTrainedTokenizerBase) -> Any:
    """The library's own, which tells where tokens stand."""
    found = getattr(tokenizer, "backend_tokenizer", None)
    if found is None:
        raise DataError(
            f"A {type(tokenizer).__name__} does not say where in a text its tokens stand, and answers are parts of a "
            f"text. Choose a model with a fast tokenizer (tokenizer.json)."
        )
    return found


def _can_be_found(right: Sequence[Characters], windows: Sequence[Window], stride: int, longest: int) -> bool:
    """Whether some answer is whole in a window, and no longer than answers may be."""
    each = (place for begin, end in right for place in place_of((begin, end), windows, stride))
    return any(place is not None and place[1] - place[0] < longest for place in each)


def _places(right: Sequence[Characters], windows: Sequence[Window], stride: int) -> list[Characters | None]:
    """Of each window, where the first right answer stands that is whole in it."""
    each = [place_of((begin, end), windows, stride) for begin, end in right]
    return [next((p for p in places if p is not None), None) for places in zip(*each, strict=True)]
