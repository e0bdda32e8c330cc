"""``accel search``: the stored texts that are nearest to a text, by the vectors of a retrieval model.

Without torch where the model's ONNX file gives the same answers. The vectors of a file are kept beside the model, by a
digest of the model and the texts: the next search is at once.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from accel.core.checksums import SUMS
from accel.errors import ConfigError, DataError, ExitCode
from accel.inference.columns import text_columns_of
from accel.inference.light import LightPredictor, predictor_of
from accel.inference.rows import Keys, Query, rows_of
from accel.objective.answers import ANSWERS, VectorAnswers
from accel.weights.meta import artifact_folder

if TYPE_CHECKING:
    from accel.inference.predictor import Predictor

KEYS = Keys("--in", "--column")
VECTORS = "vectors"
"""The folder beside the model's files."""


@dataclass(frozen=True)
class Found:
    """A stored text that is near."""

    stored: Query
    score: float
    """The cosine of the two vectors, in [-1, 1], and what the model adds to it."""

    def as_json(self) -> dict[str, Any]:
        """With what the file says of it."""
        return {**self.stored.kept, "text": self.stored.text, "score": round(self.score, 6)}


def main(words: Sequence[str]) -> int:
    """Search a file for the texts of the command line.

    Raises:
        DataError: no model of vectors, or no file with texts.
    """
    arguments = _parser().parse_args(words)
    if arguments.top < 1:
        raise ConfigError(f"--top {arguments.top}: ask for at least 1 text.")
    if not all(text.strip() for text in arguments.texts):
        raise DataError("There is nothing to search for: the text is empty. Give words after the run's folder.")
    folder = artifact_folder(arguments.run)
    stored = _stored(arguments, Path(arguments.run).expanduser())
    predictor = predictor_of(folder)
    asked = vectors_of(predictor, arguments.texts, arguments.run)
    vectors = _kept_vectors(predictor, folder, stored, arguments.run)
    near = nearest(asked, vectors, stored, arguments.top, _added(predictor, stored))
    show = _as_json if arguments.json else _as_text
    sys.stdout.writelines(f"{line}\n" for line in show(arguments.texts, near))
    return ExitCode.DONE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="accel search", description="The nearest texts of a file.")
    parser.add_argument("run", help="a run's folder, or its model/ folder")
    parser.add_argument("texts", nargs="+", metavar="TEXT")
    parser.add_argument("--in", dest="file", required=True, metavar="FILE", help="a table, or a text per line")
    parser.add_argument("--column", help="of its texts; by default the run's column of passages")
    parser.add_argument("--keep", metavar="COLUMN[,COLUMN]", help="columns that go with the answers; by default id")
    parser.add_argument("--top", type=int, default=5, help="how many texts; by default 5")
    parser.add_argument("--json", action="store_true", help="a line of JSON for each text that was asked")
    return parser


def _stored(arguments: argparse.Namespace, run: Path) -> list[Query]:
    """The file's texts, each once."""
    column = arguments.column or text_columns_of(run)[-1]
    keep = arguments.keep.split(",") if arguments.keep else []
    rows = [row.mended() for row in rows_of(arguments.file, [column], keep, KEYS) if not row.is_empty]
    odd = next((row for row in rows if not isinstance(row.text, str)), None)
    if odd is not None:
        raise DataError(f"--in {arguments.file} holds the pair {odd.text!r}, and a stored text is one string.")
    if not rows:
        raise DataError(f"--in {arguments.file} holds no text in {column!r}. Name another column with --column.")
    return list({row.text: row for row in reversed(rows)}.values())[::-1]  # type: ignore[misc] - none is a pair


def vectors_of(predictor: Predictor | LightPredictor, texts: Iterable[Any], run: str) -> np.ndarray:
    """[texts, width] in float32.

    Raises:
        DataError: the model answers with something else.
    """
    answers = [prediction.answer for prediction in predictor.stream(list(texts))]
    if "vector" not in answers[0]:
        raise DataError(
            f"{run} holds a model of {predictor.meta.objective}, which makes no vectors that could be compared. Give "
            f"the folder of a run of task=retrieval."
        )
    return np.array([answer["vector"] for answer in answers], np.float32)


def _kept_vectors(predictor: Predictor | LightPredictor, folder: Path, stored: Sequence[Query], run: str) -> np.ndarray:
    """Those of the stored texts, found again where they were made before; a place that takes no file costs time."""
    texts = [row.text for row in stored]
    file = folder / VECTORS / f"{_digest(predictor, folder, texts)}.npy"
    with suppress(OSError, ValueError, EOFError):
        return np.load(file)
    made = vectors_of(predictor, texts, run)
    with suppress(OSError):
        file.parent.mkdir(exist_ok=True)
        temporary = file.with_suffix(".tmp.npy")
        np.save(temporary, made)
        temporary.replace(file)
    return made


def _digest(predictor: Predictor | LightPredictor, folder: Path, texts: Sequence[Any]) -> str:
    sums = folder / SUMS
    model = sums.read_text("utf8") if sums.is_file() else str((folder / "model.safetensors").stat())
    return hashlib.sha256(json.dumps([type(predictor).__name__, model, texts]).encode()).hexdigest()[:24]


def _added(predictor: Predictor | LightPredictor, stored: Sequence[Query]) -> np.ndarray:
    """[stored]: what a model says of a stored text whatever is asked; 0 where it says nothing."""
    answers = ANSWERS.get(predictor.meta.objective)
    kind = answers.of(predictor.meta) if answers is not None else None
    return kind.added([str(row.text) for row in stored]) if isinstance(kind, VectorAnswers) else np.zeros(len(stored))


def nearest(
    asked: np.ndarray, vectors: np.ndarray, stored: Sequence[Query], top: int, added: np.ndarray | float = 0.0
) -> list[list[Found]]:
    """For each vector the nearest ones, the nearest first; of equally near ones what stands first in the file.

    Args:
        added: [stored], to each cosine.
    """
    scores = asked @ vectors.T + added
    order = np.argsort(-scores, axis=1, kind="stable")[:, :top]
    return [
        [Found(stored[place], float(row[place])) for place in places] for row, places in zip(scores, order, strict=True)
    ]


def _as_json(texts: Sequence[str], near: Sequence[Sequence[Found]]) -> Iterator[str]:
    for text, found in zip(texts, near, strict=True):
        yield json.dumps({"text": text, "nearest": [one.as_json() for one in found]}, ensure_ascii=False, default=str)


def _as_text(texts: Sequence[str], near: Sequence[Sequence[Found]]) -> Iterator[str]:
    for text, found in zip(texts, near, strict=True):
        if len(texts) > 1:
            yield text
        for one in found:
            kept = "".join(f"  {name}={value}" for name, value in one.stored.kept.items())
            yield f"{one.score:6.3f}  {one.stored.text}{kept}"
