"""A part of a context that answers a question, or that none does: its loss, its scores, its threshold.

An example is a question and a context. The network reads them in windows (``accel/data/windows.py``), so a batch has as
many rows as its examples have windows, those of an example one after the other. A row of ``labels`` says whose window
it is, where the context stands in it, and where the answer does.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import torch
from torch import Tensor

from accel.behaviour.found import Found
from accel.behaviour.kept import Kept
from accel.core.metric import OF_SPANS, Metric
from accel.core.objective import Answering
from accel.data.likeness import Language, language_of
from accel.data.tokenized import Example, Tokenized
from accel.data.tokens import Encoded
from accel.data.windows import NO_ANSWER, Characters, Window, place_of
from accel.errors import DataError
from accel.objective._extraction import best_parts, best_threshold, trimmed
from accel.objective._span_loss import choices, losses
from accel.objective._span_scores import NONE, SpanScores, Worth, worth
from accel.objective._span_windows import encoded_in_windows, rows_of_windows
from accel.objective.answers import SpanAnswers
from accel.objective.scores import Report
from accel.ops.distill.losses import full, soft_cross_entropy
from accel.ops.quantize.sensitivity import kullback_leibler

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedTokenizerBase

    from accel.core.meta import Meta
    from accel.data import Dataset, Split

EVEN = 0.0
"""The threshold while none is chosen: an answer that is likelier than none."""
MASKED = -1e4
"""Logit of a token that is no choice: its probability is 0 in any precision, and no difference of two is NaN."""
F1, EXACT, ANSWERABILITY = OF_SPANS[:3]


class InWindows(Answering):
    """A trait: of a pair, whose second text may be too long for one sequence, the network reads window after window."""

    stride: int
    """Tokens that neighbouring windows share."""

    @abstractmethod
    def answer_in_windows(
        self, text: Sequence[str], logits: Sequence[np.ndarray], windows: Sequence[Window]
    ) -> dict[str, Any]:
        """What JSON can hold of one pair's answer.

        Args:
            text: both strings, as they were given.
            logits: the network's, of each window's tokens.
            windows: what of the second text each holds.
        """


@dataclass(frozen=True)
class Spans(InWindows):
    """Where in a context the answer to a question begins and ends."""

    label_names: Sequence[str] = ()
    stride: int = 64
    longest: int = 30
    """Tokens that an answer has at most."""
    threshold: float | None = None
    """Log-odds against there being no answer, above which there is one; None until the trained network was seen."""
    language: Language = Language.en
    """How answers are compared."""
    guesses: Mapping[str, Sequence[Characters]] = field(default_factory=dict, compare=False, repr=False)
    """By name of a rule, what it answers to each example of the test split."""

    name: ClassVar[str] = SpanAnswers.name
    metrics: ClassVar[tuple[Metric, ...]] = OF_SPANS
    evaluation_tokens: ClassVar[int] = 4096
    unit: ClassVar[str] = "questions"
    keeps: ClassVar[type[Kept] | None] = Found

    @classmethod
    def for_labels(cls, label_names: Sequence[str]) -> Self:
        del label_names
        return cls()

    @classmethod
    def of(cls, meta: Meta) -> Self:
        known = SpanAnswers.of(meta)
        return cls((), known.stride, known.longest, known.threshold)

    @classmethod
    def of_examples(cls, dataset: Dataset, stride: int, longest: int, threshold: float | None, **more: Any) -> Self:
        """Of a task's settings; answers are compared as those of training are written."""
        train = dataset.train
        right = [
            context[begin:end]
            for (_, context), spans in zip(train.texts, train.labels, strict=True)
            for begin, end in spans
        ]
        return cls((), stride, longest, threshold, language_of(right), **more)

    @property
    def is_fitted(self) -> bool:
        return self.threshold is not None

    def gathering(self, split: Tokenized) -> Worth:
        return Worth(self.scores(split))

    def fitted(self, logits: Tensor, labels: Tensor) -> Self:
        """With the threshold that has the best F1.

        Args:
            logits: [examples, 1], log-odds of the best part.
            labels: [examples, 2], F1 of answering with it, and of saying that there is no answer.
        """
        answered, unanswered = labels.numpy().T
        return replace(self, threshold=best_threshold(logits[:, 0].numpy(), answered, unanswered))

    def answering(self) -> dict[str, Any]:
        settings = {"stride": self.stride, "longest": self.longest}
        return settings if self.threshold is None else {**settings, "threshold": self.threshold}

    def _answers(self) -> SpanAnswers:
        return SpanAnswers((), self.stride, self.longest, self._threshold)

    @property
    def _threshold(self) -> float:
        return EVEN if self.threshold is None else self.threshold

    def auto_class(self) -> Any:
        """Two logits for each token, of the first and of the last one of the answer."""
        from transformers import AutoModelForTokenClassification

        return AutoModelForTokenClassification

    def configured(self, config: PretrainedConfig) -> PretrainedConfig:
        config.num_labels = 2
        config.id2label, config.label2id = {0: "start", 1: "end"}, {"start": 0, "end": 1}
        return config

    def encodes_by(self) -> Sequence[Any]:
        return (self.stride, self.longest)

    def encode(self, split: Split, tokenizer: PreTrainedTokenizerBase, max_length: int) -> Encoded:
        return encoded_in_windows(split, tokenizer, max_length, self.stride, self.longest)

    def rows(self, examples: Sequence[Example]) -> Sequence[Example]:
        """A row for each window."""
        return rows_of_windows(examples, self.stride)

    def targets(self, examples: Sequence[Example], input_ids: Tensor, mask: Tensor) -> Tensor:
        """[rows, 5]: the example, where its context begins and ends, where the answer begins and ends."""
        del input_ids, mask
        return torch.tensor([example["label"] for example in examples])

    def counts(self, lengths: np.ndarray) -> np.ndarray:
        """Each example counts the same, however many windows it has."""
        return np.ones(len(lengths))

    def places(self, batch: Mapping[str, Tensor]) -> Tensor:
        """The tokens that an answer may begin or end at, and the one that stands for none."""
        return choices(batch["labels"], batch["attention_mask"].shape[1])

    def predictions(self, logits: Tensor, mask: Tensor) -> Tensor:
        """[2 rows, tokens]: of each window, the choice of the first token, and that of the last one."""
        return full(logits).masked_fill(mask[..., None] == 0, MASKED).transpose(1, 2).flatten(0, 1)

    def loss(self, outputs: Any, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Cross-entropy of both choices; the mean over an example's windows, then over examples.

        A window that does not hold the whole answer teaches that there is none.
        """
        labels = batch["labels"]
        _, whose, size = torch.unique_consecutive(labels[:, 0], return_inverse=True, return_counts=True)
        return {"loss": (losses(outputs.logits, labels) / size[whose]).sum() / len(size)}

    def scores(self, split: Tokenized) -> SpanScores:
        return SpanScores(
            split, stride=self.stride, longest=self.longest, threshold=self._threshold, language=self.language
        )

    def parts_of_quality(self, kept: Kept, split: Tokenized) -> np.ndarray | None:
        """Of the mean F1."""
        del split
        assert isinstance(kept, Found)
        return np.stack([kept.overlaps, np.ones(len(kept.overlaps))], axis=1)

    def details(self, report: Report) -> dict[str, Any]:
        """Of questions with an answer and of those without, as far as there are both."""
        kept = report.kept
        if not isinstance(kept, Found):
            return {}
        has = kept.truths[:, 0] >= 0
        sides = {"with_answer": has, "without_answer": ~has}
        return {
            name: {
                "questions": int(some.sum()),
                F1.key: float(kept.overlaps[some].mean()),
                EXACT.key: float(kept.hits[some].mean()),
            }
            for name, some in sides.items()
            if some.any()
        }

    def data_facts(self, dataset: Dataset) -> dict[str, Any]:
        """How many questions have no answer."""
        splits = {"train": dataset.train, "test": dataset.test}
        without = {name: sum(not right for right in split.labels) for name, split in splits.items()}
        return {**super().data_facts(dataset), "without_answer": without, "compared": self.language.value}

    def baselines(self, dataset: Dataset) -> list[dict[str, Any]]:
        """Saying that nothing is answered, and the rules that the task knows."""
        test = dataset.test
        rules = dict(self.guesses)
        if not all(test.labels):
            rules["never an answer"] = [NONE] * len(test)
        return [{"name": name, "metrics": self._metrics_of(guessed, test)} for name, guessed in rules.items()]

    def _metrics_of(self, guessed: Sequence[Characters], test: Split) -> dict[str, float]:
        rows = [
            (*worth(context, guess, right, self.language), (guess == NONE) == (not right))
            for (_, context), guess, right in zip(test.texts, guessed, test.labels, strict=True)
        ]
        return dict(zip((F1.key, EXACT.key, ANSWERABILITY.key), np.mean(rows, axis=0).tolist(), strict=True))

    def answer(self, logits: Tensor, mask: Tensor) -> dict[str, Any]:
        raise DataError("This model answers questions about a context: give it both, see answer_in_windows.")

    def answer_in_windows(
        self, text: Sequence[str], logits: Sequence[np.ndarray], windows: Sequence[Window]
    ) -> dict[str, Any]:
        return self._answers().answer_in_windows(text, logits, windows)

    def explained(self, logits: Tensor, mask: Tensor) -> tuple[int, ...]:
        """The likeliest first token."""
        return int(logits[:, 0].masked_fill(mask == 0, -torch.inf).argmax()), 0

    def to_explain(
        self,
        text: Sequence[str],
        logits: Tensor,
        mask: Tensor,
        offsets: Sequence[tuple[int, int]],
        asked: Sequence[str] = (),
        columns: Sequence[int | None] = (),
    ) -> list[tuple[str, tuple[int, ...]]]:
        """Where the likeliest answer begins, and where it ends, whether or not it is likelier than none."""
        if asked:
            raise DataError(f"This model knows no label {asked[0]!r}: it answers questions. Leave --label out.")
        window = Window.of_tokens(columns, offsets)
        found = best_parts([window], [logits.numpy()], self.stride, self.longest)
        (places,) = place_of(found[0].characters, [window], self.stride) if found else (None,)
        if places is None:
            return [("no answer", (NO_ANSWER, 0))]
        start, end = trimmed(text[1], found[0].characters)
        answer = text[1][start:end]
        return [(f"{answer!r} begins", (places[0], 0)), (f"{answer!r} ends", (places[1], 1))]

    def imitation(self, student: Tensor, teacher: Tensor, temperature: float) -> Tensor:
        """The mean over windows and both choices."""
        return soft_cross_entropy(student, teacher, temperature)

    def divergence(self, found: Tensor, expected: Tensor) -> Tensor:
        return kullback_leibler(found, expected)
