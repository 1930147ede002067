"""Lines and shapes on the unit square: x goes right, y down, both 0..1, whatever the picture's size."""

from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from pawtrait.dataset.demo.canvas import Points

Field = NDArray[np.float32]  # (S, S)
Numbers = NDArray[np.floating[Any]]
Window = tuple[slice, slice]
_BITS = 4  # OpenCV takes points in sixteenths of a pixel


def curve(corners: object, each: int = 8) -> Points:
    """Points ((K - 1) * each + 1, 2) of an open Catmull-Rom curve through K corners."""
    knots = np.asarray(corners, np.float64)
    padded = np.concatenate([2 * knots[:1] - knots[1:2], knots, 2 * knots[-1:] - knots[-2:-1]])
    a, b, c, d = padded[:-3, None], padded[1:-2, None], padded[2:-1, None], padded[3:, None]
    t = (np.arange(each) / each)[None, :, None]
    inner = b + 0.5 * t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)))
    return np.asarray(np.concatenate([inner.reshape(-1, 2), knots[-1:]]))


def ribbon(path: Points, widths: object) -> Points:
    """The outline (2N, 2) of a line (N, 2) that is ``widths`` broad along its way."""
    half = np.broadcast_to(np.asarray(widths, np.float64), len(path))[:, None] / 2 * normals(path)
    return np.asarray(np.concatenate([path + half, (path - half)[::-1]]))


def normals(path: Points) -> Points:
    """Unit vectors (N, 2) across a line."""
    along = np.gradient(path, axis=0)
    along /= np.maximum(np.hypot(along[:, :1], along[:, 1:]), 1e-9)
    return np.asarray(np.stack([-along[:, 1], along[:, 0]], axis=1))


def taper(n: int, attack: float = 0.3, power: float = 1.0) -> NDArray[np.float64]:
    """Widths (n,) of a touch of the brush: 0, 1 at the share ``attack`` of the way, 0 at the tip."""
    t = np.linspace(0.0, 1.0, n)
    rise = np.sqrt(np.clip(t / attack, 0.0, 1.0))
    fall = np.clip((1.0 - t) / (1.0 - attack), 0.0, 1.0) ** power
    return np.asarray(rise * fall)


def ridge(start: float, end: float, rough: float, rng: np.random.Generator, levels: int = 6) -> Points:
    """A skyline (2**levels + 1, 2) from (0, start) to (1, end), by midpoint displacement."""
    heights = np.array([start, end])
    for level in range(levels):
        middles = (heights[1:] + heights[:-1]) / 2 + rng.normal(0.0, rough * 0.55**level, len(heights) - 1)
        heights = np.insert(heights, np.arange(1, len(heights)), middles)
    return np.stack([np.linspace(0.0, 1.0, len(heights)), heights], axis=1)


def placed(corners: object, x: float, y: float, size: float) -> Points:
    """A shape given in sizes of its own (N, 2), with its origin at (x, y)."""
    return np.asarray(np.asarray(corners, np.float64) * size + np.array([x, y]), np.float64)


def moved(points: Points, x: float, y: float) -> Points:
    """The points (N, 2), all moved by the same way."""
    return np.asarray(points + np.array([x, y]), np.float64)


def flipped(points: object, sense: float) -> Points:
    """The points, left and right exchanged where ``sense`` is negative."""
    turned = np.array(points, np.float64)
    if sense < 0:
        turned[..., 0] = 1 - turned[..., 0]
    return turned


def under(line: Points, floor: float = 1.02) -> Points:
    """The closed shape between a skyline and the ``floor``."""
    return np.concatenate([line, [(line[-1, 0], floor), (line[0, 0], floor)]])


def box(x: float, y: float, width: float, height: float) -> Points:
    """A rectangle (4, 2) from its upper left corner."""
    return np.array([(x, y), (x + width, y), (x + width, y + height), (x, y + height)])


def mask(side: int, *polygons: Points) -> Field:
    """How much of each pixel the polygons cover, float32 (side, side) in 0..1."""
    out = np.zeros((side, side), np.uint8)
    for polygon in polygons:
        cv2.fillPoly(out, [fixed(polygon, side)], 255, lineType=cv2.LINE_AA, shift=_BITS)
    return out.astype(np.float32) * np.float32(1 / 255)


def window(points: Points, side: int, margin: float = 0.0) -> Window:
    """The rows and columns that a shape, with a ``margin`` round it, can touch: most are small."""
    low = np.clip(np.floor((points.min(axis=0) - margin) * side).astype(int) - 2, 0, side)
    high = np.clip(np.ceil((points.max(axis=0) + margin) * side).astype(int) + 2, low, side)
    return slice(int(low[1]), int(high[1])), slice(int(low[0]), int(high[0]))


def part(shape: Points, side: int, at: Window) -> Field:
    """What ``mask`` says, in a window only."""
    rows, columns = at
    out = np.zeros((rows.stop - rows.start, columns.stop - columns.start), np.uint8)
    if out.size:
        points = fixed(shape, side) - np.array([columns.start, rows.start], np.int32) * (1 << _BITS)
        cv2.fillPoly(out, [points], 255, lineType=cv2.LINE_AA, shift=_BITS)
    return out.astype(np.float32) * np.float32(1 / 255)


def fixed(points: Points, side: int) -> NDArray[np.int32]:
    """Unit coordinates as OpenCV's fixed-point pixels."""
    return np.rint(np.asarray(points, np.float64) * (side << _BITS)).astype(np.int32)


@lru_cache(maxsize=4)
def grid(side: int) -> tuple[Field, Field]:
    """x and y of every pixel's middle, each float32 (side, side) in 0..1."""
    ramp = ((np.arange(side) + 0.5) / side).astype(np.float32)
    x: Field = np.repeat(ramp[None, :], side, axis=0)
    y: Field = np.repeat(ramp[:, None], side, axis=1)
    x.setflags(write=False)
    y.setflags(write=False)
    return x, y


def smoothstep(low: float, high: float, values: Numbers) -> Field:
    """0 under ``low``, 1 over ``high``, an S between them; falls where ``high`` is the smaller."""
    t = np.clip((values - np.float32(low)) / np.float32(high - low), 0.0, 1.0)
    return np.asarray(t * t * (3 - 2 * t), np.float32)
