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
import torch.nn.functional as F  # noqa: N812 - torch's own convention
import torchmetrics
from torch import Tensor
from torchmetrics.utilities import dim_zero_cat

from accel.behaviour.found import Found
from accel.behaviour.kept import Kept
from accel.core.metric import LOSS, OF_SPANS, Metric
from accel.core.objective import Answering
from accel.data.batches import TOKENIZE_AT_ONCE, Example, Tokenized
from accel.data.likeness import Language, language_of, likeness
from accel.data.tokens import Encoded, Ragged
from accel.data.windows import NO_ANSWER, Characters, Window, in_windows, place_of, unmarked
from accel.errors import DataError
from accel.objective._extraction import ALWAYS, best_parts, best_threshold, score_of_none, trimmed
from accel.objective.answers import SpanAnswers
from accel.objective.scores import Report, Scores
from accel.ops.distill.losses import full, soft_cross_entropy
from accel.ops.quantize.sensitivity import kullback_leibler

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedTokenizerBase

    from accel.core.meta import Meta
    from accel.data import Dataset, Split

EVEN = 0.0
"""The threshold while none is chosen: an answer that is likelier than none."""
NONE: Characters = (-1, -1)
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
        return Worth(SpanScores(self, split))

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
        return SpanAnswers((), self.stride, self.longest, EVEN if self.threshold is None else self.threshold)

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
        """The windows of each example one after the other; ``targets`` are two numbers for each token, its characters.

        Truncated is an example whose question is cut, or none of whose answers can be found: each is longer than
        ``longest``, or whole in no window.
        """
        ids: list[np.ndarray] = []
        types: list[np.ndarray] = []
        marks: list[np.ndarray] = []
        cut = 0
        for start in range(0, len(split), TOKENIZE_AT_ONCE):
            some = slice(start, start + TOKENIZE_AT_ONCE)
            texts, labels = split.texts[some], split.labels[some]
            found = in_windows(_backend(tokenizer), texts, max_length, self.stride)
            for read, right in zip(found, labels, strict=True):
                windows = read.windows
                ids.append(np.concatenate([part.ids for part in read.parts]))
                types.append(np.concatenate([part.type_ids for part in read.parts]))
                marks.append(
                    np.concatenate([w.marked(len(p)).ravel() for w, p in zip(windows, read.parts, strict=True)])
                )
                cut += read.is_cut or (bool(right) and not self._can_be_found(right, windows))
        has_types = "token_type_ids" in tokenizer.model_input_names
        return Encoded(Ragged.of(ids), Ragged.of(types) if has_types else None, cut, Ragged.of(marks))

    def _can_be_found(self, right: Sequence[Characters], windows: Sequence[Window]) -> bool:
        """Whether some answer is whole in a window, and no longer than answers may be."""
        each = (place for begin, end in right for place in place_of((begin, end), windows, self.stride))
        return any(place is not None and place[1] - place[0] < self.longest for place in each)

    def _places(self, right: Sequence[Characters], windows: Sequence[Window]) -> list[Characters | None]:
        """Of each window, where the first right answer stands that is whole in it."""
        each = [place_of((begin, end), windows, self.stride) for begin, end in right]
        return [next((p for p in places if p is not None), None) for places in zip(*each, strict=True)]

    def rows(self, examples: Sequence[Example]) -> Sequence[Example]:
        """A row for each window."""
        found = []
        for example in examples:
            parts = unmarked(example["targets"].reshape(-1, 2))
            windows = [window for _, window in parts]
            places = self._places(example["label"], windows) or [None] * len(windows)
            for (some, window), place in zip(parts, places, strict=True):
                found.append(
                    {
                        **{name: example[name][some] for name in ("input_ids", "token_type_ids") if name in example},
                        "label": (example["index"], window.first, window.last, *(place or (NO_ANSWER, NO_ANSWER))),
                    }
                )
        return found

    def targets(self, examples: Sequence[Example], input_ids: Tensor, mask: Tensor) -> Tensor:
        """[rows, 5]: the example, where its context begins and ends, where the answer begins and ends."""
        del input_ids, mask
        return torch.tensor([example["label"] for example in examples])

    def counts(self, lengths: np.ndarray) -> np.ndarray:
        """Each example counts the same, however many windows it has."""
        return np.ones(len(lengths))

    def places(self, batch: Mapping[str, Tensor]) -> Tensor:
        """The tokens that an answer may begin or end at, and the one that stands for none."""
        return _choices(batch["labels"], batch["attention_mask"].shape[1])

    def predictions(self, logits: Tensor, mask: Tensor) -> Tensor:
        """[2 rows, tokens]: of each window, the choice of the first token, and that of the last one."""
        return full(logits).masked_fill(mask[..., None] == 0, MASKED).transpose(1, 2).flatten(0, 1)

    def loss(self, outputs: Any, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Cross-entropy of both choices; the mean over an example's windows, then over examples.

        A window that does not hold the whole answer teaches that there is none.
        """
        labels = batch["labels"]
        _, whose, size = torch.unique_consecutive(labels[:, 0], return_inverse=True, return_counts=True)
        return {"loss": (_losses(outputs.logits, labels) / size[whose]).sum() / len(size)}

    def scores(self, split: Tokenized) -> Scores:
        return SpanScores(self, split)

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
            (*self.worth(context, guess, right), (guess == NONE) == (not right))
            for (_, context), guess, right in zip(test.texts, guessed, test.labels, strict=True)
        ]
        return dict(zip((F1.key, EXACT.key, ANSWERABILITY.key), np.mean(rows, axis=0).tolist(), strict=True))

    def worth(self, context: str, found: Characters, right: Sequence[Sequence[int]]) -> tuple[float, float]:
        """(F1, exact match) of a part of a context, or of ``NONE``."""
        answer = "" if found == NONE else context[slice(*found)]
        return likeness(answer, [context[begin:end] for begin, end in right], self.language)

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


def _backend(tokenizer: PreTrainedTokenizerBase) -> Any:
    """The library's own, which tells where tokens stand."""
    found = getattr(tokenizer, "backend_tokenizer", None)
    if found is None:
        raise DataError(
            f"A {type(tokenizer).__name__} does not say where in a text its tokens stand, and answers are parts of a "
            f"text. Choose a model with a fast tokenizer (tokenizer.json)."
        )
    return found


def _choices(labels: Tensor, num_tokens: int) -> Tensor:
    """bool [rows, tokens]: the context, and the token that stands for no answer."""
    places = torch.arange(num_tokens, device=labels.device)
    inside = (places >= labels[:, 1:2]) & (places < labels[:, 2:3])
    inside[:, NO_ANSWER] = True
    return inside


def _losses(logits: Tensor, labels: Tensor) -> Tensor:
    """[rows]: the mean cross-entropy of the two choices."""
    possible = _choices(labels, logits.shape[1])
    found = full(logits).masked_fill(~possible[..., None], -torch.inf)
    return F.cross_entropy(found, labels[:, 3:], reduction="none").mean(1)


class Outcomes(torchmetrics.Metric):
    """What became of every example of all batches and processes."""

    full_state_update = False
    rows: list[Tensor]

    def __init__(self) -> None:
        super().__init__()
        self.add_state("rows", [], dist_reduce_fx="cat")

    def update(self, rows: Tensor) -> None:
        self.rows.append(rows)

    def compute(self) -> np.ndarray:
        """[examples, columns] in float64, by their numbers."""
        found = dim_zero_cat(self.rows).cpu().numpy()
        return found[found[:, 0].argsort(kind="stable")]


COLUMNS = ("number", "odds", "begin", "end", "score", "none", "f1", "exact", "f1_none", "loss")
"""Of each example: the best part, its odds and probability, that of no answer; what either answer is worth."""


class SpanScores(Scores):
    """Of the likeliest part over all of an example's windows, and of no answer where it is not likely enough."""

    keeps: ClassVar[bool] = True

    def __init__(self, objective: Spans, split: Tokenized) -> None:
        super().__init__()
        self.objective, self.texts, self.right = objective, split.texts, split.labels
        self.marks = split.targets
        self.outcomes = Outcomes()

    def update(self, logits: Tensor, labels: Tensor) -> None:
        """Add a batch: logits [rows, tokens, 2], labels as ``Spans.targets`` makes them."""
        losses, arrays = _losses(logits, labels).tolist(), full(logits).cpu().numpy()
        numbers, sizes = torch.unique_consecutive(labels[:, 0], return_counts=True)
        begin, rows = 0, []
        for number, size in zip(numbers.tolist(), sizes.tolist(), strict=True):
            own = slice(begin, begin + size)
            rows.append([number, *self._outcome(number, arrays[own]), float(np.mean(losses[own]))])
            begin += size
        self.outcomes.update(torch.tensor(rows, dtype=torch.float64, device=logits.device))

    def _outcome(self, number: int, logits: np.ndarray) -> list[float]:
        """``COLUMNS`` without the first and the last."""
        assert self.marks is not None
        context, right = self.texts[number][1], self.right[number]
        windows = [window for _, window in unmarked(self.marks[number].reshape(-1, 2))]
        found = best_parts(windows, list(logits), self.objective.stride, self.objective.longest)
        none = self.objective.worth(context, NONE, right)[0]
        if not found:
            return [ALWAYS, *NONE, 0.0, 1.0, none, none, none]
        part = found[0]
        place = trimmed(context, part.characters)
        worth = self.objective.worth(context, place, right)
        return [part.odds, *place, part.score, score_of_none(found), *worth, none]

    def columns(self) -> dict[str, np.ndarray]:
        """Of every example, by ``COLUMNS``."""
        return dict(zip(COLUMNS, self.outcomes.compute().T, strict=True))

    def compute(self) -> Report:
        found = self.columns()
        threshold = EVEN if self.objective.threshold is None else self.objective.threshold
        kept = self._kept(found, (found["odds"] > threshold) & (found["begin"] >= 0))
        said, true = kept.choices[:, 0] >= 0, kept.truths[:, 0] >= 0
        values = (kept.overlaps, kept.hits, said == true, found["loss"])
        metrics = {m.key: float(np.mean(value)) for m, value in zip((*OF_SPANS[:3], LOSS), values, strict=True)}
        return Report(metrics, kept=kept)

    def _kept(self, found: Mapping[str, np.ndarray], answered: np.ndarray) -> Found:
        numbers = found["number"].astype(np.int64)
        choices = np.stack([found["begin"], found["end"]], axis=1).astype(np.int64)
        right = [self.right[number] for number in numbers]
        return Found(
            examples=numbers,
            truths=np.array([spans[0] if spans else NONE for spans in right], np.int64).reshape(-1, 2),
            choices=np.where(answered[:, None], choices, -1),
            hits=np.where(answered, found["exact"], found["f1_none"]).astype(bool),
            overlaps=np.where(answered, found["f1"], found["f1_none"]),
            confidences=np.where(answered, found["score"], found["none"]),
        )


class Worth:
    """What either answer to each example is worth, for the threshold."""

    def __init__(self, scores: SpanScores) -> None:
        self.scores = scores

    def update(self, logits: Tensor, labels: Tensor) -> None:
        """Add a batch, as ``SpanScores`` has it."""
        self.scores.update(logits, labels)

    def compute(self) -> tuple[Tensor, Tensor]:
        """(log-odds [examples, 1], F1 [examples, 2] of answering and of not answering)."""
        found = self.scores.columns()
        worth = np.stack([found["f1"], found["f1_none"]], axis=1)
        return torch.from_numpy(found["odds"][:, None].copy()), torch.from_numpy(worth)
