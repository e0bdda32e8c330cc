"""The exported model in use: texts in, labels out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

import torch
from torch import Tensor, nn

from accel.core.objective import Answering
from accel.data.windows import in_windows
from accel.errors import DataError
from accel.inference.columns import text_columns_of
from accel.inference.texts import Prediction, Text, Texts
from accel.objective.registry import require
from accel.objective.spans import InWindows
from accel.ops.inputs import MASK
from accel.weights import artifact
from accel.weights.meta import artifact_folder, read_meta

if TYPE_CHECKING:
    from tokenizers import Encoding

BATCH_SIZE = 32


class Predictor:
    """A finished run's model; call it with a text, or a list of texts (or pairs).

    Raises:
        DataError: it gives texts no answers.
    """

    def __init__(self, model: nn.Module, folder: Path) -> None:
        objective = require(folder, Answering)
        self.model = model
        self.meta = read_meta(folder)
        self.tokenizer = artifact.tokenizer_of(folder)
        self.objective = objective.reading(self.tokenizer)
        known = artifact.input_names(folder, self.meta)
        self.input_names = [name for name in known if name not in objective.more_inputs]
        count = self.meta.num_text_columns
        self.texts = Texts(tuple(text_columns_of(folder)[:count]), count)

    @classmethod
    def load(cls, folder: str | Path) -> Predictor:
        """From a run's folder or its ``model/`` folder.

        Raises:
            DataError: there is no exported model.
        """
        path = artifact_folder(folder)
        require(path, Answering)
        return cls(artifact.load_model(path), path)

    @overload
    def __call__(self, texts: str | Mapping[str, str]) -> Prediction: ...  # type: ignore[overload-overlap] - a text is a sequence of texts
    @overload
    def __call__(self, texts: Sequence[Text]) -> list[Prediction]: ...
    def __call__(self, texts: Any) -> Prediction | list[Prediction]:
        """One answer for one text, or for a pair as a dictionary; a list of answers for a list.

        Raises:
            DataError: this is neither.
        """
        if isinstance(texts, str | Mapping):
            return next(self.stream([texts]))
        if not isinstance(texts, list | tuple):
            raise DataError(
                f"A {type(texts).__name__} is neither a text nor a list of texts. Give 'a text', or list(…) of texts."
            )
        return list(self.stream(texts))

    def stream(self, texts: Sequence[Text]) -> Iterator[Prediction]:
        """Predictions one by one, computed in batches.

        Raises:
            DataError: a text has another number of columns than the model was trained on.
        """
        for start in range(0, len(texts), BATCH_SIZE):
            yield from self._batch(texts[start : start + BATCH_SIZE])

    def inputs(self, texts: Sequence[Text]) -> dict[str, Tensor]:
        """What the model is given for these texts, [texts, tokens] each."""
        found = self.encoded(texts)
        return {name: found[name] for name in self._made(found)}

    def encoded(self, texts: Sequence[Text]) -> Any:
        """Everything that the tokenizer makes of them; where tokens stand in the text, if it can tell."""
        first, *second = ([self.objective.spelled(text) for text in column] for column in self.texts.by_column(texts))
        return self.tokenizer(
            first,
            second[0] if second else None,
            padding=True,
            truncation=True,
            max_length=self.meta.max_length,
            return_tensors="pt",
            return_offsets_mapping=bool(self.tokenizer.is_fast),
        )

    def _made(self, found: Mapping[str, Any]) -> Sequence[str]:
        absent = [name for name in self.input_names if name not in found]
        if absent:
            raise DataError(
                f"This model is given {absent[0]}, which its tokenizer does not make. Copy the folder again, whole."
            )
        return self.input_names

    @torch.inference_mode()
    def _batch(self, texts: Sequence[Text]) -> Iterator[Prediction]:
        if isinstance(self.objective, InWindows):
            yield from self._in_windows(self.objective, texts)
            return
        encoded = self.encoded(texts)
        inputs = {name: encoded[name] for name in self._made(encoded)}
        logits = self.objective.outputs(self.model, inputs, self.meta.temperature)
        offsets = encoded["offset_mapping"].tolist() if "offset_mapping" in encoded else [[]] * len(texts)
        read = zip(*self.texts.by_column(texts), strict=True)
        cut = [bool(one.overflowing) for one in encoded.encodings or ()] or [False] * len(texts)
        parts = zip(texts, read, logits, inputs[MASK], offsets, cut, strict=True)
        for text, strings, row, mask, where, is_cut in parts:
            yield Prediction(text, self.objective.answer_to(strings, row, mask, where), is_cut)

    def _in_windows(self, objective: InWindows, texts: Sequence[Text]) -> Iterator[Prediction]:
        pairs = list(zip(*self.texts.by_column(texts), strict=True))
        backend: Any = self.tokenizer.backend_tokenizer
        found = in_windows(backend, pairs, self.meta.max_length, objective.stride)
        for text, pair, read in zip(texts, pairs, found, strict=True):
            parts = [self._padded(read.parts[n : n + BATCH_SIZE]) for n in range(0, len(read.parts), BATCH_SIZE)]
            rows = [row for inputs in parts for row in self.model(**inputs).logits.float() / self.meta.temperature]
            answer = objective.answer_in_windows(pair, [row.numpy() for row in rows], read.windows)
            yield Prediction(text, answer, read.is_cut)

    def _padded(self, parts: Sequence[Encoding]) -> dict[str, Tensor]:
        """The inputs of some windows."""
        made = {"input_ids": [part.ids for part in parts], "token_type_ids": [part.type_ids for part in parts]}
        found = self.tokenizer.pad(made, return_tensors="pt")
        return {name: found[name] for name in self._made(found)}
