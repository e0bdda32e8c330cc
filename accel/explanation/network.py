"""A network that is asked at points between texts: with embeddings in place of its first look-up, and its attention."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from accel.core.family import family_of
from accel.errors import DataError
from accel.export.formats import float_copy
from accel.ops.prompts import PromptedEmbedding, start_of

AT_ONCE = 32
"""Points in one batch."""
Inputs = Mapping[str, Tensor]
"""Of one text, [1, tokens] each."""


class Network:
    """An exported model; an int8 one is asked as an fp32 copy of the same weights, because rounding has no gradient."""

    def __init__(self, model: nn.Module) -> None:
        self.model = float_copy(model).eval().requires_grad_(False)
        self.embedding: nn.Module = self.model.get_input_embeddings()  # type: ignore[operator]
        self.family = family_of(self.model.config.model_type)  # type: ignore[union-attr, arg-type]

    def prompt(self) -> tuple[int, int]:
        """(before which position a tuned prompt is put in, how long it is)."""
        prompted = isinstance(self.embedding, PromptedEmbedding)
        return (start_of(self.model), self.embedding.length) if prompted else (0, 0)  # type: ignore[return-value]

    @torch.no_grad()
    def of_token(self, number: int) -> Tensor:
        """[width]: one token's embedding."""
        return self.embedding(torch.tensor([[number]]))[0, 0]

    @torch.no_grad()
    def embedded(self, inputs: Inputs) -> Tensor:
        """[positions, width]: what the first look-up gives, a prompt's vectors among it."""
        found: list[Tensor] = []
        with self._at_look_up(lambda output: found.append(output) or output):
            self.model(**inputs)
        return found[0][0]

    def logits_at(self, inputs: Inputs, points: Tensor) -> Tensor:
        """[points, …]: the logits with these embeddings [points, positions, width] in place of the text's.

        An encoder-decoder model reads the text a second time, a place further to the right.
        """
        seen: list[bool] = []

        def replaced(output: Tensor) -> Tensor:
            seen.append(True)
            return points if len(seen) == 1 else torch.cat([output[:, :1], points[:, :-1]], 1)

        with self._at_look_up(replaced):
            return self.model(**{name: value.expand(len(points), -1) for name, value in inputs.items()}).logits

    @contextmanager
    def _at_look_up(self, change: Callable[[Tensor], Tensor]) -> Iterator[None]:
        shape, kind = self.embedding.weight.shape, type(self.embedding)  # type: ignore[union-attr]
        tables = [m for m in self.model.modules() if isinstance(m, kind) and m.weight.shape == shape]

        def look_up(_: nn.Module, __: Any, output: Any) -> Tensor:
            return change(output)

        handles = [table.register_forward_hook(look_up) for table in tables]
        try:
            yield  # T5 has a module for each use of its table
        finally:
            for handle in handles:
                handle.remove()

    @torch.no_grad()
    def attentions(self, inputs: Inputs) -> list[Tensor]:
        """By layer, [positions, positions]: how far each position attends to each, on average over heads.

        Raises:
            DataError: the architecture tells no attention, or has two stacks.
        """
        if self.family.encoder_decoder:
            raise DataError(
                "Rollout follows one stack of layers, and this model has an encoder and a decoder. " + REMEDY
            )
        kept = self.model.config._attn_implementation  # type: ignore[union-attr]
        try:
            self.model.set_attn_implementation("eager")  # type: ignore[operator] - faster ones keep no attention
            found = self.model(**inputs, output_attentions=True).attentions
        except (TypeError, ValueError, AttributeError):
            found = None
        finally:
            self.model.set_attn_implementation(kept)  # type: ignore[operator]
        if not found or any(layer is None for layer in found):
            raise DataError("This architecture tells no attention. " + REMEDY)
        return [_among_tokens(layer[0].float().mean(0)) for layer in found]


def _among_tokens(attention: Tensor) -> Tensor:
    """[positions, positions]: without the columns of a trained prefix, which stand first and belong to no token."""
    return attention[:, -len(attention) :]


REMEDY = "Add --method integrated_gradients, or occlusion."
