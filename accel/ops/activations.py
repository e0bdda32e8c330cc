"""Records the inputs of layers, in eval mode and without padding."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager

import torch
from torch import Tensor, nn

Batches = Callable[[], Iterable[Mapping[str, Tensor]]]
"""Makes a model's inputs, each with an ``attention_mask``."""


@torch.no_grad()
def record_inputs(
    model: nn.Module, modules: Mapping[str, nn.Module], batches: Batches, note: Callable[[str, Tensor], None]
) -> None:
    """Run the model over the batches and hand over what reaches each module.

    Args:
        modules: by any name.
        note: gets a module's name and fp32 inputs [tokens, in_features].
    """
    mask: list[Tensor] = []

    def hook(name: str) -> Callable[..., None]:
        def hook(module: nn.Module, args: tuple[Tensor, ...]) -> None:
            del module
            x = args[0].detach().float()
            real = mask[-1].bool() if mask[-1].shape == x.shape[:2] else torch.ones(x.shape[:-1], dtype=torch.bool)
            note(name, x[real.to(x.device)])

        return hook

    with ExitStack() as stack, evaluating(model):
        for name, module in modules.items():
            stack.callback(module.register_forward_pre_hook(hook(name)).remove)
        device = next(model.parameters()).device
        for batch in batches():
            mask.append(batch["attention_mask"])
            model(**{name: value.to(device) for name, value in batch.items()})


def mean_squares(model: nn.Module, modules: Mapping[str, nn.Module], batches: Batches) -> dict[str, Tensor]:
    """Mean square of each input column of each module; [in_features]."""
    return _means(model, modules, batches, lambda x: x.square().sum(0))


def mean_products(model: nn.Module, modules: Mapping[str, nn.Module], batches: Batches) -> dict[str, Tensor]:
    """Mean product of each two input columns of each module; [in_features, in_features]."""
    return _means(model, modules, batches, lambda x: x.T @ x)


def _means(
    model: nn.Module, modules: Mapping[str, nn.Module], batches: Batches, summed: Callable[[Tensor], Tensor]
) -> dict[str, Tensor]:
    """Mean over tokens, by module, of what ``summed`` makes of [tokens, in_features]."""
    sums: dict[str, Tensor] = {}
    counts: dict[str, int] = {}

    def note(name: str, x: Tensor) -> None:
        sums[name] = sums.get(name, 0) + summed(x)
        counts[name] = counts.get(name, 0) + len(x)

    record_inputs(model, modules, batches, note)
    return {name: total / counts[name] for name, total in sums.items()}


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """The model in eval mode for a while."""
    training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(training)
