"""What a portrait is judged by: the losses of Gatys et al. 2016, each divided so that no size of picture enters."""

from typing import Any

import torch
from torch import Tensor

_CHUNKS = 8  # of a bfloat16 Gram matrix, summed in float32: a third of the rounding for no time


def gram(maps: Tensor) -> Tensor:
    """Which features come together, wherever they are: Gatys et al. 2016, eq. 3, divided by h·w.

    Divided, because style and content have different sizes; with it eq. 4 loses its M.

    In: (B, C, h, w), float32 or bfloat16. Out: float32 (B, C, C), symmetric.
    """
    rows = maps.permute(0, 2, 3, 1).flatten(1, 2)  # (B, h w, C); no copy when channels_last
    products: Tensor = _Products.apply(rows)
    return products / rows.shape[1]


def content_loss(maps: Tensor, target: Tensor) -> Tensor:
    """How far the things shown have changed: Gatys et al. 2016, eq. 1, a mean instead of a sum.

    In: maps and target (B, C, h, w) of one layer. Out: a float32 scalar, ½ mean (F - P)².
    """
    return (maps.float() - target.float()).square().mean() / 2


def style_loss(grams: Tensor, target: Tensor) -> Tensor:
    """How far the manner is from the painting's: Gatys et al. 2016, eq. 4 with Gram matrices over h·w.

    In: Gram matrices (B, C, C) of one layer. Out: a float32 scalar, Σ (G - A)² / (4 C²), mean over B.
    """
    return (grams - target).square().mean() / 4


def total_variation(pixels: Tensor) -> Tensor:
    """How rough a picture is: Mahendran and Vedaldi 2015, eq. 4 with β = 2, a mean over neighbours.

    In: float32 (B, C, H, W). Out: a scalar, the mean squared difference downwards plus that rightwards.
    """
    down = (pixels[..., 1:, :] - pixels[..., :-1, :]).square()
    right = (pixels[..., :, 1:] - pixels[..., :, :-1]).square()
    return sum((one.mean() for one in (down, right) if one.numel()), torch.zeros((), device=pixels.device))


class _Products(torch.autograd.Function):
    """FᵀF of rows (B, N, C) → float32 (B, C, C), with a backward pass of one product where autograd takes two."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor) -> Tensor:
        ctx.save_for_backward(rows)
        if rows.dtype == torch.float32 or rows.shape[1] % _CHUNKS:
            return (rows.transpose(1, 2) @ rows).float()
        parts = rows.unflatten(1, (_CHUNKS, -1)).flatten(0, 1)
        products = torch.bmm(parts.transpose(1, 2), parts).float()
        return products.unflatten(0, (-1, _CHUNKS)).sum(1)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        (rows,) = ctx.saved_tensors
        slope = gradients[0] + gradients[0].transpose(1, 2)
        product: Tensor = rows @ slope.to(rows.dtype)
        return product
