"""What a portrait is judged by: the losses of Gatys et al. 2016, made independent of a picture's size."""

from typing import Any

import torch
from torch import Tensor

_CHUNKS = 8  # of a bfloat16 Gram matrix, summed in float32: a third of the rounding at no cost


def gram(maps: Tensor) -> Tensor:
    """Which features come together, wherever they are: Gatys et al. 2016, eq. 3, divided by h·w.

    Divided, because painting and picture have different sizes; with it eq. 4 loses its M.

    In: maps (B, C, h, w), float32 or bfloat16. Out: float32 (B, C, C), symmetric.
    """
    rows = maps.permute(0, 2, 3, 1).flatten(1, 2)  # (B, h w, C); no copy where maps are channels_last
    products: Tensor = _Products.apply(rows)  # type: ignore[no-untyped-call]
    return products / rows.shape[1]


def content_loss(maps: Tensor, target: Tensor) -> Tensor:
    """How far the things shown have changed: Gatys et al. 2016, eq. 1, with a mean instead of a sum.

    In: maps and target (B, C, h, w) of one layer. Out: a float32 scalar, ½ mean (F - P)².
    """
    return (maps.float() - target.float()).square().mean() / 2


def style_loss(grams: Tensor, target: Tensor) -> Tensor:
    """How far the manner is from a painting's: Gatys et al. 2016, eq. 4 for Gram matrices over h·w.

    In: Gram matrices (B, C, C) of one layer. Out: a float32 scalar, Σ (G - A)² / (4 C²), a mean over B.
    """
    return (grams - target).square().mean() / 4


def total_variation(pixels: Tensor) -> Tensor:
    """How rough a picture is: Mahendran and Vedaldi 2015, eq. 4 with β = 2, with means instead of sums.

    In: float32 (B, C, H, W), sides of 2 and more. Out: a scalar, the mean squared difference to the pixel
    below plus that to the pixel on the right.
    """
    down = pixels[..., 1:, :] - pixels[..., :-1, :]
    right = pixels[..., :, 1:] - pixels[..., :, :-1]
    return down.square().mean() + right.square().mean()


def overflow(pixels: Tensor) -> Tensor:
    """How far pixels lie outside of 0..1, where no screen can show them: a mean square, a scalar."""
    return (pixels - pixels.clamp(0, 1)).square().mean()


class _Products(torch.autograd.Function):
    """FᵀF of rows (B, N, C) in float32 (B, C, C); its slope costs one product, autograd's would cost two."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor) -> Tensor:
        ctx.save_for_backward(rows)
        batch, count, channels = rows.shape
        if rows.dtype == torch.float32 or count % _CHUNKS:
            return (rows.transpose(1, 2) @ rows).float()
        parts = rows.reshape(batch * _CHUNKS, count // _CHUNKS, channels)
        products: Tensor = torch.bmm(parts.transpose(1, 2), parts).float()
        return products.view(batch, _CHUNKS, channels, channels).sum(1)

    @staticmethod
    def backward(ctx: Any, *slopes: Tensor) -> Tensor:
        (rows,) = ctx.saved_tensors
        both = slopes[0] + slopes[0].transpose(1, 2)
        product: Tensor = rows @ both.to(rows.dtype)
        return product
