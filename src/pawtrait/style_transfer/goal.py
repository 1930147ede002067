"""What a picture should become: the photo's content in the paintings' manner, as one number to be lowered."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from pawtrait import params
from pawtrait.dataset.images import Pixels
from pawtrait.style_transfer import losses
from pawtrait.style_transfer.canvas import Canvas
from pawtrait.style_transfer.features import Features

Styles = Sequence[tuple[Pixels, float]]  # paintings, uint8 (H, W, 3) RGB; their shares, of 1 as a rule

_LEAST = 1e-3  # of what an empty picture would lose: the least a style loss is divided by


class Losses(NamedTuple):
    """The parts of the loss, and their weighted sum."""

    content: Tensor
    style: Tensor
    variation: Tensor
    total: Tensor


@dataclass(frozen=True, slots=True)
class _Target:
    layer: str
    wanted: Tensor
    weight: float


class Goal:
    """The targets of every layer, computed once for a canvas, and the losses against them.

    The paper leaves w_l of eq. 5 open. Here a layer's style loss is divided by the photo's own, so that 1 is
    the photo's manner and 0 the painting's, and its content loss by that of maps without any structure: 0 is
    the photo, 1 means that nothing of it is left. So networks of any magnitude do with the same weights.
    """

    def __init__(
        self, canvas: Canvas, styles: Styles, features: Features, network: params.FeatureNetwork
    ) -> None:
        self._features, self._network = features, network
        self._layers = {*network.content_layers, *network.style_layers}
        with torch.no_grad():
            photo = self._maps(canvas.photo, self._layers)
            self._content = [_content(n, photo[n], share) for n, share in network.content_layers.items()]
            own = {layer: losses.gram(photo[layer]) for layer in network.style_layers}
            self._style: list[_Target] = []
            for painting, weight in styles:
                maps = self._maps(canvas.style(painting), network.style_layers)
                self._style += [
                    _style(n, losses.gram(maps[n]), own[n], weight * share)
                    for n, share in network.style_layers.items()
                ]

    def losses(self, pixels: Tensor) -> Losses:
        """The losses of float32 (1, 3 or 1, H, W) on the canvas; float32 scalars, differentiable."""
        net = self._network
        maps = self._maps(pixels, self._layers)
        grams = {layer: losses.gram(maps[layer]) for layer in net.style_layers}
        zero = torch.zeros((), device=pixels.device)
        content = sum((t.weight * losses.content_loss(maps[t.layer], t.wanted) for t in self._content), zero)
        style = sum(
            (t.weight * losses.style_loss(grams[t.layer], t.wanted) for t in self._style), zero
        )  # eq. 5
        variation = losses.total_variation(pixels)
        total = net.content_weight * content + net.style_weight * style  # eq. 7
        total = total + net.variation_weight * variation + net.overflow_weight * losses.overflow(pixels)
        return Losses(content, style, variation, total)

    def _maps(self, pixels: Tensor, layers: Collection[str]) -> dict[str, Tensor]:
        """The features of (1, 3 or 1, H, W), enlarged as the network wants it."""
        rgb = pixels.expand(-1, 3, -1, -1)
        if self._network.zoom > 1:
            rgb = F.interpolate(rgb, scale_factor=self._network.zoom, mode="bilinear")
        return self._features(rgb, layers)


def _content(layer: str, photo: Tensor, share: float) -> _Target:
    plain = photo.float().mean((2, 3), keepdim=True).expand_as(photo)
    whole = float(losses.content_loss(plain, photo))
    return _Target(layer, photo, share / max(whole, 1e-9))


def _style(layer: str, wanted: Tensor, own: Tensor, share: float) -> _Target:
    """A photo in that very manner would leave nothing to divide by, hence ``_LEAST``."""
    distance = float(losses.style_loss(own, wanted))
    empty = float(losses.style_loss(torch.zeros_like(wanted), wanted))
    return _Target(layer, wanted, share / max(distance, _LEAST * empty, 1e-9))
