"""What a network predicts: its head, its loss, how its predictions are scored, and what a file must say of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from torch import Tensor, nn

from accel.core.metric import ACCURACY, BITS_PER_BYTE, LOSS, MACRO_F1, PERPLEXITY, Metric
from accel.data.batches import Example, Tokenized, tokenize
from accel.data.blocks import blocks_of
from accel.errors import DataError
from accel.metrics import IGNORED, ClassScores, Report, Scores, TokenScores
from accel.ops.losses import full
from accel.task import CAUSAL_FAMILIES

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedTokenizerBase

    from accel.data import Split
    from accel.data.tokens import Encoded
    from accel.exported import Meta


class Objective(ABC):
    """What every part of a run asks when it must know what is predicted; the rest of accel never does."""

    name: ClassVar[str]
    """As an exported model's ``accel.json`` has it."""
    metrics: ClassVar[tuple[Metric, ...]]
    """What its reports hold; the first is the quality, by which runs are compared, searched and stopped."""
    evaluation_tokens: ClassVar[int]
    """Padded tokens of a batch that is only scored."""
    label_names: Sequence[str]
    """Of the labels that an example has; empty where it has none beside its text."""

    @property
    def quality(self) -> Metric:
        """The first metric."""
        return self.metrics[0]

    @classmethod
    @abstractmethod
    def for_labels(cls, label_names: Sequence[str]) -> Objective:
        """Of data with these labels, which are none where an example has no label but its text or a number."""

    @classmethod
    def of(cls, meta: Meta) -> Objective:
        """What an exported model predicts."""
        return cls.for_labels(meta.label_names)

    @abstractmethod
    def auto_class(self) -> Any:
        """transformers' class that makes the network of any architecture."""

    @abstractmethod
    def configured(self, config: PretrainedConfig) -> PretrainedConfig:
        """An architecture's configuration, told what to predict."""

    @abstractmethod
    def encode(self, split: Split, tokenizer: PreTrainedTokenizerBase, max_length: int) -> Encoded:
        """A split's examples as tokens, none longer than ``max_length``."""

    @abstractmethod
    def targets(self, examples: Sequence[Example], input_ids: Tensor, mask: Tensor) -> Tensor:
        """A batch's ``labels``; ``input_ids`` and ``mask`` are [batch, tokens]."""

    @abstractmethod
    def counts(self, lengths: np.ndarray) -> np.ndarray:
        """How many predictions each example of so many tokens adds to a mean."""

    @abstractmethod
    def predictions(self, logits: Tensor, mask: Tensor) -> Tensor:
        """[predictions, choices]: those of a network's logits that are scored."""

    @abstractmethod
    def loss(self, outputs: Any, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The objective's own loss, a mean over the predictions of a batch."""

    @abstractmethod
    def scores(self, split: Tokenized) -> Scores:
        """What adds up how good predictions of a split are."""

    @abstractmethod
    def details(self, report: Report) -> dict[str, Any]:
        """What the record says of a report beside its metrics."""

    def speeds(self, models: Mapping[str, nn.Module]) -> Mapping[str, dict[str, Any]]:
        """By side of the record, what else is measured of running finished models; nothing by default."""
        del models
        return {}

    def artifact_facts(self) -> dict[str, Any]:
        """What an exported model must know to be loaded again."""
        return {"objective": self.name, "label_names": list(self.label_names)}


@dataclass(frozen=True)
class Classification(Objective):
    """One of several labels for a text or a pair of texts."""

    label_names: Sequence[str]

    name: ClassVar[str] = "classification"
    metrics: ClassVar[tuple[Metric, ...]] = (ACCURACY, MACRO_F1, LOSS)
    evaluation_tokens: ClassVar[int] = 4096

    @classmethod
    def for_labels(cls, label_names: Sequence[str]) -> Classification:
        return cls(label_names)

    def auto_class(self) -> Any:
        from transformers import AutoModelForSequenceClassification

        return AutoModelForSequenceClassification

    def configured(self, config: PretrainedConfig) -> PretrainedConfig:
        config.num_labels = len(self.label_names)
        config.id2label = dict(enumerate(self.label_names))
        config.label2id = {name: i for i, name in enumerate(self.label_names)}
        config.problem_type = "single_label_classification"
        return config

    def encode(self, split: Split, tokenizer: PreTrainedTokenizerBase, max_length: int) -> Encoded:
        return tokenize(split, tokenizer, max_length)

    def targets(self, examples: Sequence[Example], input_ids: Tensor, mask: Tensor) -> Tensor:
        """[batch]: indices of labels."""
        del input_ids, mask
        return torch.tensor([example["label"] for example in examples])

    def counts(self, lengths: np.ndarray) -> np.ndarray:
        return np.ones(len(lengths))

    def predictions(self, logits: Tensor, mask: Tensor) -> Tensor:
        del mask
        return logits

    def loss(self, outputs: Any, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return {"loss": F.cross_entropy(full(outputs.logits), batch["labels"])}

    def scores(self, split: Tokenized) -> Scores:
        del split
        return ClassScores(len(self.label_names))

    def details(self, report: Report) -> dict[str, Any]:
        return {
            "per_class": report.per_class(list(self.label_names)),
            "confusion_matrix": report.confusion_matrix,
        }


@dataclass(frozen=True)
class LanguageModelling(Objective):
    """The next token of a text, at every position, by a network that sees only what stands before it.

    No block holds parts of two documents, so nothing is predicted from another document. A document begins with a token
    of its own and ends with one; a longer one than a block is cut into several, each of which begins with the token
    that the one before ended with. So every token of the text is predicted exactly once.
    """

    label_names: Sequence[str] = ()

    name: ClassVar[str] = "language modelling"
    metrics: ClassVar[tuple[Metric, ...]] = (ACCURACY, LOSS, PERPLEXITY, BITS_PER_BYTE)
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
        return {"loss": F.cross_entropy(full(logits).flatten(0, 1), labels.flatten(), ignore_index=IGNORED)}

    def scores(self, split: Tokenized) -> Scores:
        return TokenScores(split.num_bytes)

    def details(self, report: Report) -> dict[str, Any]:
        del report
        return {}

    def speeds(self, models: Mapping[str, nn.Module]) -> Mapping[str, dict[str, Any]]:
        from accel.generation import speeds

        return {side: {"generation": found} for side, found in speeds(models).items()}


OBJECTIVES: Mapping[str, type[Objective]] = {cls.name: cls for cls in (Classification, LanguageModelling)}
"""By the name that an exported model states."""


def objective_of(meta: Meta) -> Objective:
    """What an exported model predicts."""
    return OBJECTIVES[meta.objective].of(meta)
