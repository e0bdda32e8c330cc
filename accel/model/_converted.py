"""What models have in common whose packages carry weights in a form of their own: converted once, into the cache."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from accel.core.model import Model
from accel.core.option import typed
from accel.weights import pretrained
from accel.weights.conversions import converted
from accel.weights.packaged import Packaged

if TYPE_CHECKING:
    from torch import nn
    from transformers import PreTrainedTokenizerBase

    from accel.core.objective import Objective
    from accel.core.shape import Shape


@dataclass(kw_only=True)
class ConvertedModel(Model):
    """Base of models that are read from a package's file; the package itself is never imported."""

    weights_file: ClassVar[Packaged]
    sizes: ClassVar[Mapping[str, Any]]
    """As transformers' configuration names them, ``model_type`` first."""
    tokenizer_file: ClassVar[Packaged | None] = None
    """Where the weights' package has no tokenizer."""

    @abstractmethod
    def convert(self, folder: Path) -> None:
        """Write the model and its tokenizer as transformers reads them."""

    def folder(self) -> Path:
        """The converted model, made if it is not there yet."""
        self.check()
        return converted(f"{self.weights_file.package}-{self.weights_file.version}", self.convert)

    def check(self) -> None:
        for packaged in (self.weights_file, self.tokenizer_file):
            if packaged is not None:
                packaged.find(typed(self))

    def family(self) -> str | None:
        return self.sizes["model_type"]

    def shape(self) -> Shape | None:
        from accel.core.shape import Shape

        return Shape.from_config(dict(self.sizes), typed(self))

    def fingerprint(self) -> str:
        return self.weights_file.fingerprint()

    def tokenizer(self) -> PreTrainedTokenizerBase:
        return pretrained.load_tokenizer(self.folder())

    def network(self, objective: Objective) -> nn.Module:
        return pretrained.load_network(self.folder(), objective, typed(self))
