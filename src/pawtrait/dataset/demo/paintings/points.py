"""Pointillism: dots of unmixed colour that the eye mixes, after Chevreul's law and Seurat's practice.

Each dot shows the motif's colour broken into a purer one: its own, more vivid; that of the light; or the
complement, mostly in the shade. The mean over a few dots stays near the motif's colour.
"""

import cv2
import numpy as np

from pawtrait.dataset.demo.canvas import Points
from pawtrait.dataset.demo.paintings import brush, surface
from pawtrait.dataset.demo.paintings.shapes import Field, Numbers
from pawtrait.dataset.demo.paintings.sketch import Sketch
from pawtrait.dataset.demo.paintings.surface import Picture

_LAYERS = ((0.030, 46, 0.8), (0.024, 54, 0.95), (0.0185, 58, 1.0))  # a dot's width, dots a side, how vivid
_LIGHT, _SHADE = np.array((255, 214, 120), np.float32), np.array((64, 62, 170), np.float32)


def render(sketch: Sketch, side: int, rng: np.random.Generator) -> Picture:
    """The motif in dots, float32 (side, side, 3) RGB."""
    ground = sketch.colours.mean(axis=(0, 1)) * 0.35 + np.array((238, 224, 196)) * 0.65
    paint = np.empty((side, side, 4), np.uint8)
    paint[...] = (*ground.tolist(), 60)
    for width, across, vivid in _LAYERS:
        places = _spread(across, rng)
        colours = _divided(brush.sample(sketch.colours, places), vivid, rng)
        turns = brush.sample(sketch.flow, places) + rng.normal(0, 0.35, len(places))
        _dab(paint, places, width, colours, turns, rng)
    height = cv2.GaussianBlur(paint[..., 3].astype(np.float32) / 255, (0, 0), 1.4)
    weave = surface.canvas(side, rng) * 0.03
    return surface.lit(paint[..., :3].astype(np.float32), np.asarray(height + weave, np.float32), 1.9)


def _spread(across: int, rng: np.random.Generator) -> Points:
    """One place in every cell of a grid (across², 2), in no order."""
    cells = rng.permutation(across * across)
    return (
        np.stack([cells % across, cells // across], axis=1) + rng.uniform(-0.15, 1.15, (len(cells), 2))
    ) / across


def _divided(colours: Field, vivid: float, rng: np.random.Generator) -> Field:
    """Break colours (N, 3) into purer ones."""
    count = len(colours)
    grey = colours.mean(axis=1, keepdims=True)
    pure = grey + (colours - grey) * (1.0 + vivid * rng.uniform(0.3, 0.9, (count, 1)))
    turned = pure[
        np.arange(count)[:, None], np.array([[0, 1, 2], [1, 0, 2], [0, 2, 1]])[rng.integers(0, 3, count)]
    ]
    near = pure * 0.62 + turned * 0.38
    other = np.where(grey > 128, _LIGHT, _SHADE)
    complement = np.clip(grey * 2 - colours, 0, 255)
    what = rng.random((count, 1))
    out = np.where(what < 0.56, pure, near)
    out = np.where(what > 0.8, pure * 0.45 + other * 0.55, out)
    out = np.where(what > 0.93, pure * 0.5 + complement * 0.5, out)
    return np.asarray(np.clip(out + rng.normal(0, 12, (count, 1)), 0, 255), np.float32)


def _dab(
    paint: brush.Paint, places: Points, width: float, colours: Field, turns: Numbers, rng: np.random.Generator
) -> None:
    """Set the dots, a little longer than broad, each a small hill of paint."""
    scale = len(paint) * 16
    sizes = width / 2 * rng.uniform(0.8, 1.15, len(places))
    axes = np.rint(np.stack([sizes * 1.15, sizes * 0.9], axis=1) * scale).astype(int).tolist()
    centres = np.rint(places * scale).astype(int).tolist()
    for centre, axis, turn, colour in zip(
        centres, axes, np.degrees(turns).tolist(), colours.tolist(), strict=True
    ):
        cv2.ellipse(paint, centre, axis, turn, 0, 360, (*colour, 190), -1, cv2.LINE_AA, 4)
