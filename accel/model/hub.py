"""Any model of the Hugging Face hub, by name.

What it does: downloads configuration, tokenizer and safetensors once into the usual hub cache, then loads them.
Use it when: the model you want is public and the machine has a network (or has it in its cache already).
What it costs: one download; later runs work offline.
Composes with: every technique that supports the architecture.
Off switch: ``model=local`` with a folder that was copied here.
Reference: https://huggingface.co/docs/huggingface_hub (snapshot_download); safetensors only, no remote code.

    accel model=hub model.name=microsoft/MiniLM-L12-H384-uncased
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from accel.core.model import Model
from accel.weights import pretrained
from accel.weights.hub import HubFiles

if TYPE_CHECKING:
    from torch import nn
    from transformers import PreTrainedTokenizerBase

    from accel.core.objective import Objective
    from accel.core.shape import Shape

WANTED_FILES = ["*.json", "*.safetensors", "vocab.txt", "merges.txt", "tokenizer.model", "spiece.model"]


@dataclass(kw_only=True)
class Hub(Model):
    """A model by its hub name."""

    name: str
    """``organisation/model``."""
    revision: str = "main"
    """Branch, tag or commit; pin a commit to repeat a run exactly."""
    architecture: str | None = None
    """Its ``model_type``, so that plans are checked without a download; None where only a download tells."""
    sizes: dict[str, Any] | None = None
    """What its config.json says of its sizes, so that a forecast needs no download."""

    def folder(self) -> Path:
        """The snapshot in the hub cache, downloaded if it is not there yet."""
        files = self._files()
        return files.cached() or files.download()

    def to_download(self) -> str:
        here = self._files().cached() is not None
        return (
            "" if here else f"model.name={self.name} is not in the hub cache: a run downloads it, and looks at it then"
        )

    def check(self) -> None:
        pretrained.check_folder(self.folder(), f"model.name={self.name}")

    def family(self) -> str | None:
        return self.architecture

    def shape(self) -> Shape | None:
        from accel.core.shape import Shape

        if self.sizes is not None:
            return Shape.from_config({**self.sizes, "model_type": self.architecture}, f"model.name={self.name}")
        cached = self._files().cached()
        return pretrained.folder_shape(cached, f"model.name={self.name}") if cached is not None else None

    def fingerprint(self) -> str:
        return f"{self.name}@{self.folder().name}"

    def tokenizer(self) -> PreTrainedTokenizerBase:
        return pretrained.load_tokenizer(self.folder())

    def network(self, objective: Objective) -> nn.Module:
        return pretrained.load_network(self.folder(), objective, f"model.name={self.name}")

    def _files(self) -> HubFiles:
        instead = "copy the model's folder here and use model=local model.path=FOLDER, or model=minilm"
        return HubFiles(self.name, self.revision, WANTED_FILES, instead=instead)
