"""Which words moved a prediction, and how far."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from accel.explanation.method import Method, Told, method_of
from accel.explanation.network import Network
from accel.explanation.question import Question, owners_with_prompt
from accel.explanation.units import Token, Unit, pieces, words
from accel.inference.predictor import Predictor
from accel.inference.texts import Prediction, Text
from accel.ops.inputs import MASK


@dataclass(frozen=True)
class Attribution:
    """One number of one text's answer, told apart by word."""

    text: Text
    answer: Mapping[str, Any]
    """As the model's objective gives it."""
    columns: list[str]
    """The text, or both of a pair, as strings."""
    target: str
    """What is explained of it: a label, an entity, the number."""
    words: list[str]
    attributions: list[float]
    """What each word did for the target, as the method has it; negative ones spoke against it."""
    spans: list[tuple[int, int, int]] = field(default_factory=list)
    """Of each word: its column, and where in it the word begins and ends, in characters."""
    prompt: float | None = None
    """What the tuned prompt did, where there is one."""
    difference: float = 0.0
    """The logit of the text minus that of the text with every word hidden."""
    gap: float | None = None
    """The sum of all attributions minus the difference; None where they are no parts of it."""
    steps: int | None = None
    is_cut: bool = False
    """Whether the text is longer than the model reads; the rest has no words here."""

    @property
    def prompt_share(self) -> float | None:
        """Of all that words and prompt did, whatever its sign."""
        if self.prompt is None:
            return None
        whole = sum(map(abs, self.attributions)) + abs(self.prompt)
        return abs(self.prompt) / whole if whole else 0.0


@dataclass(frozen=True)
class Explained:
    """An attribution, and the question that it answers."""

    attribution: Attribution
    question: Question


@dataclass(frozen=True)
class Explainer:
    """A model and a method.

    Args:
        asked: labels; by default those of the answer.
        by_piece: whether tokens have numbers of their own, not words.
    """

    predictor: Predictor
    method: Method = field(default_factory=lambda: method_of("integrated_gradients"))
    asked: Sequence[str] = ()
    by_piece: bool = False
    network: Network = None  # type: ignore[assignment] - made of the predictor's model

    def __post_init__(self) -> None:
        if self.network is None:
            object.__setattr__(self, "network", Network(self.predictor.model))

    def __call__(self, texts: Sequence[Text]) -> list[Attribution]:
        return [found.attribution for text in texts for found in self.explain(text)]

    def explain(self, text: Text) -> Iterator[Explained]:
        """One for each number that is asked for."""
        for name, place in self._targets(Reading.of(self.predictor, text, by_piece=self.by_piece)):
            yield self.at(text, name, place)

    def at(self, text: Text, name: str, place: tuple[int, ...]) -> Explained:
        """The number that stands at a place of the text's logits, told apart."""
        (prediction,) = self.predictor.stream([text])
        reading = Reading.of(self.predictor, text, by_piece=self.by_piece)
        question = reading.question(self.network, place)
        return Explained(_told(prediction, name, reading, question, self.method(question)), question)

    def beside(self, found: Explained) -> Attribution:
        """The same number of the same text, by this explainer."""
        return self.at(found.attribution.text, found.attribution.target, found.question.target).attribution

    def _targets(self, reading: Reading) -> list[tuple[str, tuple[int, ...]]]:
        with torch.inference_mode():
            logits = self.predictor.model(**reading.inputs).logits[0].float()
        columns, offsets = [token[0] for token in reading.tokens], [token[1:] for token in reading.tokens]
        return self.predictor.objective.to_explain(
            reading.columns, logits, reading.inputs[MASK][0], offsets, self.asked, columns
        )


def _told(prediction: Prediction, name: str, reading: Reading, question: Question, told: Told) -> Attribution:
    values, units = told.values.tolist(), reading.units
    return Attribution(
        text=prediction.text,
        answer=prediction.answer,
        columns=reading.columns,
        target=name,
        words=[unit.text for unit in units],
        attributions=values[: len(units)],
        spans=[(unit.column, unit.start, unit.end) for unit in units],
        prompt=values[-1] if question.has_prompt else None,
        difference=question.difference,
        gap=told.gap,
        steps=told.steps,
        is_cut=prediction.is_cut or reading.is_cut,
    )


def _decoded(tokenizer: Any, ids: Sequence[int]) -> tuple[list[str], list[Token]]:
    """One text of all pieces with a space between, for a tokenizer that cannot tell where they stand."""
    special = tokenizer.get_special_tokens_mask(ids, already_has_special_tokens=True)
    text, tokens = "", []
    for number, is_special in zip(ids, special, strict=True):
        piece = "" if is_special else str(tokenizer.decode([number]))
        tokens.append((None if is_special else 0, len(text), len(text) + len(piece)))
        text += f"{piece} " if piece else ""
    return [text], tokens


@dataclass(frozen=True)
class Reading:
    """A text as the model reads it, and as people do."""

    inputs: dict[str, torch.Tensor]
    tokens: list[Token]
    columns: list[str]
    units: list[Unit]
    owners: list[int]
    padding: int
    is_cut: bool = False
    """Whether the network would read more of it, window by window, than stands here."""

    @classmethod
    def of(cls, predictor: Predictor, text: Text, *, by_piece: bool) -> Reading:
        """By a predictor's tokenizer."""
        columns = [column[0] for column in predictor.texts.by_column([text])]
        spelled = [predictor.objective.spelled(column) for column in columns]
        encoded, is_cut = predictor.encoded([text]), False
        if not predictor.tokenizer.is_fast:
            spelled, tokens = _decoded(predictor.tokenizer, encoded["input_ids"][0].tolist())
            by_piece = True
        else:
            owner, offsets = encoded.sequence_ids(0), encoded["offset_mapping"][0].tolist()
            tokens = [(column, start, end) for column, (start, end) in zip(owner, offsets, strict=True)]
            is_cut = bool(encoded.encodings[0].overflowing)
        units, owners = (pieces if by_piece else words)(columns, spelled, tokens)
        padding: Any = predictor.tokenizer.pad_token_id
        return cls(predictor.inputs([text]), tokens, columns, units, owners, padding, is_cut)

    def question(self, network: Network, place: tuple[int, ...]) -> Question:
        """What is hidden is replaced by padding."""
        owners = owners_with_prompt(self.owners, len(self.units), *network.prompt())
        text = network.embedded(self.inputs)
        empty = torch.where(owners[:, None] >= 0, network.of_token(self.padding), text)
        return Question(network, self.inputs, place, owners, len(self.units), text, empty)
