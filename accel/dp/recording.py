"""Layers whose backward computes the gradient of their input, and notes on a page what the rest follows from."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from torch import Tensor, nn

from accel.dp.pages import Page
from accel.ops.low_rank import LowRank, of_input, product


class RecordLinear(torch.autograd.Function):
    """``F.linear`` whose backward computes the input's gradient only and notes the rest."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, page: Page, dummy: Tensor) -> Tensor:
        del dummy  # requires grad, so that backward comes here although neither ids nor weights do
        ctx.page = page
        ctx.save_for_backward(x, weight)
        return F.linear(x, weight, bias)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Any, ...]:
        (x, weight), g = ctx.saved_tensors, grads[0]
        ctx.page.add(*(t[:, None] if t.dim() == 2 else t for t in (x.detach(), g)))
        grad_x = g @ weight.to(g.dtype) if ctx.needs_input_grad[0] else None
        return grad_x, None, None, None, None


class RecordEmbedding(torch.autograd.Function):
    """``F.embedding`` whose backward notes the rows' gradients."""

    @staticmethod
    def forward(ctx: Any, ids: Tensor, weight: Tensor, padding: int | None, page: Page, dummy: Tensor) -> Tensor:
        del dummy
        ctx.page, ctx.padding = page, padding
        ctx.save_for_backward(ids)
        return F.embedding(ids, weight)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Any, ...]:
        (ids,), g = ctx.saved_tensors, grads[0]
        if ctx.padding is not None:
            g = g * (ids != ctx.padding)[..., None]
        ctx.page.add(ids, g)
        return None, None, None, None, None


class RecordLayerNorm(torch.autograd.Function):
    """Layer normalization whose backward notes the per-sample gradients of weight and bias."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, layer: nn.LayerNorm, page: Page, dummy: Tensor) -> Tensor:
        del dummy
        weight, bias = (p.detach() if p is not None else None for p in (layer.weight, layer.bias))
        y, mean, rstd = torch.native_layer_norm(x, layer.normalized_shape, weight, bias, layer.eps)
        ctx.page, ctx.layer = page, layer
        ctx.save_for_backward(x, mean, rstd)
        return y

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Any, ...]:
        (x, mean, rstd), layer, g = ctx.saved_tensors, ctx.layer, grads[0].contiguous()
        grad_x, _, _ = torch.ops.aten.native_layer_norm_backward(
            g, x, layer.normalized_shape, mean, rstd, layer.weight, layer.bias, [True, False, False]
        )
        dims = tuple(range(1, x.dim() - 1))
        weight, bias = g * (x - mean) * rstd, g
        weight, bias = (t.sum(dims, keepdim=False) if dims else t for t in (weight, bias))
        ctx.page.add(weight[:, None], bias[:, None])
        return grad_x, None, None, None


class RecordScale(torch.autograd.Function):
    """``x * weight`` over the last dimension, for normalizations without a bias."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, page: Page, dummy: Tensor) -> Tensor:
        del dummy
        ctx.page = page
        ctx.save_for_backward(x, weight)
        return x * weight

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Any, ...]:
        (x, weight), g = ctx.saved_tensors, grads[0]
        dims = tuple(range(1, x.dim() - 1))
        found = g * x
        found = (found.sum(dims) if dims else found)[:, None]
        ctx.page.add(found, found)
        return g * weight, None, None, None


class RecordAdapted(torch.autograd.Function):
    """``x W' + b + s x A' B'`` whose backward notes the per-sample gradients of A and B, each rank times width.

    So neither the input nor the output's gradient is kept for them, or read again once factors are known.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, parts: LowRank, first: Page | None, second: Page | None, dummy: Tensor) -> Tensor:
        del dummy
        weight, bias = parts.base.weight.detach(), parts.base.bias
        a, b = parts.first.weight.detach(), parts.second.weight.detach()
        ctx.parts, ctx.first, ctx.second = parts, first, second
        if torch.is_autocast_enabled(x.device.type):  # what adds in place casts nothing
            dtype = torch.get_autocast_dtype(x.device.type)
            x, weight, bias, a, b = (t if t is None else t.to(dtype) for t in (x, weight, bias, a, b))
        with torch.autocast(x.device.type, enabled=False):
            y, narrow = product(x.flatten(0, -2), weight, bias, a, b, parts.scale)
        ctx.save_for_backward(x if first else None, narrow.view(*x.shape[:-1], -1), weight, a, b)
        return y.view(*x.shape[:-1], -1)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Any, ...]:
        (x, narrow, weight, a, b), above = ctx.saved_tensors, grads[0]
        below = ctx.parts.scale * (above @ b)
        if ctx.first:
            ctx.first.add(*2 * [_of_samples(below, x, ctx.parts.first.weight.dtype)])
        if ctx.second:
            ctx.second.add(*2 * [_of_samples(above, ctx.parts.scale * narrow, ctx.parts.second.weight.dtype)])
        grad_x = None
        if ctx.needs_input_grad[0]:
            flat = above.flatten(0, -2), below.flatten(0, -2)
            grad_x = of_input(*flat, weight, a).view(*above.shape[:-1], -1)
        return grad_x, None, None, None, None


def _of_samples(g: Tensor, x: Tensor, dtype: torch.dtype) -> Tensor:
    """[batch, 1, out * in]: of each sample the product of output's gradient and input, summed over its tokens."""
    g, x = (t.to(dtype).reshape(len(t), -1, t.shape[-1]) for t in (g, x))
    return torch.bmm(g.transpose(1, 2), x).flatten(1)[:, None]
