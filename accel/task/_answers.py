"""What the tasks have in common whose answer is a part of a context; no torch."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from accel.core.metric import OF_SPANS, Metric
from accel.core.option import Objection
from accel.core.task import TokenTask
from accel.data import Dataset, Split
from accel.data.examples import Example, Tally, check_filled, dataset_of
from accel.data.splits import Splits
from accel.data.windows import Characters
from accel.data.words import words_of
from accel.errors import DataError
from accel.task._text_file import objections_to_sizes

if TYPE_CHECKING:
    from accel.core.objective import Objective
    from accel.core.plan import Plan

LEAST = 32
"""Tokens of the shortest window."""
SENTENCE = re.compile(r"[^.!?。！？\n]+[.!?。！？]*")


@dataclass(kw_only=True)
class SpanTask(TokenTask):
    """Base of every task whose answer is a part of a context, or none."""

    can_calibrate: ClassVar[bool] = False

    max_length: int = 256
    """Tokens of a window: the question and a part of the context."""
    stride: int = 64
    """Tokens of the context that neighbouring windows share; an answer longer than that may be whole in none."""
    max_answer_length: int = 30
    """Tokens."""
    threshold: float | None = None
    """Log-odds against there being no answer, above which there is one; null: chosen on the validation split."""

    def objections(self, plan: Plan) -> Iterator[Objection]:
        yield from objections_to_sizes(self)
        if 4 <= self.max_length < LEAST:
            yield self.out_of_range("max_length", f"at least {LEAST} tokens, for the question and the context", "256")
        if not 0 <= self.stride <= self.max_length // 3:
            yield self.out_of_range("stride", "at least 0, and at most a third of task.max_length", "64")
        if self.max_answer_length < 1:
            yield self.out_of_range("max_answer_length", "at least 1 token", "30")
        if self.threshold is not None and not math.isfinite(self.threshold):
            yield self.out_of_range("threshold", "a number, or null", "0")
        yield from self._objections_to_model(plan.model.family())

    def _objections_to_model(self, name: str | None) -> Iterator[Objection]:
        from accel.core.family import family_of

        if family_of(name or "").causal:
            yield Objection(
                f"task={self.option_name()}  with a {name} model",
                "its first token stands for no answer, and each token has read only what stands before it",
                "model=minilm, or another encoder",
            )

    def max_tokens(self) -> int:
        return self.max_length

    def predicts(self) -> type[Objective]:
        from accel.objective.spans import Spans

        return Spans

    def metrics(self) -> tuple[Metric, ...]:
        return OF_SPANS if type(self).predicts is SpanTask.predicts else super().metrics()

    def objective(self, dataset: Dataset) -> Objective:
        return self.predicts().of_examples(  # type: ignore[attr-defined]
            dataset, self.stride, self.max_answer_length, self.threshold, guesses=self.guesses(dataset.test)
        )

    def guesses(self, test: Split) -> dict[str, list[Characters]]:
        """By name of a rule, what it answers to each example; by default a sentence of the context."""
        return {"the sentence most like the question": [_nearest_sentence(*texts) for texts in test.texts]}


def assemble(splits: Splits, tally: Tally, source: str) -> Dataset:
    """The splits, each example with the places of its answers.

    Args:
        source: what to name in messages, e.g. ``task.train=questions.jsonl``.

    Raises:
        DataError: a split is empty, or no question of training has an answer.
    """
    check_filled({"train": splits[0], "validation": splits[1], "test": splits[2]}, source)
    if not any(json.loads(example.label) for example in splits[0]):
        raise DataError(
            f"{source}: no question of training has an answer, so there is nothing to find. Check task.answers or "
            f"task.answer."
        )
    return dataset_of(splits, learned, [], tally)


def learned(example: Example) -> list[list[int]]:
    """Where each right answer begins and ends."""
    return json.loads(example.label)


def labelled(places: Sequence[Characters]) -> str:
    """As an example's label."""
    return json.dumps(places)


def by_context(text: str) -> str:
    """What keeps all questions about a context in one split."""
    return " ".join(text.split()).casefold()


def _nearest_sentence(question: str, context: str) -> Characters:
    """The sentence that shares most words with the question; the first of equal ones."""
    asked = _words(question)
    sentences = [match.span() for match in SENTENCE.finditer(context)] or [(0, len(context))]
    begin, end = max(sentences, key=lambda place: len(asked & _words(context[slice(*place)])))
    inner = context[begin:end]
    return begin + len(inner) - len(inner.lstrip()), end - (len(inner) - len(inner.rstrip()))


def _words(text: str) -> set[str]:
    return {text[begin:end].casefold() for begin, end in words_of(text)}
