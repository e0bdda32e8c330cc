"""A tag for every word: its head, its loss, its scores, its answer in spans of characters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from torch import Tensor
from torchmetrics import MeanMetric, SumMetric

from accel.behaviour.decisions import Decisions
from accel.behaviour.kept import Kept
from accel.core.metric import OF_ENTITIES, Metric
from accel.core.objective import Answering, require_known
from accel.data.collate import padded_targets
from accel.data.tokenized import RECORDS, TOKENIZE_AT_ONCE, Example, Tokenized
from accel.data.tokens import IGNORED, Encoded, Ragged
from accel.data.words import OUTSIDE, entities, first_tokens, spelled, words_of
from accel.objective._choices import Choices, marked
from accel.objective.answers import EntityAnswers
from accel.objective.scores import Report, Scores
from accel.ops.distill.losses import full
from accel.ops.names import NameTable

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedTokenizerBase

    from accel.data import Dataset, Split

TABLE = "a table of the names of training"


@dataclass(frozen=True)
class Tagging(Choices, Answering):
    """An IOB2 tag for every word of a text, by the first of the word's tokens."""

    label_names: Sequence[str]

    name: ClassVar[str] = EntityAnswers.name
    metrics: ClassVar[tuple[Metric, ...]] = OF_ENTITIES
    evaluation_tokens: ClassVar[int] = 4096
    unit: ClassVar[str] = "words"

    @classmethod
    def for_labels(cls, label_names: Sequence[str]) -> Tagging:
        return cls(label_names)

    @property
    def types(self) -> list[str]:
        """Of entities."""
        return [name[2:] for name in self.label_names if name.startswith("B-")]

    def auto_class(self) -> Any:
        from transformers import AutoModelForTokenClassification

        return AutoModelForTokenClassification

    def configured(self, config: PretrainedConfig) -> PretrainedConfig:
        config.num_labels = len(self.label_names)
        config.id2label = dict(enumerate(self.label_names))
        config.label2id = {name: i for i, name in enumerate(self.label_names)}
        return config

    def spelled(self, text: str) -> str:
        return spelled(text)

    def encode(self, split: Split, tokenizer: PreTrainedTokenizerBase, max_length: int) -> Encoded:
        """Tokens, and for the first of each word its tag.

        An entity of which a word has no token of its own, or none before ``max_length``, is not learned and counts as
        missed: what is left of it is another entity.
        """
        ids: list[list[int]] = []
        targets: list[list[int]] = []
        cut = 0
        for start in range(0, len(split), TOKENIZE_AT_ONCE):
            texts = [text for (text,) in split.texts[start : start + TOKENIZE_AT_ONCE]]
            found = tokenizer(
                list(map(spelled, texts)), truncation=True, max_length=max_length, return_offsets_mapping=True
            )
            ids += found["input_ids"]
            for number, text in enumerate(texts):
                first = first_tokens(text, found["offset_mapping"][number])
                targets.append(_targets(split.labels[start + number], first, len(found["input_ids"][number])))
            cut += sum(bool(encoding.overflowing) for encoding in found.encodings or ())
        return Encoded(Ragged.of(ids), None, cut, Ragged.of(targets), np.arange(len(ids)))

    def targets(self, examples: Sequence[Example], input_ids: Tensor, mask: Tensor) -> Tensor:
        """[batch, tokens]: numbers of tags, ``IGNORED`` where no word begins."""
        del mask
        return padded_targets(examples, input_ids)

    def counts(self, lengths: np.ndarray) -> np.ndarray:
        """Every token counts, whether it has a tag or not: what a token adds depends on no other one."""
        return np.asarray(lengths, dtype=np.float64)

    def predictions(self, logits: Tensor, mask: Tensor) -> Tensor:
        return logits[mask.bool()]

    def loss(self, outputs: Any, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        labels, mask = batch["labels"], batch["attention_mask"]
        losses = F.cross_entropy(
            full(outputs.logits).flatten(0, 1), labels.flatten(), ignore_index=IGNORED, reduction="none"
        ).view_as(labels)
        if RECORDS in batch:  # each text's own mean, so that none depends on another's length
            return {"loss": (losses.sum(1) / mask.sum(1)).mean()}
        return {"loss": losses.sum() / mask.sum()}

    def scored(self, logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        return marked(logits, labels, labels != IGNORED)

    def parts_of_quality(self, kept: Kept, split: Tokenized) -> np.ndarray | None:
        """Of entity F1: twice the right entities, and those that were found and those that there are."""
        assert isinstance(kept, Decisions)
        parts = np.zeros((len(split), 2))
        parts[:, 1] = [_count([tags], self.label_names).sum() for tags in split.labels]
        starts = np.searchsorted(kept.examples, np.arange(len(split) + 1))
        for example, (begin, end) in enumerate(pairwise(starts.tolist())):
            sides = (kept.truths[begin:end], kept.choices[begin:end])
            truth, found = (set(entities([self.label_names[int(tag)] for tag in side])) for side in sides)
            parts[example] += (2 * len(truth & found), len(found))
        return parts

    def scores(self, split: Tokenized) -> Scores:
        return EntityScores(self.label_names, split.labels)

    def answer(self, logits: Tensor, mask: Tensor) -> dict[str, Any]:
        """The tag of every token."""
        best: list[int] = logits.argmax(-1).tolist()
        return {"tags": [self.label_names[tag] for tag, real in zip(best, mask.tolist(), strict=True) if real]}

    def answer_to(
        self, text: Sequence[str], logits: Tensor, mask: Tensor, offsets: Sequence[tuple[int, int]]
    ) -> dict[str, Any]:
        """The entities: where they stand in the text, in characters, of what type, and how sure the model is."""
        del mask
        return EntityAnswers(self.label_names).answer_to(text, logits.numpy(), offsets)

    def explained(self, logits: Tensor, mask: Tensor) -> tuple[int, ...]:
        """The likeliest tag of the token that is most surely a part of something."""
        odds = logits.softmax(-1).masked_fill(mask[:, None] == 0, -1.0)
        token = int(odds[:, 1:].amax(-1).argmax())
        return token, int(logits[token].argmax())

    def to_explain(
        self,
        text: Sequence[str],
        logits: Tensor,
        mask: Tensor,
        offsets: Sequence[tuple[int, int]],
        asked: Sequence[str] = (),
        columns: Sequence[int | None] = (),
    ) -> list[tuple[str, tuple[int, ...]]]:
        """The first word of each entity, of the types that are asked for; where there is none, of what is nearest."""
        del columns
        require_known(asked, self.types)
        (whole,) = text
        words, first = words_of(whole), first_tokens(whole, offsets)
        best = logits.argmax(-1).tolist()
        tags = [OUTSIDE if token is None else str(self.label_names[best[token]]) for token in first]
        found = []
        for begin, end, kind in entities(tags):
            token = first[begin]
            if token is not None and (not asked or kind in asked):
                found.append((f"{whole[words[begin][0] : words[end - 1][1]]} ({kind})", (token, best[token])))
        if found:
            return found
        place = self.explained(logits, mask)
        return [(f"no entity; {self.label_names[place[-1]]} is nearest", place)]

    def data_facts(self, dataset: Dataset) -> dict[str, Any]:
        """The types, and how many entities of each there are."""
        sides = {"train": dataset.train, "test": dataset.test}
        counts = {name: _count(split.labels, self.label_names).tolist() for name, split in sides.items()}
        return {"labels": self.types, "label_counts": counts}

    def simple_models(self, dataset: Dataset, seed: int) -> Iterator[tuple[str, Report, int]]:
        """A table of the names of training; it finds no name that is new."""
        del seed
        train, test = dataset.train, dataset.test
        named = [entities([str(self.label_names[tag]) for tag in tags]) for tags in train.labels]
        table = NameTable.of([_words(text) for (text,) in train.texts], named)
        found = [self._numbers(table.find(words), len(words)) for words in (_words(text) for (text,) in test.texts)]
        yield TABLE, self._report_of(found, test.labels), len(train)

    def _numbers(self, found: Sequence[tuple[int, int, str]], num_words: int) -> list[int]:
        """The tag of each word, as ``dataset.labels`` has it."""
        tags = [0] * num_words
        for begin, end, kind in found:
            first = 1 + 2 * self.types.index(kind)
            tags[begin:end] = [first, *[first + 1] * (end - begin - 1)]
        return tags

    def _report_of(self, found: Sequence[Sequence[int]], labels: Sequence[Sequence[int]]) -> Report:
        """Of tags that nobody is more or less sure of."""
        truths, choices = (np.concatenate([np.array(tags, int) for tags in side]) for side in (labels, found))
        examples = np.repeat(np.arange(len(labels)), [len(tags) for tags in labels])
        zeros = np.zeros(len(truths))
        kept = Decisions(examples, truths, choices, confidences=zeros + 1, losses=zeros)
        sides = ([set(entities([self.label_names[t] for t in tags])) for tags in side] for side in (labels, found))
        pairs = list(zip(*sides, strict=True))
        rates = _rates(*(sum(map(len, part)) for part in zip(*((a & b, b, a) for a, b in pairs), strict=True)))
        return Report(dict(zip(("precision", "recall", "entity_f1"), rates, strict=True)), kept=kept)

    def details(self, report: Report) -> dict[str, Any]:
        return {"per_class": report.classes}


def _words(text: str) -> list[str]:
    return [text[start:end] for start, end in words_of(text)]


def _targets(tags: Sequence[int], first: Sequence[int | None], num_tokens: int) -> list[int]:
    """A target for every token; ``tags`` are numbers, of which 0 is outside, odd ones begin and even ones go on."""
    made = [IGNORED] * num_tokens
    begin = 0
    for word in range(1, len(tags) + 1):
        if word < len(tags) and tags[word] and tags[word] % 2 == 0:
            continue  # goes on
        seen = [token for token in first[begin:word] if token is not None]
        if len(seen) == word - begin:
            for token, tag in zip(seen, tags[begin:word], strict=True):
                made[token] = tag
        begin = word
    return made


def _count(labels: Sequence[Sequence[int]], names: Sequence[str]) -> np.ndarray:
    """Entities of each type."""
    begun = np.bincount([tag for tags in labels for tag in tags], minlength=len(names))
    return begun[1::2]


class EntityScores(Scores):
    """Of whole entities: right is one whose words and whose type are all right.

    Args:
        label_names: of tags; ``O`` first, then ``B-`` and ``I-`` of each type.
        labels: tags of every word of the split, of which a model may see fewer.
    """

    def __init__(self, label_names: Sequence[str], labels: Sequence[Sequence[int]]) -> None:
        super().__init__()
        self.names = list(label_names)
        self.types = [name[2:] for name in self.names[1::2]]
        self.true = _count(labels, self.names)
        self.hits = torch.nn.ModuleList(SumMetric().set_dtype(torch.float64) for _ in self.types)
        self.predicted = torch.nn.ModuleList(SumMetric().set_dtype(torch.float64) for _ in self.types)
        self.loss = MeanMetric()

    def reset(self) -> None:
        for metric in (*self.hits, *self.predicted, self.loss):
            metric.reset()  # type: ignore[operator]

    def update(self, logits: Tensor, labels: Tensor) -> None:
        """Add a batch: logits [batch, tokens, tags], labels [batch, tokens] with ``IGNORED`` where no word begins."""
        known = labels != IGNORED
        if bool(known.any()):
            self.loss.update(F.cross_entropy(logits[known].float(), labels[known], reduction="none"))
        best = logits.argmax(-1)
        for row, truth, mark in zip(best, labels, known, strict=True):
            expected, found = (set(entities([self.names[t] for t in tags[mark].tolist()])) for tags in (truth, row))
            for number, kind in enumerate(self.types):
                self.hits[number].update(sum(e[2] == kind for e in expected & found))  # type: ignore[operator]
                self.predicted[number].update(sum(e[2] == kind for e in found))  # type: ignore[operator]

    def compute(self) -> Report:
        """Micro-averaged precision, recall and F1 over all entities of the split, seen or not; loss by word."""
        hits, predicted = (
            np.array([float(m.compute()) for m in metrics])  # type: ignore[operator]
            for metrics in (self.hits, self.predicted)
        )
        precision, recall, f1 = _rates(hits.sum(), predicted.sum(), self.true.sum())
        classes = [
            dict(zip(("precision", "recall", "f1"), _rates(*counts), strict=True)) | {"label": kind, "support": int(t)}
            for kind, t, counts in zip(self.types, self.true, zip(hits, predicted, self.true, strict=True), strict=True)
        ]
        metrics = {"entity_f1": f1, "precision": precision, "recall": recall, "loss": float(self.loss.compute())}
        return Report(metrics, classes=classes)


def _rates(hits: float, predicted: float, true: float) -> tuple[float, float, float]:
    """(precision, recall, F1), each 0 where there is nothing."""
    f1 = 2 * hits / (predicted + true) if predicted + true else 0.0
    return hits / predicted if predicted else 0.0, hits / true if true else 0.0, f1
