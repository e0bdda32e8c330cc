"""The exported model in use: texts in, labels out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from accel.errors import DataError
from accel.weights import artifact
from accel.weights.meta import artifact_folder, require_labels

BATCH_SIZE = 32
Text = str | Sequence[str]


@dataclass(frozen=True)
class Prediction:
    """One text's answer."""

    text: Text
    label: str
    score: float
    """Probability of the label, in [0, 1]."""
    scores: dict[str, float]


class Predictor:
    """A finished run's model; call it with a list of texts (or pairs)."""

    def __init__(self, model: nn.Module, folder: Path) -> None:
        self.model = model
        self.meta = require_labels(folder)
        self.tokenizer = artifact.tokenizer_of(folder)
        self.input_names = artifact.input_names(folder, self.meta)

    @classmethod
    def load(cls, folder: str | Path) -> Predictor:
        """From a run's folder or its ``model/`` folder.

        Raises:
            DataError: there is no exported model.
        """
        path = artifact_folder(folder)
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
        return {name: found[name] for name in self.input_names}

    @torch.inference_mode()
    def _batch(self, texts: Sequence[Text]) -> Iterator[Prediction]:
        logits = self.model(**self.inputs(texts)).logits
        for text, row in zip(texts, logits.float().softmax(-1), strict=True):
            best = int(row.argmax())
            scores = dict(zip(self.meta.label_names, row.tolist(), strict=True))
            yield Prediction(text, self.meta.label_names[best], float(row[best]), scores)

    def _columns(self, texts: Sequence[Text]) -> list[list[str]]:
        rows = [(text,) if isinstance(text, str) else tuple(text) for text in texts]
        for row in rows:
            if len(row) != self.meta.num_text_columns:
                raise DataError(
                    f"This model was trained on {self.meta.num_text_columns} text column(s), but {row!r} has "
                    f"{len(row)}. Give one string per column, as JSON lists in a .jsonl file for pairs."
                )
        return [list(column) for column in zip(*rows, strict=True)]
