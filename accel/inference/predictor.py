"""The exported model in use: texts in, labels out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from accel.core.objective import Answering
from accel.errors import DataError
from accel.objective.registry import require
from accel.ops.inputs import MASK
from accel.weights import artifact
from accel.weights.meta import artifact_folder, read_meta

BATCH_SIZE = 32
Text = str | Sequence[str]


@dataclass(frozen=True)
class Prediction:
    """One text's answer; its parts are attributes too: ``prediction.label`` of a classifier."""

    text: Text
    answer: Mapping[str, Any]
    """As the model's objective gives it."""

    def __getattr__(self, name: str) -> Any:
        if name in self.__dict__.get("answer", {}):
            return self.answer[name]
        raise AttributeError(f"the answer has no {name!r}; it has {', '.join(self.__dict__.get('answer', {}))}")


class Predictor:
    """A finished run's model; call it with a list of texts (or pairs).

    Raises:
        DataError: it gives texts no answers.
    """

    def __init__(self, model: nn.Module, folder: Path) -> None:
        self.objective = require(folder, Answering)
        self.model = model
        self.meta = read_meta(folder)
        self.tokenizer = artifact.tokenizer_of(folder)
        self.input_names = artifact.input_names(folder, self.meta)

    @classmethod
    def load(cls, folder: str | Path) -> Predictor:
        """From a run's folder or its ``model/`` folder.

        Raises:
            DataError: there is no exported model.
        """
        path = artifact_folder(folder)
        require(path, Answering)
        return cls(artifact.load_model(path), path)

    def __call__(self, texts: Sequence[Text]) -> list[Prediction]:
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
        columns = self._columns(texts)
        first, second = columns[0], columns[1] if len(columns) == 2 else None
        found = self.tokenizer(
            first, second, padding=True, truncation=True, max_length=self.meta.max_length, return_tensors="pt"
        )
        return {name: found[name] for name in self._made(found)}

    def _made(self, found: Mapping[str, Any]) -> Sequence[str]:
        absent = [name for name in self.input_names if name not in found]
        if absent:
            raise DataError(
                f"This model is given {absent[0]}, which its tokenizer does not make. Copy the folder again, whole."
            )
        return self.input_names

    @torch.inference_mode()
    def _batch(self, texts: Sequence[Text]) -> Iterator[Prediction]:
        inputs = self.inputs(texts)
        logits = self.model(**inputs).logits.float()
        for text, row, mask in zip(texts, logits, inputs[MASK], strict=True):
            yield Prediction(text, self.objective.answer(row, mask))

    def _columns(self, texts: Sequence[Text]) -> list[list[str]]:
        rows = [(text,) if isinstance(text, str) else tuple(text) for text in texts]
        for row in rows:
            if len(row) != self.meta.num_text_columns:
                raise DataError(
                    f"This model was trained on {self.meta.num_text_columns} text column(s), but {row!r} has "
                    f"{len(row)}. Give one string per column, as JSON lists in a .jsonl file for pairs."
                )
        return [list(column) for column in zip(*rows, strict=True)]
