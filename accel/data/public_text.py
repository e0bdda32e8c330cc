"""Texts that everybody may know: a user's file, or the training texts of a task with public data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from accel.data.lines import suffix_of, text_lines
from accel.data.read_table import READERS, read_table
from accel.data.spelling import mended
from accel.errors import DataError, did_you_mean

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedTokenizerBase

NUM_TEXTS = 512
"""Enough for means over hundreds of channels; more changes nothing."""
MAX_TOKENS = 64
BATCH_SIZE = 32


def public_texts(name: str, key: str, *, limit: int | None = NUM_TEXTS) -> list[str]:
    """The first texts of a file with one text per line, or of a task; all of them without a limit.

    Raises:
        DataError: there is neither, or nothing in it.
    """
    file = Path(name).expanduser()
    if file.is_file():
        found = [mended(text) for text in map(str.strip, _of_file(file, key)) if text]
    else:
        found = _of_task(name, key)
    if not found:
        raise DataError(f"{key}={name} holds no text: give a file with one text per line.")
    return found[:limit]


def _of_file(file: Path, key: str) -> Iterator[str]:
    """A text per line; of a table the column ``text``."""
    if suffix_of(file) not in READERS:
        yield from text_lines(file)
        return
    table = read_table(str(file), key, columns=["text"])
    yield from ("" if value is None else str(value) for value in table.column("text", key))


def _of_task(name: str, key: str) -> list[str]:
    from accel.config.build import build
    from accel.config.compose import compose, options_of
    from accel.core.task import Task

    if name not in options_of("task"):
        raise DataError(f"{key}={name} is neither a file nor a task. {did_you_mean(name, options_of('task'))}")
    task = build(compose([f"task={name}"]).task, Task, "task")
    return [" ".join(texts) for texts in task.load(0).train.texts]


def public_batches(name: str, key: str, tokenizer: PreTrainedTokenizerBase) -> Iterator[Mapping[str, Tensor]]:
    """The texts as a model's inputs."""
    texts = public_texts(name, key)
    for start in range(0, len(texts), BATCH_SIZE):
        part = texts[start : start + BATCH_SIZE]
        yield dict(tokenizer(part, padding=True, truncation=True, max_length=MAX_TOKENS, return_tensors="pt"))  # type: ignore[arg-type]
