"""PyTorch as it is: one kernel after the other."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import torch
from torch import nn

from accel.engines import Engine, Inputs


class Eager(Engine):
    """The model called directly, in eval mode."""

    name: ClassVar[str] = "eager"

    def __init__(self, model: nn.Module, dtype: str, size_bytes: int) -> None:
        super().__init__(dtype, size_bytes)
        self.model = model.eval()

    @torch.inference_mode()
    def run(self, inputs: Inputs) -> np.ndarray:
        tensors = {name: torch.from_numpy(value) for name, value in inputs.items()}
        return self.model(**tensors).logits.float().numpy()
