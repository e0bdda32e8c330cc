"""Answers to texts from a network's logits as arrays, for objectives that need no more: no torch."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from accel.data.words import OUTSIDE, entities, first_tokens, spelled, words_of
from accel.objective._extraction import Part, best_parts, score_of_none, trimmed

if TYPE_CHECKING:
    from accel.core.meta import Meta
    from accel.data.windows import Window

HALF = 0.5
"""The probability from which on a label holds where nothing else was chosen."""
OTHERS = 2
"""Parts of a text that are told beside the likeliest answer."""


@dataclass(frozen=True)
class Answers(ABC):
    """How one objective answers."""

    label_names: Sequence[str]

    name: ClassVar[str]
    """The objective's."""
    columns: ClassVar[tuple[str, ...]] = ("text",)
    """What its texts are called where the data are no file of the user's."""

    @classmethod
    def of(cls, meta: Meta) -> Self:
        """Those of an exported model."""
        return cls(meta.label_names)

    def spelled(self, text: str) -> str:
        """As the objective's own."""
        return text

    @abstractmethod
    def answer_to(self, text: Sequence[str], logits: np.ndarray, offsets: Sequence[tuple[int, int]]) -> dict[str, Any]:
        """What JSON can hold of one text's answer.

        Args:
            text: as it was given, one string or two.
            logits: the network's, of this text.
            offsets: where in ``spelled(text)`` each token begins and ends, in characters.
        """

    def can_name(self) -> list[str]:
        """Every label that an answer can name; none where answers name no labels."""
        return []

    def named(self, answer: Mapping[str, Any]) -> frozenset[str]:
        """The labels that an answer names."""
        del answer
        return frozenset()


class LabelAnswers(Answers):
    """The likeliest label, its probability, and those of all labels."""

    name: ClassVar[str] = "classification"

    def answer_to(self, text: Sequence[str], logits: np.ndarray, offsets: Sequence[tuple[int, int]]) -> dict[str, Any]:
        del text, offsets
        values = softmax(logits)
        best = int(values.argmax())
        scores = dict(zip(self.label_names, values.tolist(), strict=True))
        return {"label": self.label_names[best], "score": float(values[best]), "scores": scores}

    def can_name(self) -> list[str]:
        return list(self.label_names)

    def named(self, answer: Mapping[str, Any]) -> frozenset[str]:
        return frozenset({answer["label"]})


@dataclass(frozen=True)
class LabelSetAnswers(Answers):
    """The labels that hold, the likeliest first, and the probability of every one."""

    thresholds: tuple[float, ...]
    """By label, from which probability on it holds."""

    name: ClassVar[str] = "multi-label classification"

    @classmethod
    def of(cls, meta: Meta) -> Self:
        thresholds = tuple(map(float, meta.answering["thresholds"]))
        if len(thresholds) != len(meta.label_names):
            raise ValueError("as many thresholds as labels are needed")
        return cls(meta.label_names, thresholds)

    def answer_to(self, text: Sequence[str], logits: np.ndarray, offsets: Sequence[tuple[int, int]]) -> dict[str, Any]:
        del text, offsets
        scores = dict(zip(self.label_names, sigmoid(logits).tolist(), strict=True))
        holds = [name for name, least in zip(self.label_names, self.thresholds, strict=True) if scores[name] >= least]
        return {"labels": sorted(holds, key=lambda name: -scores[name]), "scores": scores}

    def can_name(self) -> list[str]:
        return list(self.label_names)

    def named(self, answer: Mapping[str, Any]) -> frozenset[str]:
        return frozenset(answer["labels"])


@dataclass(frozen=True)
class NumberAnswers(Answers):
    """A number in the unit of the training data; a network's own are standardised."""

    mean: float = 0.0
    std: float = 1.0

    name: ClassVar[str] = "regression"

    @classmethod
    def of(cls, meta: Meta) -> Self:
        return cls(meta.label_names, float(meta.answering["mean"]), float(meta.answering["std"]))

    def answer_to(self, text: Sequence[str], logits: np.ndarray, offsets: Sequence[tuple[int, int]]) -> dict[str, Any]:
        del text, offsets
        return {"number": float(logits[0]) * self.std + self.mean}


@dataclass(frozen=True)
class LevelAnswers(NumberAnswers):
    """The nearest level to the number, and the number."""

    name: ClassVar[str] = "ordinal regression"

    def answer_to(self, text: Sequence[str], logits: np.ndarray, offsets: Sequence[tuple[int, int]]) -> dict[str, Any]:
        found = super().answer_to(text, logits, offsets)
        nearest = min(self.label_names, key=lambda level: abs(float(level) - found["number"]))
        return {"level": json.loads(nearest), **found}

    def can_name(self) -> list[str]:
        return list(self.label_names)

    def named(self, answer: Mapping[str, Any]) -> frozenset[str]:
        return frozenset(name for name in self.label_names if float(name) == answer["level"])


