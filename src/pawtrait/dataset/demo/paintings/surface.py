"""What paint lies on and how light falls on it: noise, canvas, paper, wood, relief."""

import cv2
import numpy as np
from numpy.typing import NDArray

from pawtrait.dataset.demo.canvas import Colour
from pawtrait.dataset.demo.paintings.shapes import Field

Picture = NDArray[np.float32]  # (S, S, 3), RGB in 0..255


def noise(side: int, rows: int, columns: int, rng: np.random.Generator) -> Field:
    """Smooth noise (side, side) of about unit variance with so many cells down and across."""
    cells = rng.standard_normal((rows + 2, columns + 2)).astype(np.float32)
    return np.asarray(cv2.resize(cells, (side, side), interpolation=cv2.INTER_CUBIC), np.float32)


def clouds(side: int, cells: int, rng: np.random.Generator, octaves: int = 4) -> Field:
    """Noise of many sizes (side, side), mean 0 and variance 1; the largest has ``cells`` across."""
    out = np.zeros((side, side), np.float32)
    for octave in range(octaves):
        count = min(cells << octave, side)
        out += noise(side, count, count, rng) * np.float32(0.5**octave)
    return np.asarray((out - out.mean()) / out.std(), np.float32)


def canvas(side: int, rng: np.random.Generator) -> Field:
    """The heights of a linen weave (side, side), about -1..1, uneven as threads are."""
    threads = 2 * np.pi * np.arange(side, dtype=np.float32) / 5.2
    wander = noise(side, 9, 9, rng) * 0.9
    weave = np.sin(threads[None, :] + wander) * np.sin(threads[:, None] - wander)
    knots = noise(side, side // 3, side // 24, rng) + noise(side, side // 24, side // 3, rng)
    return np.asarray(weave * 0.6 + knots * 0.22, np.float32)


def paper(side: int, tone: Colour, rng: np.random.Generator) -> Picture:
    """A sheet of handmade paper (side, side, 3): stained a little, with fibres."""
    stain = clouds(side, 3, rng) * 2.2 + noise(side, side // 2, side // 2, rng) * 1.6
    fibres = np.zeros((side, side), np.uint8)
    for x, y, turn, length, bend in rng.random((240, 5)):
        angle, reach = turn * 6.3, (0.01 + 0.035 * length) * side
        t = np.linspace(-1.0, 1.0, 6)
        along = np.stack([t * reach, (bend - 0.5) * reach * t * t], axis=1)
        spin = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        points = np.rint((along @ spin + np.array([x, y]) * side) * 16).astype(np.int32)
        cv2.polylines(fibres, [points], False, int(90 + 150 * bend), 1, cv2.LINE_AA, 4)
    shade = stain - cv2.GaussianBlur(fibres, (0, 0), 0.7).astype(np.float32) * 0.055
    return np.asarray(np.array(tone, np.float32) + shade[..., None] * (0.9, 1.0, 1.25), np.float32)


def wood(side: int, rng: np.random.Generator) -> Field:
    """The grain of a plank (side, side), mean 0 and variance 1: long rings that bend round knots."""
    y = np.arange(side, dtype=np.float32)[:, None] / side
    bend = noise(side, 3, 2, rng) * 0.05 + noise(side, 8, 3, rng) * 0.008
    rings = np.sin((y + bend) * 150) + 0.6 * np.sin((y + bend) * 347 + 1.3)
    pores = noise(side, side // 2, side // 30, rng)
    out = rings * 0.7 + pores
    return np.asarray((out - out.mean()) / out.std(), np.float32)


def lit(picture: Picture, height: Field, strength: float, angle: float = -2.3) -> Picture:
    """Let light fall across the heights (0..1) of thick paint: slopes towards it gleam, others are dark.

    ``angle`` is where the light comes from, radians clockwise from the right; -2.3 is the upper left.
    """
    dx = cv2.Sobel(height, cv2.CV_32F, 1, 0, ksize=3, scale=0.25)
    dy = cv2.Sobel(height, cv2.CV_32F, 0, 1, ksize=3, scale=0.25)
    slope = np.clip((dx * np.float32(np.cos(angle)) + dy * np.float32(np.sin(angle))) * -strength, -0.34, 0.4)
    gleam = np.maximum(slope - 0.12, 0.0) * 110
    return np.asarray(picture * (1 + slope[..., None]) + gleam[..., None], np.float32)


def finished(picture: Picture, side: int) -> NDArray[np.uint8]:
    """Down to uint8 (side, side, 3) RGB."""
    small = cv2.resize(np.clip(picture, 0, 255), (side, side), interpolation=cv2.INTER_AREA)
    return np.asarray(np.clip(np.rint(small), 0, 255), np.uint8)
