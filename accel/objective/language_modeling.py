"""The next token: its head, its loss, its scores."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from torch import Tensor, nn
from torchmetrics import SumMetric

from accel.core.family import CAUSAL_FAMILIES
from accel.core.metric import OF_LANGUAGE, Metric
from accel.data.blocks import blocks_of
from accel.data.tokenized import RECORDS, Example, Tokenized
from accel.data.tokens import IGNORED
from accel.errors import DataError
from accel.objective._choices import Choices, marked
from accel.objective.scores import Report, Scores
from accel.ops.distill.losses import full

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedTokenizerBase

    from accel.data import Split
    from accel.data.tokens import Encoded


@dataclass(frozen=True)
class LanguageModelling(Choices):
    """The next token of a text, at every position, by a network that sees only what stands before it.

    No block holds parts of two documents, so nothing is predicted from another document. A document begins with a token
    of its own and ends with one; a longer one than a block is cut into several, each of which begins with the token
    that the one before ended with. So every token of the text is predicted exactly once.
    """

    label_names: Sequence[str] = ()

    name: ClassVar[str] = "language modelling"
    metrics: ClassVar[tuple[Metric, ...]] = OF_LANGUAGE
    unit: ClassVar[str] = "tokens"
    evaluation_tokens: ClassVar[int] = 1024
    """Every token has as many logits as there are pieces."""

    @classmethod
    def for_labels(cls, label_names: Sequence[str]) -> LanguageModelling:
        del label_names
        return cls()

    def auto_class(self) -> Any:
        from transformers import AutoModelForCausalLM

        return AutoModelForCausalLM

    def configured(self, config: PretrainedConfig) -> PretrainedConfig:
        """Unchanged.

        Raises:
            DataError: the architecture sees what it should predict.
        """
        if config.model_type not in CAUSAL_FAMILIES:
            raise DataError(
                f"A {config.model_type} is no language model that accel knows: it must predict each token from those "
                f"before it. Choose one of {', '.join(CAUSAL_FAMILIES)}, such as model=smollm2."
            )
        return config

    def encode(self, split: Split, tokenizer: PreTrainedTokenizerBase, max_length: int) -> Encoded:
        return blocks_of(split, tokenizer, max_length)

    def targets(self, examples: Sequence[Example], input_ids: Tensor, mask: Tensor) -> Tensor:
        """[batch, tokens]: the tokens themselves, ``IGNORED`` where there is padding."""
        del examples
        return input_ids.masked_fill(mask == 0, IGNORED)

    def counts(self, lengths: np.ndarray) -> np.ndarray:
        return lengths - 1.0

    def predictions(self, logits: Tensor, mask: Tensor) -> Tensor:
        return logits[:, :-1][mask[:, 1:].bool()]

    def loss(self, outputs: Any, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        logits, labels = outputs.logits[:, :-1], batch["labels"][:, 1:]
        if (records := batch.get(RECORDS)) is not None:
            return {"loss": _mean_by_record(full(logits), labels, records).mean()}
        return {"loss": F.cross_entropy(full(logits).flatten(0, 1), labels.flatten(), ignore_index=IGNORED)}

    def scored(self, logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        return marked(logits[:, :-1], labels[:, 1:], labels[:, 1:] != IGNORED)

    def scores(self, split: Tokenized) -> Scores:
        return TokenScores(split.num_bytes)

    def details(self, report: Report) -> dict[str, Any]:
        del report
        return {}

    def speeds(self, models: Mapping[str, nn.Module]) -> Mapping[str, dict[str, Any]]:
        from accel.measure.generation import speeds

        return {side: {"generation": found} for side, found in speeds(models).items()}


def _mean_by_record(logits: Tensor, labels: Tensor, records: Tensor) -> Tensor:
    """[records]: the mean over the tokens of each, so that no document's loss depends on another's length.

    Args:
        logits: [rows, tokens, pieces].
        labels: [rows, tokens], ``IGNORED`` where nothing is predicted.
        records: [rows], whose rows they are.
    """
    losses = F.cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=IGNORED, reduction="none")
    nothing = losses.new_zeros(int(records.max()) + 1)
    sums = nothing.index_add(0, records, losses.view_as(labels).sum(1))
    return sums / nothing.index_add(0, records, (labels != IGNORED).sum(1).to(losses.dtype))


LARGEST_EXPONENT = 700.0
"""Of e: beyond it the perplexity of an untrained model is no float."""


class TokenScores(Scores):
    """Of every next token: the mean cross-entropy and its exponential, the share of right guesses, bits per byte.

    Args:
        num_bytes: of the texts whose tokens are scored, in UTF-8: bits per byte compare models whatever their pieces.
    """

    def __init__(self, num_bytes: int) -> None:
        super().__init__()
        self.num_bytes = num_bytes
        self.loss, self.hits, self.tokens = (SumMetric().set_dtype(torch.float64) for _ in range(3))

    def update(self, logits: Tensor, labels: Tensor) -> None:
        """Add a batch: logits [batch, tokens, pieces], labels [batch, tokens] with ``IGNORED`` at padding."""
        for row, true in zip(logits[:, :-1], labels[:, 1:], strict=True):  # one by one: the logits are large
            losses = F.cross_entropy(row.float(), true, reduction="none", ignore_index=IGNORED)
            self.loss.update(losses.double().sum())
            self.hits.update((row.argmax(-1) == true).sum())
            self.tokens.update((true != IGNORED).sum())

    def compute(self) -> Report:
        """Loss in nats per token, perplexity, accuracy in [0, 1], bits per byte."""
        total, tokens = float(self.loss.compute()), max(1.0, float(self.tokens.compute()))
        loss = total / tokens
        return Report(
            {
                "accuracy": float(self.hits.compute()) / tokens,
                "loss": loss,
                "perplexity": math.exp(min(loss, LARGEST_EXPONENT)),
                "bits_per_byte": total / math.log(2) / max(1, self.num_bytes),
            }
        )
