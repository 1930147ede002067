"""Ink wash on paper: water and soot multiply the light that the paper sends back, so layers only darken."""

import cv2
import numpy as np

from pawtrait.dataset.demo.canvas import Colour, Points
from pawtrait.dataset.demo.paintings import surface
from pawtrait.dataset.demo.paintings.shapes import (
    Field,
    Numbers,
    Window,
    box,
    fixed,
    grid,
    normals,
    part,
    ribbon,
    window,
)
from pawtrait.dataset.demo.paintings.surface import Picture

SOOT: Colour = (26, 25, 30)
SEAL: Colour = (190, 38, 28)
ROSE: Colour = (206, 52, 64)
LEAF: Colour = (70, 92, 66)
_WHOLE: Window = (slice(None), slice(None))


class Scroll:
    """A sheet of absorbent paper; ``tone`` is its colour."""

    def __init__(self, side: int, tone: Colour, rng: np.random.Generator) -> None:
        self.side, self.rng = side, rng
        self.light = np.ones((side, side, 3), np.float32)  # what share of the paper's light comes through
        self._paper = surface.paper(side, tone, rng)
        self.grain = surface.clouds(side, 40, rng, 3)
        self.pools = surface.clouds(side, 5, rng, 4)
        self._ragged = np.stack([surface.clouds(side, 26, rng, 3) for _ in range(2)])

    def stain(self, cover: Numbers, strength: float, colour: Colour = SOOT, at: Window = _WHOLE) -> None:
        """Let ink sink in where ``cover`` (0..1) says: it pools here and there and settles in the grain."""
        uneven = 1 + 0.13 * self.grain[at] + 0.2 * np.tanh(self.pools[at])
        taken = np.clip(cover * uneven * np.float32(strength), 0.0, 1.0)[..., None]
        self.light[at] *= 1 - taken * (1 - np.array(colour, np.float32) / 255)

    def wash(
        self, shape: Points, strength: float, colour: Colour = SOOT, soft: float = 0.0, rim: float = 0.5
    ) -> None:
        """A wet shape: its edge creeps, ``soft`` blurs it, at its ``rim`` it dried darker."""
        at = window(shape, self.side, 0.02 + 2.5 * soft)
        cover = self._crept(part(shape, self.side, at), at, 0.0035 + soft * 0.4)
        if not cover.size:
            return
        if soft:
            cover = np.asarray(cv2.GaussianBlur(cover, (0, 0), soft * self.side), np.float32)
        if rim:
            inner = cv2.GaussianBlur(cover, (0, 0), 0.011 * self.side)
            cover = cover * (1 + rim * np.clip(cover - inner, 0, 1) * 1.6 - rim * 0.3)
        self.stain(np.asarray(cover, np.float32), strength, colour, at)

    def touch(
        self, path: Points, widths: object, strength: float, colour: Colour = SOOT, dry: float = 0.0
    ) -> None:
        """A touch of the brush along a line; a ``dry`` one (0..1) breaks into hairs towards its end."""
        spread = np.broadcast_to(np.asarray(widths, np.float64), len(path))
        if dry:
            self._hairs(path, spread, strength, colour, dry)
            return
        outline = ribbon(path, spread)
        at = window(outline, self.side, 0.006)
        cover = self._crept(part(outline, self.side, at), at, 0.0012)
        self.stain(np.asarray(cover * 1.05, np.float32), strength, colour, at)

    def dots(self, places: Points, radii: object, strength: float, colour: Colour = SOOT) -> None:
        """Dabs with the brush's tip."""
        spread = np.broadcast_to(np.asarray(radii, np.float64), len(places))
        rows, columns = at = window(places, self.side, float(spread.max()))
        veil = np.zeros((rows.stop - rows.start, columns.stop - columns.start), np.uint8)
        if not veil.size:
            return
        middles = fixed(places, self.side) - np.array([columns.start, rows.start], np.int32) * 16
        turns = self.rng.uniform(-40, 40, len(places))
        for middle, radius, turn in zip(middles.tolist(), spread.tolist(), turns.tolist(), strict=True):
            wide = round(radius * self.side * 16)
            cv2.ellipse(veil, middle, (wide, round(wide * 0.7)), turn, 0, 360, 255, -1, cv2.LINE_AA, 4)
        self.stain(veil.astype(np.float32) / 255, strength, colour, at)

    def seal(self, x: float, y: float, size: float = 0.062) -> None:
        """A red seal with strokes left white that mean nothing in any script."""
        at = window(box(x, y, size, size), self.side, 0.01)
        cover = part(box(x, y, size, size), self.side, at)
        for column in (0.28, 0.72):
            for row in np.linspace(0.2, 0.8, 4) + self.rng.uniform(-0.05, 0.05, 4):
                reach = self.rng.uniform(0.08, 0.16)
                line = np.array(
                    [(column - reach, row), (column + reach, row + self.rng.uniform(-0.08, 0.08))]
                )
                cover = cover - part(ribbon(line * size + (x, y), 0.0048), self.side, at)
            spine = np.array([(column, 0.16), (column, 0.84)]) * size + (x, y)
            cover = cover - part(ribbon(spine, 0.0042), self.side, at)
        worn = np.clip(1.1 + 0.35 * self.grain[at], 0.3, 1.0)
        self.stain(np.asarray(np.clip(cover, 0, 1) * worn, np.float32), 0.95, SEAL, at)

    def dried(self) -> Picture:
        """The finished sheet, float32 (side, side, 3) RGB, a little darker towards its edges."""
        x, y = grid(self.side)
        edge = np.clip(np.maximum(np.abs(x - 0.5), np.abs(y - 0.5)) * 2 - 0.72, 0, 1) ** 2
        return np.asarray(
            self._paper * self.light * (1 - 0.5 * edge[..., None] * (0.5, 0.8, 1.2)), np.float32
        )

    def _crept(self, cover: Field, at: Window, reach: float) -> Field:
        """Move a cover's edge to and fro by about ``reach`` picture sides."""
        high, wide = cover.shape
        if not cover.size:  # the shape lies outside the sheet
            return cover
        shift = self._ragged[(slice(None), *at)] * np.float32(reach * self.side)
        columns, rows = np.meshgrid(np.arange(wide, dtype=np.float32), np.arange(high, dtype=np.float32))
        moved = cv2.remap(cover, columns + shift[0], rows + shift[1], cv2.INTER_LINEAR)
        return np.asarray(moved, np.float32)

    def _hairs(self, path: Points, spread: Numbers, strength: float, colour: Colour, dry: float) -> None:
        at = window(path, self.side, float(spread.max()))
        rows, columns = at
        veil = np.zeros((rows.stop - rows.start, columns.stop - columns.start), np.uint8)
        if not veil.size:
            return
        corner = np.array([columns.start, rows.start], np.int32) * 16
        count = max(5, round(float(spread.max()) * 420))
        thick = max(1, round(float(spread.max()) * self.side * 1.25 / count))
        across = normals(path) * (spread / 2)[:, None]
        thirst = dry * np.linspace(0.25, 1.0, len(path) - 1)
        for offset in np.linspace(-1, 1, count):
            hair = fixed(path + across * offset, self.side) - corner
            thirsty = np.convolve(self.rng.random(len(path) + 3), np.ones(5) / 5, "valid")
            for step in np.flatnonzero(thirsty > thirst * 0.62):
                ink = float(self.rng.uniform(150, 255))
                cv2.polylines(veil, [hair[step : step + 2]], False, ink, thick, cv2.LINE_AA, 4)
        soft = cv2.GaussianBlur(veil, (0, 0), 0.8).astype(np.float32) / 255
        self.stain(soft, strength, colour, at)
