"""Hidden words: a head that finds them, its loss, its scores."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from torch import Tensor
from torchmetrics import SumMetric

from accel.core.family import family_of
from accel.core.metric import OF_MASKED, Metric
from accel.data.blocks import ends
from accel.data.collate import padded_targets
from accel.data.loader import DRAW
from accel.data.masking import SPECIAL, Pieces, chosen, hidden, order_of, units_of
from accel.data.tokenized import RECORDS, TOKENIZE_AT_ONCE, Example, Tokenized
from accel.data.tokens import Encoded, Ragged
from accel.errors import DataError
from accel.objective._choices import Choices, marked
from accel.objective.language_modeling import IGNORED, LARGEST_EXPONENT
from accel.objective.scores import Report, Scores
from accel.ops.distill.losses import full

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedTokenizerBase

    from accel.core.meta import Meta
    from accel.data import Split

FRACTION = 0.15
ALWAYS = (0,)
"""The draw of what is scored: the same words are hidden in every evaluation of every model with the same tokenizer."""


@dataclass(frozen=True)
class MaskedLanguageModelling(Choices):
    """The words that are hidden in a text, by a network that reads all the others.

    Documents are cut into blocks, each between the first and the last token of a text. In training other words are
    hidden in every epoch; whenever something is scored they are the same.
    """

    fraction: float = FRACTION
    """Of the tokens, that are hidden."""
    pieces: Pieces | None = field(default=None, compare=False, repr=False)
    """Of the tokenizer; unknown before there is one."""
    label_names: Sequence[str] = ()

    name: ClassVar[str] = "masked language modelling"
    metrics: ClassVar[tuple[Metric, ...]] = OF_MASKED
    unit: ClassVar[str] = "tokens"
    evaluation_tokens: ClassVar[int] = 1024
    """Every token has as many logits as there are pieces."""
    head_is_pretrained: ClassVar[bool] = True

    @classmethod
    def for_labels(cls, label_names: Sequence[str]) -> MaskedLanguageModelling:
        del label_names
        return cls()

    @classmethod
    def of(cls, meta: Meta) -> MaskedLanguageModelling:
        return cls(float(meta.answering["fraction"]))

    def answering(self) -> dict[str, Any]:
        return {"fraction": self.fraction}

    def reading(self, tokenizer: PreTrainedTokenizerBase) -> Self:
        pieces = Pieces.of(tokenizer)
        if pieces is None:
            raise DataError(
                "The model's tokenizer has no token for a hidden word, so it was not trained to find them. Choose an "
                "encoder such as model=minilm, or learn to continue texts: task=language_modeling."
            )
        return replace(self, pieces=pieces)

    def auto_class(self) -> Any:
        from transformers import AutoModelForMaskedLM

        return AutoModelForMaskedLM

    def configured(self, config: PretrainedConfig) -> PretrainedConfig:
        """Unchanged.

        Raises:
            DataError: the architecture does not read what stands on both sides of a word.
        """
        family = family_of(config.model_type)
        if family.causal or family.encoder_decoder:
            raise DataError(
                f"A {config.model_type} does not read what stands on both sides of a hidden word. Choose an encoder, "
                f"such as model=minilm, or learn to continue texts: task=language_modeling."
            )
        return config

    def encode(self, split: Split, tokenizer: PreTrainedTokenizerBase, max_length: int) -> Encoded:
        """Blocks of whole documents; ``targets`` say which tokens are hidden together."""
        first, last = ends(tokenizer)
        blocks: list[list[int]] = []
        units: list[list[int]] = []
        documents: list[int] = []
        for start in range(0, len(split.texts), TOKENIZE_AT_ONCE):
            texts = [text for (text,) in split.texts[start : start + TOKENIZE_AT_ONCE]]
            found = tokenizer(texts, add_special_tokens=False, return_offsets_mapping=True, verbose=False)
            for number, (ids, offsets) in enumerate(zip(found["input_ids"], found["offset_mapping"], strict=True)):
                together = units_of(texts[number], offsets)
                for begin in range(0, len(ids), max_length - 2):
                    some = slice(begin, begin + max_length - 2)
                    blocks.append([first, *ids[some], last])
                    units.append([SPECIAL, *(unit - together[begin] for unit in together[some]), SPECIAL])
                    documents.append(start + number)
        _, records = np.unique(np.array(documents, dtype=np.int64), return_inverse=True)
        return Encoded(Ragged.of(blocks), None, 0, Ragged.of(units), records)

    def rows(self, examples: Sequence[Example]) -> Sequence[Example]:
        """The same with words hidden; ``targets`` are the tokens to find."""
        return [self._hidden(example) for example in examples]

    def _hidden(self, example: Example) -> Example:
        assert self.pieces is not None  # ``reading`` was called before there was a batch
        ids = example["input_ids"]
        order = order_of(ids, example.get(DRAW, ALWAYS))
        mark = chosen(example["targets"], self.fraction, order)
        return {
            **example,
            "input_ids": hidden(ids, mark, self.pieces, order),
            "targets": np.where(mark, ids, IGNORED),
        }

    def targets(self, examples: Sequence[Example], input_ids: Tensor, mask: Tensor) -> Tensor:
        """[batch, tokens]: the tokens to find, ``IGNORED`` where none is hidden."""
        del mask
        return padded_targets(examples, input_ids)

    def counts(self, lengths: np.ndarray) -> np.ndarray:
        """A block counts as much as it is long, however many words chance hides in it."""
        return np.asarray(lengths, dtype=np.float64)

    def predictions(self, logits: Tensor, mask: Tensor) -> Tensor:
        return logits[mask.bool()]

    def loss(self, outputs: Any, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The mean over the hidden tokens of each block; over blocks by their length."""
        logits, labels, weights = full(outputs.logits), batch["labels"], batch["attention_mask"].sum(1)
        losses = F.cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=IGNORED, reduction="none")
        blocks = losses.view_as(labels).sum(1) / (labels != IGNORED).sum(1) * weights
        if (records := batch.get(RECORDS)) is None:
            return {"loss": blocks.sum() / weights.sum()}
        nothing = blocks.new_zeros(int(records.max()) + 1)
        lengths = nothing.index_add(0, records, weights.to(blocks.dtype))
        return {"loss": (nothing.index_add(0, records, blocks) / lengths).mean()}

    def scored(self, logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        return marked(logits, labels, labels != IGNORED)

    def scores(self, split: Tokenized) -> Scores:
        del split
        return HiddenScores()

    def details(self, report: Report) -> dict[str, Any]:
        del report
        return {}


class HiddenScores(Scores):
    """Of every hidden token: the share that was found, the mean cross-entropy and its exponential."""

    def __init__(self) -> None:
        super().__init__()
        self.loss, self.hits, self.tokens = (SumMetric().set_dtype(torch.float64) for _ in range(3))

    def update(self, logits: Tensor, labels: Tensor) -> None:
        """Add a batch: logits [batch, tokens, pieces], labels [batch, tokens] with ``IGNORED`` where none is hidden."""
        mark = labels != IGNORED
        rows, true = logits[mark].float(), labels[mark]
        self.loss.update(F.cross_entropy(rows, true, reduction="none").double().sum())
        self.hits.update((rows.argmax(-1) == true).sum())
        self.tokens.update(mark.sum())

    def compute(self) -> Report:
        """Accuracy in [0, 1], loss in nats per token, perplexity."""
        tokens = max(1.0, float(self.tokens.compute()))
        loss = float(self.loss.compute()) / tokens
        found = (float(self.hits.compute()) / tokens, loss, math.exp(min(loss, LARGEST_EXPONENT)))
        return Report(dict(zip((metric.key for metric in OF_MASKED), found, strict=True)))
