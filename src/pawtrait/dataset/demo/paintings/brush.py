"""A brush in oil: paths along a flow, bristles that streak, and paint that stands in ridges."""

import cv2
import numpy as np
from numpy.typing import NDArray

from pawtrait.dataset.demo.canvas import Points
from pawtrait.dataset.demo.paintings.shapes import Field, Numbers

Paint = NDArray[np.uint8]  # (S, S, 4): RGB, and how high the paint stands
_BITS = 4


def trace(starts: Points, flow: Field, length: float, steps: int) -> NDArray[np.float64]:
    """Paths (M, steps, 2) in unit coordinates that run ``length`` along the flow, half of it each way."""
    halves = []
    for sense in (-1.0, 1.0):
        at, way = starts.copy(), sense * _along(flow, starts)
        points = [at]
        for _ in range(steps // 2):
            at = at + way * (length / steps)
            turned = _along(flow, at)
            turned *= np.where((turned * way).sum(axis=1, keepdims=True) < 0, -1.0, 1.0)
            way = 0.35 * way + 0.65 * turned  # a wrist does not jerk
            way /= np.maximum(np.hypot(way[:, :1], way[:, 1:]), 1e-9)
            points.append(at)
        halves.append(np.stack(points, axis=1))
    return np.asarray(np.concatenate([halves[0][:, :0:-1], halves[1]], axis=1))


def sample(picture: Numbers, at: Points) -> NDArray[np.float32]:
    """The values of a square picture at unit coordinates (N, 2)."""
    cells = np.clip((at * len(picture)).astype(np.intp), 0, len(picture) - 1)
    return np.asarray(picture[cells[:, 1], cells[:, 0]], np.float32)


def lay(paint: Paint, path: Points, width: float, colour: NDArray[np.float32], bristles: Points) -> None:
    """One stroke: a body of paint, streaks of darker and lighter paint, ridges at the edges.

    ``path`` (N, 2) and ``width`` are unit lengths, ``colour`` RGB 0..255. ``bristles`` (K, 2) says of each
    streak where across the brush it runs, -1..1, and how much lighter (or, below 0, darker) it is.
    """
    side = len(paint)
    along = np.gradient(path, axis=0)
    along /= np.maximum(np.hypot(along[:, :1], along[:, 1:]), 1e-9)
    across = np.stack([-along[:, 1], along[:, 0]], axis=1) * (width / 2)
    body = max(1, round(width * side * 0.86))
    line = np.rint(path * (side << _BITS)).astype(np.int32)
    cv2.polylines(paint, [line], False, (*colour.tolist(), 96), body, cv2.LINE_AA, _BITS)
    swell = 1.0 - 0.35 * np.linspace(-1.0, 1.0, len(path)) ** 4
    offsets = bristles[:, 0, None, None] * (across * swell[:, None])[None]
    streaks = np.rint((path[None] + offsets) * (side << _BITS)).astype(np.int32)
    thick = max(1, round(width * side * 0.9 / len(bristles)))
    for streak, (place, light) in zip(streaks, bristles.tolist(), strict=True):
        tone = np.clip(colour + light * 26.0, 0, 255)
        high = 120 + 70 * abs(place) + 60 * light
        cv2.polylines(paint, [streak], False, (*tone.tolist(), high), thick, cv2.LINE_AA, _BITS)


def bundles(count: int, bristles: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """The bristles of ``count`` strokes (count, bristles, 2), evenly spread, each with its own tone."""
    places = np.linspace(-0.92, 0.92, bristles) + rng.normal(0, 0.07, (count, bristles))
    return np.asarray(np.stack([places, np.clip(rng.normal(0, 0.5, (count, bristles)), -1, 1)], axis=2))


def _along(flow: Field, at: Points) -> Points:
    angle = sample(flow, at).astype(np.float64)
    return np.stack([np.cos(angle), np.sin(angle)], axis=1)
