"""What a painter in oil has before his eyes: the colours of a motif, and which way its forms run."""

import cv2
import numpy as np
from numpy.typing import NDArray

from pawtrait.dataset.demo.canvas import Colour, Points
from pawtrait.dataset.demo.paintings.shapes import Field, Numbers, fixed, grid, part, window
from pawtrait.dataset.demo.paintings.surface import Picture

SIDE = 320  # px of every sketch: finer than any brush


class Sketch:
    """Colours float32 (SIDE, SIDE, 3) in 0..255 and the flow, radians float32 (SIDE, SIDE)."""

    def __init__(self, top: Colour, low: Colour, flow: float | Numbers = 0.0) -> None:
        share = np.linspace(0.0, 1.0, SIDE, dtype=np.float32)[:, None, None]
        ramp = np.array(top, np.float32) * (1 - share) + np.array(low, np.float32) * share
        self.colours: Picture = np.ascontiguousarray(np.broadcast_to(ramp, (SIDE, SIDE, 3)))
        self.flow: Field = np.array(np.broadcast_to(np.asarray(flow, np.float32), (SIDE, SIDE)))

    def fill(
        self, shape: Points, top: Colour, low: Colour | None = None, flow: float | Numbers | None = None
    ) -> None:
        """Fill a closed shape, from ``top`` to ``low`` down its height; the brush will follow ``flow``."""
        at = window(shape, SIDE)
        cover = part(shape, SIDE, at)
        colour: Picture = np.array(top, np.float32)
        if low is not None:
            upper, lower = shape[:, 1].min(), shape[:, 1].max()
            share = np.clip((grid(SIDE)[1][at] - upper) / max(lower - upper, 1e-6), 0.0, 1.0)[..., None]
            colour = np.array(top, np.float32) * (1 - share) + np.array(low, np.float32) * share
        seen = self.colours[at]
        seen += (colour - seen) * cover[..., None]
        if flow is not None:
            way = np.broadcast_to(np.asarray(flow, np.float32), (SIDE, SIDE))[at]
            self.flow[at] = np.where(cover > 0.5, way, self.flow[at])

    def wash(self, cover: Numbers, colour: object) -> None:
        """Lay a colour, or a picture of colours, over what ``cover`` (0..1) says."""
        self.colours += (np.asarray(colour, np.float32) - self.colours) * cover[..., None]

    def glow(self, x: float, y: float, radius: float, colour: Colour, strength: float = 1.0) -> None:
        """Soft light round a point."""
        far = np.hypot(grid(SIDE)[0] - x, grid(SIDE)[1] - y) / radius
        self.wash(np.asarray(np.exp(-(far**2)) * strength, np.float32), colour)

    def line(self, path: Points, width: float, colour: Colour) -> None:
        """A line ``width`` of the picture's side thick."""
        rows, columns = at = window(path, SIDE, width)
        stroke = np.zeros((rows.stop - rows.start, columns.stop - columns.start), np.uint8)
        if not stroke.size:
            return
        points = fixed(path, SIDE) - np.array([columns.start, rows.start], np.int32) * 16
        cv2.polylines(stroke, [points], False, 255, max(1, round(width * SIDE)), cv2.LINE_AA, 4)
        seen = self.colours[at]
        seen += (np.array(colour, np.float32) - seen) * (stroke.astype(np.float32)[..., None] / 255)


def swirl(eddies: object, drift: Numbers | float = 0.0) -> Field:
    """A flow, radians (SIDE, SIDE): a drift that turns round eddies, given as rows (x, y, radius, sense)."""
    x, y = grid(SIDE)
    u, v = np.cos(np.asarray(drift, np.float32) + x * 0), np.sin(np.asarray(drift, np.float32) + x * 0)
    for ex, ey, radius, sense in np.asarray(eddies, np.float64):
        dx, dy = x - ex, y - ey
        far = np.hypot(dx, dy) + 1e-4
        pull = 3.2 * np.exp(-((far / radius) ** 2)) * sense
        u, v = u - dy / far * pull, v + dx / far * pull
    return np.asarray(np.arctan2(v, u), np.float32)


def relief(picture: NDArray[np.uint8] | Picture) -> Field:
    """The flow of any picture, radians (H, W): along its edges, as smoothed as a painter sees them."""
    grey = cv2.GaussianBlur(picture.astype(np.float32).mean(axis=2), (0, 0), 2.0)
    dx, dy = cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1)
    xx, yy, xy = (cv2.GaussianBlur(part, (0, 0), 7.0) for part in (dx * dx, dy * dy, dx * dy))
    return np.asarray(0.5 * np.arctan2(2 * xy, xx - yy) + np.pi / 2, np.float32)
