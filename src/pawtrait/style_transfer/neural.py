"""Neural style transfer: a photo repainted by descent on its pixels (Gatys et al. 2016).

The descent goes from coarse to fine (Gatys et al. 2017): what is large in a painting is found quickly on a
small picture, and the large one starts from there. Picture and losses are float32; maps may be bfloat16.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
import psutil
import torch
from torch import Tensor

from pawtrait import params
from pawtrait.dataset import images
from pawtrait.dataset.images import Pixels
from pawtrait.errors import BadTraining
from pawtrait.style_transfer import descent, precision, trunks
from pawtrait.style_transfer.canvas import Canvas
from pawtrait.style_transfer.features import LEAST, Features
from pawtrait.style_transfer.goal import Goal, Styles

_WALKS = {"lbfgs": descent.lbfgs, "adam": descent.adam}


@dataclass(frozen=True)
class Step:
    """Where the descent stands after one evaluation of the loss.

    Attributes:
        index: 0, 1, … through all scales.
        scale: height and width of the picture now.
        content: 0 is the photo; 1 means nothing of it is left.
        style: 1 is the photo's manner, 0 the paintings'.
        variation: the mean squared difference between neighbours, in 0..1 units.
        total: the weighted sum, which is lowered.
    """

    index: int
    scale: tuple[int, int]
    content: float
    style: float
    variation: float
    total: float
    _canvas: Canvas = field(repr=False)
    _pixels: Tensor = field(repr=False)

    def picture(self) -> Pixels:
        """The picture as it is now: uint8 (H, W, 3), RGB, of this scale."""
        return self._canvas.picture(self._pixels)


def optimise(
    photo: Pixels,
    styles: Styles,
    features: Features,
    recipe: params.Neural,
    seed: int,
    start: Pixels | None = None,
) -> Iterator[Step]:
    """Repaint a photo; a step for each evaluation of the loss, as many as ``recipe.steps`` says.

    With L-BFGS the total never rises within a scale. The last step's picture is the portrait.

    Args:
        photo: uint8 (h, w, 3), RGB, any size and shape; its longer side is brought to ``recipe.side``.
        styles: the paintings and their shares.
        features: of a network that ``recipe.networks`` knows; the work happens on its device.
        recipe: params.yaml, neural.
        seed: of the noise, where it starts from that.
        start: uint8 (h, w, 3), a picture to start from whatever ``recipe.start`` says.

    Raises:
        BadTraining: the loss is no number any more, or there is not the memory that ``memory`` states.
        BadParams: the recipe names a layer that the network lacks.
    """
    network = recipe.networks[features.network]
    walk = _WALKS[recipe.optimizer]
    used = precision.choose(recipe.precision, features.device)
    features = features.to(used)
    index = 0
    canvas: Canvas | None = None
    pixels: Tensor | None = None
    with _enough(features, network, recipe, used):
        for share, steps in zip(recipe.scales, recipe.steps, strict=True):
            side = max(round(recipe.side * share), 1)
            before, canvas = canvas, Canvas(images.fit(photo, side), recipe.keep_colours, features.device)
            goal = Goal(canvas, styles, features, network)
            if before is None or pixels is None:
                first = _first(canvas, styles, recipe.start, seed) if start is None else start
                pixels = canvas.lay(first)
            else:
                pixels = canvas.grow(pixels, before)
            for _, point in zip(range(steps), walk(_Look(goal), pixels, recipe.learning_rate), strict=False):
                content, style, variation, total = point.losses
                yield Step(index, canvas.size, content, style, variation, total, canvas, point.x)
                pixels = point.x
                index += 1


def evaluate(
    picture: Pixels, photo: Pixels, styles: Styles, features: Features, recipe: params.Neural
) -> dict[str, float]:
    """The losses of any picture, painted by whatever method, in float32: content, style, variation, total.

    Args:
        picture: uint8 (H, W, 3); the photo is brought to its size.
    """
    canvas = Canvas(images.stretch(photo, *picture.shape[:2]), recipe.keep_colours, features.device)
    goal = Goal(canvas, styles, features.to("fp32"), recipe.networks[features.network])
    with torch.no_grad():
        found = goal.losses(canvas.lay(picture))
    return {name: float(one) for name, one in found._asdict().items()}


def memory(network: params.FeatureNetwork, trunk: str, height: int, width: int, used: precision.Used) -> int:
    """How many bytes painting takes beyond the program itself, at the most (measured: 0.6 to 0.95 of it).

    The maps that the way back needs, the largest slopes on the way, and L-BFGS' memory of the picture. With
    the project's recipes in bf16 that is 2.1 GB for VGG19 and 2.4 GB for SqueezeNet at 1,024 px square, and
    four times as much at 2,048 px, the largest side; fp32 takes half as much again.
    """
    deepest = {*network.content_layers, *network.style_layers}
    size = 2 if used == "bf16" else 4
    kept, largest = trunks.footprint(trunk, height * network.zoom, width * network.zoom, deepest, size)
    pictures = 2 * descent.MEMORY + 12 + 6 * network.zoom**2  # float32, the last of them enlarged
    return round(1.3 * (kept + 2 * largest)) + pictures * 3 * 4 * height * width


class _Look:
    """The losses and the slope at a picture, for a descent."""

    def __init__(self, goal: Goal) -> None:
        self.goal = goal

    def __call__(self, pixels: Tensor) -> descent.Point:
        x = pixels.detach().requires_grad_()
        found = self.goal.losses(x)
        (slope,) = torch.autograd.grad(found.total, x)
        numbers = tuple(torch.stack(found).tolist())
        if not math.isfinite(numbers[-1]):
            raise BadTraining(
                f"neural style transfer: the loss is {numbers[-1]} at {x.shape[3]}x{x.shape[2]} px; lower"
                " neural.learning_rate or the weights of neural.networks, or set neural.precision to fp32"
            )
        return descent.Point(x.detach(), numbers, slope.contiguous())


def _first(canvas: Canvas, styles: Styles, start: str, seed: int) -> Pixels:
    """The photo, the weightiest painting, or noise."""
    if start == "content":
        return canvas.original
    if start == "style":
        return max(styles, key=lambda one: one[1])[0]
    return np.random.default_rng(seed).integers(0, 256, canvas.original.shape, dtype=np.uint8)


@contextmanager
def _enough(
    features: Features, network: params.FeatureNetwork, recipe: params.Neural, used: precision.Used
) -> Iterator[None]:
    """Say what to lower before memory runs out, or when it did."""
    side = max(round(recipe.side * max(recipe.scales)), LEAST)
    needed = memory(network, features.network, side, side, used)
    on_gpu = features.device.type == "cuda"
    free, place = _free(features.device), " on the GPU" if on_gpu else ""
    words = f"neural style transfer at {side} px takes up to {needed / 1e9:.1f} GB"
    remedy = "lower the side (--side on the command line, else neural.side)"
    remedy += "" if used == "bf16" else " or set neural.precision to bf16"
    remedy += ", or set CUDA_VISIBLE_DEVICES to nothing, which paints on the CPU" if on_gpu else ""
    if needed > free:
        raise BadTraining(f"{words}, {free / 1e9:.1f} GB are free{place}; {remedy}")
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not precision.lacks_memory(error):
            raise
        raise BadTraining(f"{words}, more than there is{place}; {remedy}") from error


def _free(device: torch.device) -> int:
    """Bytes that painting may take: on a GPU its own, those too that torch keeps of an earlier picture."""
    if device.type != "cuda":
        return int(psutil.virtual_memory().available)
    kept = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return torch.cuda.mem_get_info(device)[0] + kept
