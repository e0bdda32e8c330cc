"""What a search may vary: Hydra's own words for values, as Optuna's distributions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import IntervalSweep, Override, RangeSweep
from hydra.errors import HydraException
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import Trial

from accel.config.overrides import no_override
from accel.errors import ConfigError
from accel.sweep.grid import applies, values_of

INT, LOG = "int", "log"
ABSENT = object()
"""No value, which null is."""


@dataclass(frozen=True)
class Space:
    """Keys that vary, and words that every job has."""

    varied: Mapping[str, BaseDistribution]
    fixed: tuple[str, ...]

    def suggest(self, trial: Trial) -> list[str]:
        """The overrides of a trial's point; a key whose option the point has not chosen is not part of it.

        Optuna then learns the key from the points that have it. (Dependent search spaces are what
        ``Trial.suggest_*`` in conditions stands for.)
        """
        words = list(self.fixed)
        for key in sorted(self.varied, key=_depends):
            if applies(f"{key}=", words):
                words.append(f"{key}={_written(_suggest(trial, key, self.varied[key]))}")
        return words

    def words(self, params: Mapping[str, Any]) -> list[str] | None:
        """The overrides of a point that was asked for before; None when part of it is missing."""
        words = list(self.fixed)
        for key in sorted(self.varied, key=_depends):
            if not applies(f"{key}=", words):
                continue
            if key not in params:
                return None
            words.append(f"{key}={_written(params[key])}")
        return words

    def start(self, value_of: Callable[[str], Any]) -> dict[str, Any]:
        """The point that a run without a search would be, as far as it lies in here.

        Args:
            value_of: what a key has there; ``ABSENT`` where there is no such key.
        """
        found = {key: _inside(value_of(key), among) for key, among in self.varied.items()}
        return {key: value for key, value in found.items() if value is not ABSENT}

    def typed(self, words: Sequence[str]) -> dict[str, Any]:
        """The point of words without a sweep, as far as it lies in here."""
        values = {word.get_key_element(): word.value() for word in map(_parsed, words)}
        return self.start(lambda key: values.get(key, ABSENT))


def key_of(word: str) -> str:
    """What an override sets."""
    return word.split("=", 1)[0].lstrip("+~")


def _inside(value: Any, among: BaseDistribution) -> Any:
    """The value as the distribution writes it; ``ABSENT`` where it is none of it."""
    if isinstance(among, CategoricalDistribution):
        written = _typed(value)
        return next((choice for choice in among.choices if _typed(choice).strip("'\"") == written), ABSENT)
    assert isinstance(among, FloatDistribution | IntDistribution)
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return value if number and among.low <= value <= among.high else ABSENT


def _typed(value: Any) -> str:
    """As ``values_of`` writes what stands on a command line, without quotes."""
    if isinstance(value, list):
        return f"[{','.join(map(_typed, value))}]"
    return "null" if value is None else str(value)


def _suggest(trial: Trial, key: str, among: BaseDistribution) -> Any:
    if isinstance(among, IntDistribution):
        return trial.suggest_int(key, among.low, among.high, step=among.step, log=among.log)
    if isinstance(among, FloatDistribution):
        return trial.suggest_float(key, among.low, among.high, log=among.log)
    assert isinstance(among, CategoricalDistribution)
    return trial.suggest_categorical(key, among.choices)


def _depends(key: str) -> bool:
    """The choice of options comes first, their settings last, in whatever order they were typed."""
    return "." in key


def _written(value: Any) -> str:
    """As an override: six digits are enough to type a point again."""
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def space(arguments: Sequence[str], params: Mapping[str, Any]) -> Space:
    """From what was typed, and what a named search adds; what was typed counts.

    Raises:
        ConfigError: something that is no override, or a range that has no values.
    """
    typed = {argument.split("=", 1)[0] for argument in arguments}
    words = [f"{key}={value}" for key, value in params.items() if key not in typed]
    varied: dict[str, BaseDistribution] = {}
    fixed: list[str] = []
    for word in [*words, *arguments]:
        override = _parsed(word)
        if override.is_sweep_override():
            varied[override.get_key_element()] = _distribution(override, word)
        else:
            fixed.append(word)
    if not varied:
        raise ConfigError(
            "A search needs something to vary: trainer.learning_rate='tag(log,interval(1e-5,1e-3))', or a named one "
            "such as sweep=auto."
        )
    return Space(varied, tuple(fixed))


def _parsed(word: str) -> Override:
    try:
        return OverridesParser.create().parse_overrides([word])[0]
    except HydraException:
        raise ConfigError(no_override(word)) from None


def _distribution(override: Override, word: str) -> BaseDistribution:
    value = override.value()
    tags: set[str] = set(getattr(value, "tags", ()))
    if unknown := tags - {INT, LOG}:
        raise ConfigError(f"{word}: accel knows tag(log,…) and tag(int,…), not {', '.join(sorted(unknown))}.")
    try:
        if isinstance(value, IntervalSweep):
            return _between(value, tags)
        if isinstance(value, RangeSweep) and all(isinstance(v, int) for v in (value.start, value.stop, value.step)):
            values = list(range(int(value.start or 0), int(value.stop or 0), int(value.step)))
            return IntDistribution(min(values), max(values), step=abs(int(value.step)), log=LOG in tags)
        if tags:
            raise ValueError(f"{', '.join(sorted(tags))} is for an interval, or a range of whole numbers")
        return CategoricalDistribution(values_of(override, word))
    except ValueError as error:
        raise ConfigError(f"{word}: no values to choose from ({error}).") from None


def _between(value: IntervalSweep, tags: set[str]) -> BaseDistribution:
    """Whole numbers where ``int(interval(1,4))`` or ``tag(int,interval(1,4))`` asks for them, both ends included."""
    low, high = float(value.start or 0), float(value.end or 0)
    if not (INT in tags or (isinstance(value.start, int) and isinstance(value.end, int))):
        return FloatDistribution(low, high, log=LOG in tags)
    if not (low.is_integer() and high.is_integer()):
        raise ValueError("whole numbers lie between whole numbers")
    return IntDistribution(int(low), int(high), log=LOG in tags)
