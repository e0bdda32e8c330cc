"""2:4 sparse matrix products on NVIDIA GPUs: the only file that touches torch's semi-structured tensors.

Their interface is a prototype (torch 2.13), so ``why_not`` tries a product before anything depends on it.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

MULTIPLE = 64
"""Rows and columns of a half-precision matrix that both of torch's backends accept."""


def is_two_of_four(weight: Tensor) -> bool:
    """Whether at most two of every four neighbours in a row are not zero."""
    return weight.shape[1] % 4 == 0 and bool((weight.view(-1, 4).count_nonzero(1) <= 2).all())


def sparse_layers(model: nn.Module) -> dict[str, nn.Linear]:
    """Linear layers whose weights the kernels could take: 2:4, and of a size that they accept; by name."""
    return {
        name: module
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear)
        and all(size % MULTIPLE == 0 for size in module.weight.shape)
        and is_two_of_four(module.weight)
    }


def why_not() -> str | None:
    """Why this machine and this torch cannot multiply 2:4 matrices; None where they can, and rightly."""
    if not torch.cuda.is_available():
        return "2:4 kernels need an NVIDIA GPU, and torch finds none"
    try:
        from torch.sparse import to_sparse_semi_structured

        dense = torch.tensor([0, 1, 0, 2] * (MULTIPLE // 4), device="cuda", dtype=torch.float16).repeat(MULTIPLE, 1)
        x = torch.eye(MULTIPLE, device="cuda", dtype=torch.float16)
        with torch.inference_mode():
            found = nn.functional.linear(x, to_sparse_semi_structured(dense))
        same = bool(torch.equal(found, x @ dense.T))
    except Exception as error:  # a missing backend, an old GPU and a changed interface have no common class
        return f"torch {torch.__version__} cannot run 2:4 kernels on this GPU: {str(error)[:160]}"
    return None if same else f"torch {torch.__version__} computes 2:4 products wrongly on this GPU"


def compress(model: nn.Module) -> int:
    """Store, in place, every layer of ``sparse_layers`` as a semi-structured tensor; the model is on a GPU in fp16.

    Returns:
        How many layers that are.
    """
    from torch.sparse import to_sparse_semi_structured

    layers = sparse_layers(model)
    with torch.inference_mode():
        for linear in layers.values():
            linear.weight = nn.Parameter(to_sparse_semi_structured(linear.weight.detach()), requires_grad=False)
    return len(layers)
