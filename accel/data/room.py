"""Whether a model has room for a task's texts and a tokenizer's pieces: asked before anything is trained. No torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from accel.errors import DataError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from accel.core.model import Model
    from accel.core.shape import Shape


def check_room(model: Model, tokenizer: PreTrainedTokenizerBase, max_length: int, measured: int) -> None:
    """Compare what the model's configuration says with what it will be given.

    Args:
        max_length: tokens of the longest text, those that a tuning adds included.
        measured: the same of the texts with which it is timed.

    Raises:
        DataError: there are too few positions, or fewer rows in the embedding than pieces.
    """
    shape = shape_of(model)
    if shape is None:
        return
    check_length(shape, max_length, f"model={model.option_name()}")
    if 0 < shape.usable_positions < measured:
        raise DataError(
            f"model={model.option_name()} reads at most {shape.usable_positions} tokens, and models are timed with "
            f"{measured}. Choose a model of at least {measured} positions."
        )
    pieces = max(tokenizer.get_vocab().values(), default=-1) + 1
    if pieces > shape.vocabulary:
        raise DataError(
            f"model={model.option_name()}: its tokenizer has {pieces} tokens, and its embedding {shape.vocabulary} "
            f"rows, so some texts could not be looked up. Copy both from the same model."
        )


def check_length(shape: Shape, max_length: int, what: str) -> None:
    """That the longest text has a position for every token.

    Raises:
        DataError: it has not.
    """
    if 0 < shape.usable_positions < max_length:
        raise DataError(
            f"{what} reads at most {shape.usable_positions} tokens, and the task's texts may have {max_length}. "
            f"Shorten them (task.max_length={shape.usable_positions}, or task.block_length of a language model), or "
            f"choose another model."
        )


def shape_of(model: Model) -> Shape | None:
    """The sizes that the model's configuration states; None where it states too little."""
    try:
        return model.shape()
    except DataError:  # an architecture that names its sizes in its own way
        return None
