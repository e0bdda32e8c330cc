"""The pretrained transformer a run starts from, and its tokenizer."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from accel.core.option import Objection, Option, typed
from accel.errors import DataError

if TYPE_CHECKING:
    from torch import nn
    from transformers import PreTrainedTokenizerBase

    from accel.core.objective import Objective
    from accel.core.plan import Plan
    from accel.core.shape import Shape


@dataclass(kw_only=True)
class Model(Option):
    """Base of every option of the group ``model``."""

    group: ClassVar[str] = "model"

    @abstractmethod
    def family(self) -> str | None:
        """The architecture's ``model_type`` (``bert``, ``gpt2``, …); None when only a download could tell."""

    @abstractmethod
    def fingerprint(self) -> str:
        """Equal weights, equal fingerprint: part of the dense baseline's content hash."""

    @abstractmethod
    def tokenizer(self) -> PreTrainedTokenizerBase:
        """The tokenizer, with a padding token."""

    @abstractmethod
    def network(self, objective: Objective) -> nn.Module:
        """The network that the objective asks for, in train mode: pretrained body, new head if need be, fp32."""

    def shape(self) -> Shape | None:
        """Its sizes, for the forecast; None when only a download could tell."""
        return None

    def usable_positions(self) -> int:
        """Tokens of the longest text that it reads; 0 where there is no limit, or nobody knows yet."""
        try:
            shape = self.shape()
        except DataError:  # it is told where the model is looked at, or names its sizes in its own way
            return 0
        return shape.usable_positions if shape is not None else 0

    def objections(self, plan: Plan) -> Iterator[Objection]:
        positions, needed = self.usable_positions(), plan.task.max_tokens() + plan.tuning.extra_tokens
        if 0 < positions < needed:
            yield Objection(
                f"{typed(self)}  with texts of up to {needed} tokens",
                f"the model has positions for {positions} tokens",
                f"task.max_length={positions - plan.tuning.extra_tokens}, or task.block_length of a language model",
            )

    def to_download(self) -> str:
        """What a run would fetch first, in words, so that nothing of it can be looked at; empty where all is here."""
        return ""

    def check(self) -> None:
        """Fail before any cost when the weights cannot be had.

        Raises:
            RefusedError: names the folder or the hub name, the reason and the remedy.
        """
