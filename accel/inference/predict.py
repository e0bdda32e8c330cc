"""``accel predict``: answers of a finished run's model, one for every row."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from accel.errors import DataError, ExitCode
from accel.inference.answers import FORMATS, write
from accel.inference.columns import text_columns_of
from accel.inference.light import LightPredictor, predictor_of
from accel.inference.rows import Query, rows_of
from accel.weights.meta import artifact_folder, read_meta

if TYPE_CHECKING:
    from accel.inference.predictor import Predictor


def main(words: Sequence[str]) -> int:
    """Predict the texts of the command line, or of a file.

    Raises:
        DataError: no exported model, no text, or a file that cannot be read or written.
    """
    arguments = _parser().parse_args(words)
    folder = Path(arguments.run).expanduser()
    columns = arguments.text.split(",") if arguments.text else _columns(folder)
    keep = arguments.keep.split(",") if arguments.keep else []
    asked = [Query(text) for text in arguments.texts]
    asked += rows_of(arguments.file, columns, keep) if arguments.file else []
    if not asked:
        raise DataError("There is nothing to predict: give texts after the run's folder, or --file FILE.")
    if not folder.is_dir():
        raise DataError(f"{arguments.run} is no folder. Give the folder of a finished run, such as outputs/DATE/TIME.")
    write(_answers(predictor_of(artifact_folder(folder)), _whole(asked)), arguments.format, arguments.output)
    return ExitCode.DONE


def _columns(folder: Path) -> list[str]:
    """The text columns of the run; of a pair that its model reads one by one, the first."""
    named = text_columns_of(folder)
    with suppress(DataError):  # which is told where the model is loaded
        return named[: read_meta(artifact_folder(folder)).num_text_columns]
    return named


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="accel predict", description="Predictions, one for every row.")
    parser.add_argument("run", help="a run's folder, or its model/ folder")
    parser.add_argument("texts", nargs="*", metavar="TEXT")
    parser.add_argument("--file", help="a table as for training, JSON lines of strings or lists, or a text per line")
    parser.add_argument("--text", metavar="COLUMN[,COLUMN]", help="text columns; by default those of the run")
    parser.add_argument("--keep", metavar="COLUMN[,COLUMN]", help="columns that go with the answers; by default id")
    parser.add_argument("--output", metavar="FILE", help="a .csv or .jsonl file; by default the terminal")
    parser.add_argument("--format", choices=list(FORMATS), help="by default that of --output, or jsonl")
    return parser


def _whole(asked: Sequence[Query]) -> list[Query]:
    """Without halves of characters, which is said beside the answers."""
    mended = [one.mended() for one in asked]
    if count := sum(new != old for new, old in zip(mended, asked, strict=True)):
        print(f"{count} text(s) with half a character (a lone surrogate), which is replaced.", file=sys.stderr)  # noqa: T201
    return mended


def _answers(predictor: Predictor | LightPredictor, asked: Sequence[Query]) -> Iterator[dict[str, Any]]:
    """One for every row, in their order; where there is no text, each part of the answer is empty."""
    found = predictor.stream([one.text for one in asked if not one.is_empty])
    empty = _empty_answer(predictor) if any(one.is_empty for one in asked) else {}
    num_cut = 0
    for one in asked:
        prediction = None if one.is_empty else next(found)
        num_cut += prediction is not None and prediction.is_cut
        answer = empty if prediction is None else _rounded(prediction.answer)
        said = {"text": one.text, **answer}
        kept = {f"given.{name}" if name in said else name: value for name, value in one.kept.items()}
        yield {**kept, **said}
    if num_cut:
        limit = predictor.meta.max_length
        print(f"{num_cut} text(s) longer than {limit} tokens, cut as in training.", file=sys.stderr)  # noqa: T201


def _empty_answer(predictor: Predictor | LightPredictor) -> Any:
    """The parts that every answer of the model has, without what they say."""
    (example,) = predictor.stream([["-"] * predictor.meta.num_text_columns])
    return _emptied(example.answer)


def _emptied(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _emptied(part) for name, part in value.items()}
    return [] if isinstance(value, list) else None


def _rounded(value: Any) -> Any:
    """To six decimals, wherever a float stands."""
    if isinstance(value, Mapping):
        return {name: _rounded(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_rounded(part) for part in value]
    return round(value, 6) if isinstance(value, float) else value
