"""The next token of a reply: what an assistant says in a conversation, and when it has said it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from torch import Tensor

from accel.core.metric import OF_CHAT, Metric
from accel.data.collate import padded_targets
from accel.data.replies import replies_of, with_template
from accel.data.tokenized import Example, Tokenized
from accel.data.tokens import IGNORED
from accel.errors import DataError
from accel.objective.language_modeling import LARGEST_EXPONENT, LanguageModelling, TokenScores
from accel.objective.scores import Report, Scores

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from accel.behaviour.kept import Kept
    from accel.data import Split
    from accel.data.tokens import Encoded


@dataclass(frozen=True)
class Chat(LanguageModelling):
    """The next token of every reply, the token that ends it included; nobody learns to ask.

    A conversation is one sequence: each reply is predicted after everything that was said before it.
    """

    template: str | None = None
    """How turns are written; as the tokenizer's own template has it when absent."""

    name: ClassVar[str] = "chat"
    metrics: ClassVar[tuple[Metric, ...]] = OF_CHAT
    unit: ClassVar[str] = "tokens of replies"
    instead_of_predicting: ClassVar[str] = "accel chat RUN talks with it; "

    @classmethod
    def for_labels(cls, label_names: Sequence[str]) -> Chat:
        del label_names
        return cls()

    @property
    def teachers(self) -> tuple[str, ...]:
        """A language model predicts the tokens of replies too."""
        return (self.name, LanguageModelling.name)

    def adapted(self, tokenizer: PreTrainedTokenizerBase) -> PreTrainedTokenizerBase:
        return with_template(tokenizer, self.template)

    def encode(self, split: Split, tokenizer: PreTrainedTokenizerBase, max_length: int) -> Encoded:
        return replies_of(split, tokenizer, max_length)

    def targets(self, examples: Sequence[Example], input_ids: Tensor, mask: Tensor) -> Tensor:
        """[batch, tokens]: the tokens of replies, ``IGNORED`` elsewhere.

        Raises:
            DataError: there is none in the batch, which would teach nothing and say nothing of it.
        """
        del mask
        made = padded_targets(examples, input_ids)
        if bool((made[:, 1:] == IGNORED).all()):
            raise DataError("A batch holds no token of a reply, so nothing could be learned from it.")
        return made

    def counts_in(self, split: Tokenized) -> np.ndarray:
        """Tokens of replies."""
        assert split.targets is not None
        return np.array([np.count_nonzero(row[1:] != IGNORED) for row in split.targets], dtype=np.float64)

    def places(self, batch: Mapping[str, Tensor]) -> Tensor:
        return batch["labels"] != IGNORED

    def scores(self, split: Tokenized) -> Scores:
        del split
        return ReplyScores()

    def parts_of_quality(self, kept: Kept, split: Tokenized) -> np.ndarray | None:
        """None: perplexity is no ratio of sums."""
        del kept, split


class ReplyScores(TokenScores):
    """Of every token of a reply: perplexity, the share of right guesses, the mean cross-entropy in nats.

    All are of sums over all tokens of all replies, never means over conversations.
    """

    def __init__(self) -> None:
        super().__init__(num_bytes=0)

    def compute(self) -> Report:
        found = super().compute().metrics
        perplexity = math.exp(min(found["loss"], LARGEST_EXPONENT))
        return Report({"reply_perplexity": perplexity, "accuracy": found["accuracy"], "loss": found["loss"]})
