"""Brush strokes along a flow field: large ones first, then smaller ones where the motif asks for them.

After Hertzmann 1998, "Painterly rendering with curved brush strokes of multiple sizes": each layer of strokes
goes where the painting still differs from the motif. The bristles and the light on thick paint are ours.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from pawtrait.dataset.demo.canvas import Points
from pawtrait.dataset.demo.paintings import brush, surface
from pawtrait.dataset.demo.paintings.shapes import Field
from pawtrait.dataset.demo.paintings.sketch import Sketch
from pawtrait.dataset.demo.paintings.surface import Picture

_LAYERS = (  # width and length of the strokes in picture sides, how many, how far colours stray
    (0.075, 0.22, 420, 9.0),
    (0.040, 0.150, 1500, 13.0),
    (0.024, 0.095, 1700, 13.0),
    (0.013, 0.050, 900, 8.0),
)


def render(sketch: Sketch, side: int, rng: np.random.Generator) -> Picture:
    """The motif in strokes, float32 (side, side, 3) RGB."""
    paint = np.empty((side, side, 4), np.uint8)
    paint[...] = (*(sketch.colours.mean(axis=(0, 1)) * 0.6 + (40, 22, 4)).tolist(), 40)
    for number, (width, length, count, stray) in enumerate(_LAYERS):
        starts = _places(paint, sketch, count, number, rng)
        wander = surface.clouds(len(sketch.flow), 5, rng, 2) * np.float32(0.16)
        paths = brush.trace(starts, sketch.flow + wander, length, 8)
        seen = brush.sample(sketch.colours, starts)
        paths = _stopped(paths, sketch.colours, seen)
        colours = _strayed(seen, stray, rng)
        bristles = brush.bundles(count, max(3, round(width * 190)), rng)
        for path, colour, bundle in zip(paths, colours, bristles, strict=True):
            brush.lay(paint, path, width, colour, bundle)
    return _lit(paint, rng)


def _places(paint: brush.Paint, sketch: Sketch, count: int, number: int, rng: np.random.Generator) -> Points:
    """Where the strokes of a layer begin (count, 2): everywhere at first, later where most is wrong."""
    if number == 0:
        return rng.random((count, 2))
    size = len(sketch.colours)
    seen = cv2.resize(paint[..., :3], (size, size), interpolation=cv2.INTER_AREA).astype(np.float32)
    wrong = cv2.GaussianBlur(np.abs(seen - sketch.colours).sum(axis=2), (0, 0), 2.0)
    small = cv2.resize(wrong, (80, 80), interpolation=cv2.INTER_AREA) ** (0.5 * number)
    chance = (small / small.sum()).astype(np.float64).ravel()
    cells = rng.choice(chance.size, count, p=chance / chance.sum())
    return np.stack([cells % 80, cells // 80], axis=1) / 80 + rng.random((count, 2)) / 80


def _stopped(paths: NDArray[np.float64], colours: Picture, seen: Field) -> NDArray[np.float64]:
    """End each stroke (M, N, 2) where the motif's colour leaves the one it began with."""
    count, steps, _ = paths.shape
    there = brush.sample(colours, paths.reshape(-1, 2)).reshape(count, steps, 3)
    same = np.abs(there - seen[:, None]).sum(axis=2) < 70
    middle = steps // 2
    out = paths.copy()
    for order in (range(middle + 1, steps), range(middle - 1, -1, -1)):
        alive = np.ones(count, bool)
        for step in order:
            alive &= same[:, step]
            before = out[:, step - 1 if step > middle else step + 1]
            out[:, step] = np.where(alive[:, None], out[:, step], before)
    return out


def _strayed(colours: Field, amount: float, rng: np.random.Generator) -> Field:
    """Broken colour: every stroke a little lighter or darker, warmer or cooler, and more vivid than seen."""
    count = len(colours)
    grey = colours.mean(axis=1, keepdims=True)
    vivid = grey + (colours - grey) * rng.uniform(1.0, 1.35, (count, 1))
    light = rng.normal(0, amount, (count, 1))
    warm = rng.normal(0, amount * 0.8, (count, 1)) * np.array([1.0, 0.1, -1.0])
    return np.asarray(np.clip(vivid + light + warm, 0, 255), np.float32)


def _lit(paint: brush.Paint, rng: np.random.Generator) -> Picture:
    """Light across the ridges of the paint, and the canvas where it lies thin."""
    height = paint[..., 3].astype(np.float32) / 255
    thin = 1.0 - cv2.GaussianBlur(height, (0, 0), 2.0)
    weave = surface.canvas(len(paint), rng) * 0.05 * thin
    ridges = cv2.GaussianBlur(height, (0, 0), 0.8) + weave
    return surface.lit(paint[..., :3].astype(np.float32), np.asarray(ridges, np.float32), 2.0)
