"""Any Hugging Face model folder on disk.

What it does: loads the encoder or decoder in ``path`` and puts a new classification head on it.
Use it when: you have a model of your own, or one that was copied to a machine without network.
What it costs: nothing beyond the model itself.
Composes with: every technique that supports the folder's architecture.
Off switch: choose another model.
Reference: the folder layout of ``save_pretrained`` (transformers); safetensors only, no remote code.

    accel model=local model.path=models/my-bert
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from accel.core.edits import NAME
from accel.core.meta import META
from accel.core.model import Model
from accel.errors import DataError
from accel.weights import pretrained
from accel.weights.meta import artifact_folder, read_meta

if TYPE_CHECKING:
    from torch import nn
    from transformers import PreTrainedTokenizerBase

    from accel.core.objective import Objective
    from accel.core.shape import Shape


@dataclass(kw_only=True)
class Local(Model):
    """A model folder."""

    path: str
    """Folder with config.json, *.safetensors and a tokenizer, or that of a finished run."""

    def folder(self) -> Path:
        """Where the files are."""
        return artifact_folder(self.path)

    def weights(self) -> list[tuple[str, Path]]:
        return [("model.path", self.folder())]

    @property
    def instead_of_weights(self) -> str:
        return "model=minilm, or another pretrained model"

    def check(self) -> None:
        pretrained.check_folder(self.folder(), "model.path")
        edits = read_meta(self.folder()).edits if (self.folder() / META).is_file() else []
        if edits:
            raise DataError(
                f"model.path={self.path} has parts that no architecture of transformers has "
                f"({', '.join(str(edit.get(NAME)) for edit in edits)}), and training would begin without them. Give "
                "the folder that it was trained from; accel predict and accel.load read this one as it is."
            )

    def family(self) -> str | None:
        config = self.folder() / "config.json"
        return str(pretrained.read_config(self.folder(), "model.path")["model_type"]) if config.is_file() else None

    def shape(self) -> Shape | None:
        return pretrained.folder_shape(self.folder(), "model.path")

    def fingerprint(self) -> str:
        return pretrained.folder_fingerprint(self.folder())

    def tokenizer(self) -> PreTrainedTokenizerBase:
        return pretrained.load_tokenizer(self.folder())

    def network(self, objective: Objective) -> nn.Module:
        return pretrained.load_network(self.folder(), objective, "model.path")