class EntityAnswers(Answers):
    """The entities: where they stand in the text, in characters, of what type, and how sure the model is."""

    name: ClassVar[str] = "token classification"

    def spelled(self, text: str) -> str:
        return spelled(text)

    def answer_to(self, text: Sequence[str], logits: np.ndarray, offsets: Sequence[tuple[int, int]]) -> dict[str, Any]:
        (whole,) = text
        words, first = words_of(whole), first_tokens(whole, offsets)
        odds = softmax(logits)
        best = odds.argmax(-1).tolist()
        tags = [str(self.label_names[best[token]]) if token is not None else OUTSIDE for token in first]
        found = []
        for begin, end, kind in entities(tags):
            start, stop = words[begin][0], words[end - 1][1]
            sure = min(float(odds[token].max()) for token in first[begin:end] if token is not None)
            found.append({"start": start, "end": stop, "label": kind, "text": whole[start:stop], "score": sure})
        return {"entities": found}

    def can_name(self) -> list[str]:
        return sorted({name.partition("-")[2] for name in self.label_names if name != OUTSIDE})

    def named(self, answer: Mapping[str, Any]) -> frozenset[str]:
        return frozenset(found["label"] for found in answer["entities"])


class VectorAnswers(Answers):
    """The vector, of length 1: the nearer two texts, the larger the product of theirs."""

    name: ClassVar[str] = "retrieval"

    def answer_to(self, text: Sequence[str], logits: np.ndarray, offsets: Sequence[tuple[int, int]]) -> dict[str, Any]:
        del text, offsets
        return {"vector": logits.tolist()}

    def added(self, stored: Sequence[str]) -> np.ndarray:
        """[texts]: what ``accel search`` adds to the cosine of each stored text; nothing by default."""
        return np.zeros(len(stored), np.float32)


@dataclass(frozen=True)
class TasteAnswers(VectorAnswers):
    """The same of a history or an item; what is stored is ranked by how likely anybody takes it, too."""

    temperature: float = 1.0
    priors: Mapping[str, float] = field(default_factory=dict)
    """By the text of an item: log of how likely anybody takes it."""

    name: ClassVar[str] = "recommendation"

    @classmethod
    def of(cls, meta: Meta) -> Self:
        priors = {str(text): float(prior) for text, prior in meta.answering["priors"].items()}
        return cls(meta.label_names, float(meta.answering["temperature"]), priors)

    def added(self, stored: Sequence[str]) -> np.ndarray:
        """In units of a cosine; an item that is new is as likely as the rarest one."""
        rarest = min(self.priors.values(), default=0.0)
        found = [self.priors.get(" ".join(text.split()), rarest) for text in stored]
        return np.array(found, np.float32) * np.float32(self.temperature)


@dataclass(frozen=True)
class WindowAnswers(Answers):
    """Of pairs whose second text is read window by window, as ``InWindows`` has it."""

    stride: int

    def answer_to(self, text: Sequence[str], logits: np.ndarray, offsets: Sequence[tuple[int, int]]) -> dict[str, Any]:
        raise NotImplementedError(f"{type(self).__name__} answers in windows")

    @abstractmethod
    def answer_in_windows(
        self, text: Sequence[str], logits: Sequence[np.ndarray], windows: Sequence[Window]
    ) -> dict[str, Any]:
        """As the objective's own."""


@dataclass(frozen=True)
class SpanAnswers(WindowAnswers):
    """A part of the second text that answers the first: where it stands, in characters, and how sure the model is."""

    longest: int
    """Tokens that an answer has at most."""
    threshold: float
    """Log-odds against there being no answer, above which there is one."""

    name: ClassVar[str] = "question answering"
    columns: ClassVar[tuple[str, ...]] = ("question", "context")

    @classmethod
    def of(cls, meta: Meta) -> Self:
        known = meta.answering
        return cls((), int(known["stride"]), int(known["longest"]), float(known["threshold"]))

    def answer_in_windows(
        self, text: Sequence[str], logits: Sequence[np.ndarray], windows: Sequence[Window]
    ) -> dict[str, Any]:
        context = text[1]
        found = best_parts(windows, logits, self.stride, self.longest, OTHERS + 1)
        said = [self._said(context, part) for part in found]
        if found and found[0].odds > self.threshold:
            return {**said[0], "others": said[1:]}
        none = {"answer": None, "start": None, "end": None, "score": score_of_none(found)}
        return {**none, "others": said[:OTHERS]}

    @staticmethod
    def _said(context: str, part: Part) -> dict[str, Any]:
        start, end = trimmed(context, part.characters)
        return {"answer": context[start:end], "start": start, "end": end, "score": part.score}


def softmax(logits: np.ndarray) -> np.ndarray:
    """Probabilities over the last axis."""
    powers = np.exp(logits - logits.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


def sigmoid(logits: np.ndarray) -> np.ndarray:
    """Probabilities, one by one, in float64."""
    return (1 + np.tanh(logits.astype(np.float64) / 2)) / 2


ANSWERS: Mapping[str, type[Answers]] = {
    kind.name: kind
    for kind in (
        LabelAnswers,
        LabelSetAnswers,
        NumberAnswers,
        LevelAnswers,
        EntityAnswers,
        VectorAnswers,
        TasteAnswers,
        SpanAnswers,
    )
}
"""By the name that an exported model states."""
