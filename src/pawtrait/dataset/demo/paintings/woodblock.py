"""The flat woodblock print: colours off the plank, gradations wiped by hand (bokashi), a dark key block."""

import cv2
import numpy as np

from pawtrait.dataset.demo.canvas import Colour, Points, mix
from pawtrait.dataset.demo.paintings import surface
from pawtrait.dataset.demo.paintings.palettes import Inks
from pawtrait.dataset.demo.paintings.shapes import (
    Field,
    Numbers,
    Window,
    box,
    curve,
    fixed,
    grid,
    part,
    ribbon,
    smoothstep,
    window,
)
from pawtrait.dataset.demo.paintings.surface import Picture

_WHOLE: Window = (slice(None), slice(None))


class Print:
    """A sheet under the blocks: what is printed later covers what came before, lines and all."""

    def __init__(self, side: int, inks: Inks, rng: np.random.Generator) -> None:
        self.side, self.inks, self.rng = side, inks, rng
        self.picture: Picture = np.broadcast_to(np.array(inks.paper, np.float32), (side, side, 3)).copy()
        self._baren = surface.clouds(side, 6, rng)
        self._pressure: Field = 1 + 0.016 * surface.wood(side, rng) + 0.018 * self._baren

    def fill(self, shape: Points, colour: Colour, low: Colour | None = None, line: float = 0.0042) -> None:
        """A closed shape, flat or wiped from ``colour`` to ``low`` down its height, with its outline."""
        slip = self.rng.normal(0, 0.0011, 2)  # blocks never meet the key block quite
        at = window(shape + slip, self.side)
        cover = part(shape + slip, self.side, at)
        if low is None:
            self.block(cover, colour, at)
        else:
            upper, lower = shape[:, 1].min(), shape[:, 1].max()
            share = np.clip((grid(self.side)[1][at] - upper) / max(lower - upper, 1e-6), 0.0, 1.0)[..., None]
            ramp = np.array(colour, np.float32) * (1 - share) + np.array(low, np.float32) * share
            self.block(cover, np.asarray(ramp, np.float32), at)
        if line:
            self.outline(np.concatenate([shape, shape[:1]]), line)

    def block(self, cover: Numbers, colour: Colour | Picture, at: Window = _WHOLE) -> None:
        """Print a colour where ``cover`` (0..1) says, thinner along the grain."""
        tone = np.array(colour, np.float32)
        ink = tone * self._pressure[at][..., None]
        sheet = self.picture[at]
        sheet += (ink - sheet) * cover[..., None]

    def bokashi(self, start: float, end: float, colour: Colour, strength: float = 1.0) -> None:
        """A gradation over the whole width: full at the height ``start``, nothing left of it at ``end``."""
        self.block(smoothstep(end, start, grid(self.side)[1]) * np.float32(strength), colour)

    def outline(self, path: Points, width: float, colour: Colour | None = None) -> None:
        """A cut line that swells and thins."""
        tone = np.array(colour or self.inks.key, np.float32)
        rows, columns = at = window(path, self.side, width)
        veil = np.zeros((rows.stop - rows.start, columns.stop - columns.start), np.uint8)
        if not veil.size:
            return
        points = fixed(path, self.side) - np.array([columns.start, rows.start], np.int32) * 16
        swell = 0.8 + 0.35 * np.sin(np.arange(len(points)) * 0.21 + self.rng.uniform(0, 6))
        for start in range(0, len(points) - 1, 5):
            thick = max(1, round(width * self.side * float(swell[start])))
            cv2.polylines(veil, [points[start : start + 6]], False, 255, thick, cv2.LINE_AA, 4)
        share = veil.astype(np.float32)[..., None] / 255 * np.float32(0.93)
        sheet = self.picture[at]
        sheet += (tone - sheet) * share

    def band(self, path: Points, widths: object, colour: Colour, line: float = 0.0) -> None:
        """A ribbon along a line."""
        self.fill(ribbon(path, widths), colour, None, line)

    def foam(self, places: Points, radii: object, colour: Colour, line: float = 0.005) -> None:
        """Discs that merge into one cloud with one outline."""
        spread = np.broadcast_to(np.asarray(radii, np.float64), len(places))
        for extra, tone in ((line, self.inks.key), (0.0, colour)):
            rows, columns = at = window(places, self.side, float(spread.max()) + extra)
            veil = np.zeros((rows.stop - rows.start, columns.stop - columns.start), np.uint8)
            if not veil.size:
                return
            middles = fixed(places, self.side) - np.array([columns.start, rows.start], np.int32) * 16
            for middle, radius in zip(middles.tolist(), spread.tolist(), strict=True):
                cv2.circle(veil, middle, round((radius + extra) * self.side * 16), 255, -1, cv2.LINE_AA, 4)
            self.block(veil.astype(np.float32) / 255, tone, at)

    def mist(self, y: float, left: float, right: float, height: float, colour: Colour) -> None:
        """A long bar of mist with round ends."""
        self.band(np.array([(left, y), (right, y)]), height, colour)
        self.foam(np.array([(left, y), (right, y)]), height / 2, colour, 0.0)

    def cartouche(self, x: float, y: float) -> None:
        """The title in its red box, and a seal: strokes that mean nothing in any script."""
        self.fill(box(x, y, 0.066, 0.2), self.inks.red, None, 0.003)
        self.fill(
            box(x + 0.007, y + 0.007, 0.052, 0.186), mix(self.inks.red, self.inks.paper, 0.12), None, 0.0
        )
        for row in range(4):
            top = y + 0.018 + row * 0.045
            for _ in range(4):
                a, b = self.rng.uniform((x + 0.012, top), (x + 0.054, top + 0.034), (2, 2))
                b = np.where(self.rng.random(2) < 0.5, a, b) if np.hypot(*(b - a)) > 0.03 else b
                self.outline(curve([a, b], 4), 0.0042, self.inks.paper)
        self.fill(box(x + 0.012, y + 0.214, 0.042, 0.042), self.inks.red, None, 0.0)
        for dx in (0.022, 0.033, 0.044):
            self.outline(np.array([(x + dx, y + 0.221), (x + dx, y + 0.249)]), 0.0034, self.inks.paper)

    def pulled(self) -> Picture:
        """The finished sheet (side, side, 3): paper shows through, a margin is left bare."""
        sheet = surface.paper(self.side, self.inks.paper, self.rng)
        texture = sheet - np.array(self.inks.paper, np.float32)
        x, y = grid(self.side)
        edge = np.minimum(np.minimum(x, 1 - x), np.minimum(y, 1 - y))
        inside = smoothstep(0.019, 0.0225, edge + self._baren * np.float32(0.0006))[..., None]
        frame = np.exp(-(((edge - 0.0215) / 0.0016) ** 2))[..., None] * 0.85
        out = sheet * (1 - inside) + (self.picture + texture * 1.3) * inside
        return np.asarray(out + (np.array(self.inks.key, np.float32) - out) * frame, np.float32)
