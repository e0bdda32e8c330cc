"""Several forms of one model, timed against each other as a run would export them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from torch import nn

from accel.core.engine import Engine
from accel.core.facts import SEQUENCE_LENGTH
from accel.errors import RunError
from accel.export.onnx import UnsupportedError, random_inputs
from accel.measure.run_costs import candidates
from accel.measure.timing import Cost, Measurement, measure
from accel.weights import artifact

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from accel.core.objective import Objective

ROUNDS = 40


def time_models(
    models: Sequence[nn.Module],
    engines: Sequence[Engine],
    tokenizer: PreTrainedTokenizerBase,
    objective: Objective,
    say: Callable[[str], None],
) -> Mapping[str, list[Cost]]:
    """What one text of ``SEQUENCE_LENGTH`` tokens costs with each model, all timed in turn, by the label of an engine.

    Args:
        models: finished; quantized ones are timed as they are stored.
        engines: only those that run every model are in the answer.
        say: is told what is being done.

    Raises:
        RunError: no engine runs all of them.
    """
    options = []
    with TemporaryDirectory() as folder:
        for number, model in enumerate(models):
            place = Path(folder, str(number))
            place.mkdir()
            say(f"writing form {number + 1} of {len(models)}")
            _write(model, place, engines)
            artifact.save_model(model, tokenizer, place, max_length=SEQUENCE_LENGTH, **objective.artifact_facts())
            options += candidates(model, place, engines)
        one = random_inputs(models[0], 1, SEQUENCE_LENGTH)
        found = measure([], options, one, one, rounds=ROUNDS, on_progress=say)
    return by_engine(found, len(models))


def _write(model: nn.Module, folder: Path, engines: Sequence[Engine]) -> None:
    for engine in engines:
        with suppress(UnsupportedError):  # then the other engines are timed, as at the end of the run
            engine.write(model, folder)


def by_engine(found: Measurement, num_models: int) -> Mapping[str, list[Cost]]:
    """Costs of every model, by engine; only engines that ran all of them."""
    costs: dict[str, list[Cost]] = {}
    for cost in found.after:
        costs.setdefault(cost.label, []).append(cost)
    complete = {label: each for label, each in costs.items() if len(each) == num_models}
    if not complete:
        raise RunError(f"No engine of the run could be timed: {found.skipped}. Choose others, e.g. engines=[eager].")
    return complete
