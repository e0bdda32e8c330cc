"""``accel predict``: answers of a finished run's model, one JSON object per line."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from accel.errors import DataError, ExitCode


def main(words: Sequence[str]) -> int:
    """Predict the texts of the command line, or of a file.

    Raises:
        DataError: no exported model, no text, or a file that cannot be read.
    """
    parser = argparse.ArgumentParser(prog="accel predict", description="Predictions as JSON lines.")
    parser.add_argument("run", help="a run's folder, or its model/ folder")
    parser.add_argument("texts", nargs="*", metavar="TEXT")
    parser.add_argument("--file", help="one text per line (.txt), or JSON lines that hold strings or lists of strings")
    arguments = parser.parse_args(words)
    texts = [*arguments.texts, *(_read(arguments.file) if arguments.file else [])]
    if not texts:
        raise DataError("There is nothing to predict: give texts after the run's folder, or --file FILE.")
    folder = Path(arguments.run).expanduser()
    if not folder.is_dir():
        raise DataError(f"{arguments.run} is no folder. Give the folder of a finished run, such as outputs/DATE/TIME.")
    from accel.inference.predictor import Predictor  # torch only once there is something to do

    for prediction in Predictor.load(folder).stream(texts):
        answer = {"text": prediction.text, **_rounded(prediction.answer)}
        print(json.dumps(answer, ensure_ascii=False))  # noqa: T201 - the command's own output
    return ExitCode.DONE


def _rounded(value: Any) -> Any:
    """To six decimals, wherever a float stands."""
    if isinstance(value, Mapping):
        return {name: _rounded(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_rounded(part) for part in value]
    return round(value, 6) if isinstance(value, float) else value


def _read(path: str) -> list[Any]:
    file = Path(path).expanduser()
    try:
        lines = file.read_text("utf8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"--file {path} cannot be read ({error}). Give a UTF-8 file with one text per line.") from None
    if file.suffix != ".jsonl":
        return [line for line in lines if line.strip()]
    return [_json(file, number, line) for number, line in enumerate(lines, start=1) if line.strip()]


def _json(file: Path, number: int, line: str) -> Any:
    try:
        value = json.loads(line)
    except ValueError as error:
        raise DataError(f"{file}, line {number} is not valid JSON: {error}.") from None
    if isinstance(value, str) or (isinstance(value, list) and all(isinstance(v, str) for v in value)):
        return value
    raise DataError(
        f'{file}, line {number}: write a string, or a list of strings for pairs, e.g. ["question", "answer"].'
    )
