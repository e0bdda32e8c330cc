"""The pretrained transformer a run starts from, and its tokenizer."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from accel.core.option import Option

if TYPE_CHECKING:
    from torch import nn
    from transformers import PreTrainedTokenizerBase

    from accel.core.objective import Objective
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

    def check(self) -> None:
        """Fail before any cost when the weights cannot be had.

        Raises:
            RefusedError: names the folder or the hub name, the reason and the remedy.
        """
