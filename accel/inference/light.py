"""The exported model in use without torch: its ONNX file, where that is the model, answers sooner."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from accel.core.checksums import is_as_written
from accel.data.windows import in_windows
from accel.engines.onnxruntime import ONNX, ONNX_INT8
from accel.export.formats import Format
from accel.inference.columns import text_columns_of
from accel.inference.texts import Prediction, Text, Texts
from accel.objective.answers import ANSWERS, WindowAnswers
from accel.report.record import read_record
from accel.weights.meta import WEIGHTS, is_quantized, read_meta, small_files

if TYPE_CHECKING:
    from tokenizers import Encoding, Tokenizer

    from accel.core.meta import Meta
    from accel.inference.predictor import Predictor

TOKENIZER = "tokenizer.json"
MADE = {"input_ids": "ids", "attention_mask": "attention_mask", "token_type_ids": "type_ids"}
"""Inputs that tokenizers makes, by its own names."""
ROUNDED_ALIKE = "int8"
"""The scheme whose own file computes what the model does, but for activations on the edge of a step."""


class LightPredictor:
    """As ``Predictor``, text by text, so that nothing is padded."""

    def __init__(self, folder: Path, meta: Meta, engine: Any, tokenizer: Tokenizer) -> None:
        self.meta, self.engine, self.tokenizer = meta, engine, tokenizer
        self.answers = ANSWERS[meta.objective].of(meta)
        count = meta.num_text_columns
        self.texts = Texts(tuple(text_columns_of(folder)[:count]), count)

    @classmethod
    def find(cls, folder: Path) -> LightPredictor | None:
        """Of a model's folder; None where only torch can tell what the model answers, or why it does not."""
        meta = read_meta(folder)
        known = meta.objective in ANSWERS and meta.inputs and set(meta.inputs) <= set(MADE)
        if not known or not all(map(find_spec, ("onnxruntime", "tokenizers"))):
            return None
        if not is_as_written(folder, [WEIGHTS, *small_files(folder)]):
            return None
        format = _own_format(folder, meta)
        if format is None or not is_as_written(folder, format.files):
            return None
        engine, tokenizer = format.load_if_possible(folder), _tokenizer(folder, meta.max_length)
        return cls(folder, meta, engine, tokenizer) if engine is not None and tokenizer is not None else None

    def stream(self, texts: Sequence[Text]) -> Iterator[Prediction]:
        """Predictions one by one.

        Raises:
            DataError: a text has another number of columns than the model was trained on.
        """
        for text in texts:
            row = [column[0] for column in self.texts.by_column([text])]
            yield Prediction(text, *self._answer(row))

    def _answer(self, row: Sequence[str]) -> tuple[dict[str, Any], bool]:
        """The answer, and whether something was cut off."""
        if isinstance(self.answers, WindowAnswers):
            return self._in_windows(self.answers, row)
        first, *second = map(self.answers.spelled, row)
        found = self.tokenizer.encode(first, second[0] if second else None)
        return self.answers.answer_to(row, self._logits(found), found.offsets), bool(found.overflowing)

    def _in_windows(self, answers: WindowAnswers, row: Sequence[str]) -> tuple[dict[str, Any], bool]:
        (read,) = in_windows(self.tokenizer, [tuple(row)], self.meta.max_length, answers.stride)
        return answers.answer_in_windows(row, list(map(self._logits, read.parts)), read.windows), read.is_cut

    def _logits(self, found: Encoding) -> np.ndarray:
        inputs = {name: np.array([getattr(found, MADE[name])], np.int64) for name in self.meta.inputs}
        return self.engine.run(inputs)[0] / self.meta.temperature


def predictor_of(folder: Path) -> Predictor | LightPredictor:
    """Of a model's folder, without torch where that gives the same answers."""
    if (light := LightPredictor.find(folder)) is not None:
        return light
    from accel.inference.predictor import Predictor

    return Predictor.load(folder)


def _tokenizer(folder: Path, max_length: int) -> Tokenizer | None:
    """Set as transformers' own is set where the model is trained; None where it has no file that can be read."""
    from tokenizers import Tokenizer

    try:
        tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))
        settings = json.loads((folder / "tokenizer_config.json").read_text("utf8"))
    except Exception:  # the library raises nothing narrower
        return None
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_length, direction=settings.get("truncation_side") or "right")
    tokenizer.encode_special_tokens = True  # a text that spells [SEP] holds these letters and no special token
    return tokenizer


def _own_format(folder: Path, meta: Meta) -> Format | None:
    """The file that was proven to be the model: in fp32, or for an int8 model the one that its run compared."""
    if not is_quantized(folder):
        return ONNX
    made = [export["format"] for export in (read_record(folder.parent) or {}).get("exports", [])]
    return ONNX_INT8 if meta.scheme == ROUNDED_ALIKE and ONNX_INT8.name in made else None
