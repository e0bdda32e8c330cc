"""Attention rollout: how much of each word the attention of all layers carries to where the answer is read.

Half of each layer is its residual. It has no sign and knows no label: it tells where the model looked, not for what.
Reference: Abnar and Zuidema 2020 (arXiv 2005.00928).
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from accel.explanation.method import Method, Told
from accel.explanation.question import Question


class Rollout(Method):
    """One pass."""

    means: ClassVar[str] = "its share of what attention carries to the answer; it has no sign and knows no label"
    has_sign: ClassVar[bool] = False

    def __call__(self, question: Question) -> Told:
        carried = rolled_out(question.network.attentions(question.inputs))
        return Told(question.by_unit(_read(question, carried)))


def rolled_out(attentions: list[Tensor]) -> Tensor:
    """[positions, positions]: what of each column's input is in each row's output; rows add up to 1."""
    carried = torch.eye(len(attentions[0]))
    for layer in attentions:
        mixed = layer / layer.sum(-1, keepdim=True) / 2 + torch.eye(len(layer)) / 2
        carried = mixed @ carried
    return carried


def _read(question: Question, carried: Tensor) -> Tensor:
    """[positions]: at the token that is tagged, or at the one that the text's answer is read from."""
    *token, _ = question.target
    family = question.network.family
    if token:
        return carried[token[0]]
    if family.pooled_at_first:
        return carried[0]
    return carried[-1] if family.causal else carried.mean(0)  # of an architecture that accel does not know
