"""Which tokens moved a prediction, and how far."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from accel.export.formats import float_copy
from accel.inference.predictor import Predictor, Text
from accel.ops.inputs import MASK

STEPS = 64


@dataclass(frozen=True)
class Attribution:
    """One text's prediction, told apart by token."""

    text: Text
    answer: Mapping[str, Any]
    """As the model's objective gives it."""
    tokens: list[str]
    attributions: list[float]
    """What each token added to the answer's logit; negative ones spoke against it."""
    gap: float
    """What the attributions do not account for: their sum minus the logit's difference to the text of padding only."""


class Explainer:
    """Integrated gradients from an input of padding to the text, over the token embeddings.

    An int8 model is explained by an fp32 copy of the same weights, because rounding has no gradient.
    Reference: Sundararajan et al. 2017 (arXiv 1703.01365).
    """

    def __init__(self, predictor: Predictor, steps: int = STEPS) -> None:
        self.predictor = predictor
        self.model = float_copy(predictor.model).eval().requires_grad_(False)
        self.steps = steps

    def __call__(self, texts: Sequence[Text]) -> list[Attribution]:
        return [self._explain(text) for text in texts]

    def _explain(self, text: Text) -> Attribution:
        inputs = self.predictor.inputs([text])
        with torch.inference_mode():
            logits, mask = self.predictor.model(**inputs).logits[0].float(), inputs[MASK][0]
        target = self.predictor.objective.explained(logits, mask)
        values, gap = self._integrate(inputs, target)
        ids = inputs["input_ids"][0].tolist()
        return Attribution(
            text=text,
            answer=next(self.predictor.stream([text])).answer,
            tokens=[str(self.predictor.tokenizer.decode([i])).strip() or " " for i in ids],
            attributions=values.tolist(),
            gap=gap,
        )

    def _integrate(self, inputs: dict[str, Tensor], target: tuple[int, ...]) -> tuple[Tensor, float]:
        """([tokens], what is left over), by the midpoint rule with all steps in one batch."""
        embedding = self.model.get_input_embeddings()  # type: ignore[operator]
        ids = inputs["input_ids"]
        empty = _emptied(ids, self.predictor.tokenizer)
        with torch.no_grad():
            start, end = embedding(empty), embedding(ids)
        shares = ((torch.arange(self.steps) + 0.5) / self.steps)[:, None, None]
        points = (start + shares * (end - start)).requires_grad_()
        many = {name: value.expand(self.steps, -1) for name, value in inputs.items()}
        logits = _logits_at(self.model, embedding, many, points)
        (gradient,) = torch.autograd.grad(logits[(slice(None), *target)].sum(), points)
        values = (gradient.mean(0) * (end - start)[0]).sum(-1)
        with torch.no_grad():
            ends = [_logits_at(self.model, embedding, inputs, point)[(0, *target)] for point in (start, end)]
        return values, float(values.sum() - (ends[1] - ends[0]))


def _emptied(ids: Tensor, tokenizer: Any) -> Tensor:
    """The same ids with every token but the special ones replaced by padding."""
    special = torch.tensor(tokenizer.all_special_ids)
    return torch.where(torch.isin(ids, special), ids, tokenizer.pad_token_id)


def _logits_at(model: nn.Module, embedding: nn.Module, inputs: dict[str, Tensor], points: Tensor) -> Tensor:
    """The model's logits with these embeddings in place of those of its first look-up."""
    waiting = [points]

    def replace(module: nn.Module, args: object, output: Tensor) -> Tensor:
        del module, args
        return waiting.pop() if waiting else output  # an encoder-decoder model looks its target up by the same table

    shape = embedding.weight.shape
    tables = [m for m in model.modules() if isinstance(m, nn.Embedding) and m.weight.shape == shape]
    handles = [table.register_forward_hook(replace) for table in tables]  # T5 has a module for each use of its table
    try:
        return model(**inputs).logits
    finally:
        for handle in handles:
            handle.remove()
