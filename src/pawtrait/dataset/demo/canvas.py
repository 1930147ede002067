"""What the demo's faces are painted on: points in face units, turned in space, filled and stroked.

A face unit is about half a head: the face's middle is (0, 0), x goes right, y down, z towards the viewer.
"""

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]  # (N, 2) face units
Pixels = NDArray[np.uint8]  # (S, S, 4): RGB, and how much of the pixel belongs to the animal
Colour = tuple[int, int, int]  # RGB 0..255
DOME = 0.55  # how far the face bulges towards the viewer
_BITS = 4  # OpenCV takes points in sixteenths of a pixel


@dataclass(frozen=True, slots=True)
class Pose:
    """Where the head is and how it is turned; angles in radians, the rest in pixels."""

    x: float
    y: float
    unit: float  # px of one face unit
    yaw: float = 0.0
    pitch: float = 0.0
    roll: float = 0.0
    stretch: float = 1.0  # of the width: no two heads are equally broad

    def matrix(self) -> NDArray[np.float64]:
        """Face units to pixels: (2, 3), an orthographic camera."""
        cy, sy, cp, sp = np.cos(self.yaw), np.sin(self.yaw), np.cos(self.pitch), np.sin(self.pitch)
        cr, sr = np.cos(self.roll), np.sin(self.roll)
        turned = np.array([[cy, 0.0, sy], [sy * sp, cp, -cy * sp]])
        rolled: NDArray[np.float64] = np.array([[cr, -sr], [sr, cr]]) @ turned * self.unit
        rolled[:, 0] *= self.stretch
        return rolled


class Canvas:
    """A square picture and the pose that carries face units to its pixels."""

    def __init__(self, pixels: Pixels, pose: Pose) -> None:
        self.pixels = pixels
        self.pose = pose
        self._matrix = pose.matrix()

    def project(self, points: Points, lift: float, dome: float = 0.0) -> Points:
        """Pixels (N, 2) of points that lie ``lift`` before the head's middle, on a front ``dome`` high."""
        m = self._matrix
        z: NDArray[np.float64] | float = lift
        if dome:
            flat = 1.0 - points[:, 0] ** 2 / 1.4 - points[:, 1] ** 2 / 1.7
            z = lift + dome * np.sqrt(np.maximum(flat, 0.0))
        x, y = points[:, 0], points[:, 1]
        out = np.empty((len(points), 2))
        out[:, 0] = x * m[0, 0] + y * m[0, 1] + z * m[0, 2] + self.pose.x
        out[:, 1] = x * m[1, 0] + y * m[1, 1] + z * m[1, 2] + self.pose.y
        return out

    def fill(self, points: Points, colour: Colour, lift: float = 0.0, dome: float = 0.0) -> None:
        """Fill the closed shape; what is painted counts as animal."""
        cv2.fillPoly(
            self.pixels, [self._fixed(points, lift, dome)], (*colour, 255), lineType=cv2.LINE_AA, shift=_BITS
        )

    def stroke(
        self,
        points: Points,
        width: float,
        colour: Colour,
        lift: float = 0.0,
        dome: float = 0.0,
        closed: bool = False,
    ) -> None:
        """Draw a line through the points, ``width`` face units thick, with round ends."""
        thick = max(1, round(width * self.pose.unit))
        fixed = self._fixed(points, lift, dome)
        cv2.polylines(self.pixels, [fixed], closed, (*colour, 255), thick, lineType=cv2.LINE_AA, shift=_BITS)

    def _fixed(self, points: Points, lift: float, dome: float) -> NDArray[np.int32]:
        return np.rint(self.project(points, lift, dome) * (1 << _BITS)).astype(np.int32)


def oval(x: float, y: float, rx: float, ry: float, tilt: float = 0.0, n: int = 28) -> Points:
    """Points (n, 2) around an ellipse whose axes are turned by ``tilt`` radians."""
    ring = _ring(n)
    c, s = np.cos(tilt), np.sin(tilt)
    spin = np.array([[c * rx, s * rx], [-s * ry, c * ry]])
    return np.asarray(ring @ spin + (x, y))


def bow(x0: float, y0: float, x1: float, y1: float, sag: float, n: int = 12) -> Points:
    """Points (n, 2) of an arc from one end to the other; its middle hangs ``sag`` lower (y grows)."""
    t = _steps(n)
    out = np.empty((n, 2))
    out[:, 0] = x0 + (x1 - x0) * t
    out[:, 1] = y0 + (y1 - y0) * t + 4.0 * sag * t * (1.0 - t)
    return out


def smooth(corners: Points, each: int = 6) -> Points:
    """Points (len * each, 2) of a closed Catmull-Rom curve through the corners."""
    before, after, later = np.roll(corners, 1, 0), np.roll(corners, -1, 0), np.roll(corners, -2, 0)
    quads = np.stack([before, corners, after, later])  # (4, K, 2)
    return np.asarray(np.einsum("ec,ckd->ked", _catmull(each), quads).reshape(-1, 2))


def mirrored(half: tuple[tuple[float, float], ...]) -> Points:
    """A closed outline from its right half, given from the top (x = 0) to the bottom (x = 0)."""
    right = np.array(half)
    left = right[-2:0:-1] * (-1.0, 1.0)
    return np.asarray(np.concatenate([right, left]))


def mix(one: Colour, other: Colour, share: float) -> Colour:
    """The colour that lies ``share`` of the way from one to the other."""
    r, g, b = (round(a + (c - a) * share) for a, c in zip(one, other, strict=True))
    return r, g, b


@lru_cache(maxsize=16)
def _ring(n: int) -> Points:
    angle = np.linspace(0.0, 2.0 * np.pi, n, endpoint=False)
    return np.stack([np.cos(angle), np.sin(angle)], axis=1)


@lru_cache(maxsize=16)
def _steps(n: int) -> NDArray[np.float64]:
    return np.linspace(0.0, 1.0, n)


@lru_cache(maxsize=4)
def _catmull(each: int) -> NDArray[np.float64]:
    t = np.arange(each) / each
    weights = [-t + 2 * t**2 - t**3, 2 - 5 * t**2 + 3 * t**3, t + 4 * t**2 - 3 * t**3, -(t**2) + t**3]
    return np.stack(weights, axis=1) / 2.0
