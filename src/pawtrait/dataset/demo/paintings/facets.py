"""Cubist facets: the motif cut by straight lines, each piece seen from elsewhere and shaded on its own."""

from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from pawtrait.dataset.demo.canvas import Points
from pawtrait.dataset.demo.paintings import brush, surface
from pawtrait.dataset.demo.paintings.shapes import Field, fixed, grid
from pawtrait.dataset.demo.paintings.sketch import SIDE, Sketch
from pawtrait.dataset.demo.paintings.surface import Picture

_PIECES = 72
_DABS = 2600
_WIDTH, _LENGTH = 0.017, 0.04  # of a dab, in picture sides


def render(sketch: Sketch, side: int, rng: np.random.Generator) -> Picture:
    """The motif in facets, float32 (side, side, 3) RGB."""
    pieces = _cut(sketch, rng)
    picture, flow = _shattered(sketch, pieces, side, rng)
    tone, height = _dabbed(flow, side, rng)
    picture = np.asarray(picture * (1 + tone[..., None]), np.float32)
    picture = _drawn(picture, sketch, pieces, rng)
    ridges = np.asarray(height + surface.canvas(side, rng) * 0.04, np.float32)
    return surface.lit(picture, ridges, 0.85)


def _cut(sketch: Sketch, rng: np.random.Generator) -> list[Points]:
    """Split the square again and again, the largest and most varied piece first, in few directions."""
    pieces = [np.array([(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)])]
    tilts = rng.uniform(-0.2, 0.2) + np.array([0.5, 1.05, 1.57, 2.1, 2.7])
    while len(pieces) < _PIECES:
        worth = [_area(piece) * (0.35 + _variety(sketch, piece)) for piece in pieces]
        piece = pieces.pop(int(np.argmax(worth)))
        through = rng.dirichlet(np.full(len(piece), 3.0)) @ piece
        tilt = float(tilts[rng.integers(len(tilts))]) + rng.normal(0, 0.07)
        pieces.extend(_halves(piece, through, tilt))
    return pieces


def _halves(piece: Points, through: Points, tilt: float) -> list[Points]:
    """Both parts of a convex polygon on either side of a line."""
    normal = np.array([-np.sin(tilt), np.cos(tilt)])
    height = (piece - through) @ normal
    parts: tuple[list[Points], list[Points]] = ([], [])
    for at, after, h, k in zip(piece, np.roll(piece, -1, 0), height, np.roll(height, -1), strict=True):
        parts[int(h > 0)].append(at)
        if (h > 0) != (k > 0):
            crossing = at + (after - at) * (h / (h - k))
            parts[0].append(crossing)
            parts[1].append(crossing)
    return [np.array(part) for part in parts if len(part) > 2]


def _area(piece: Points) -> float:
    x, y = piece.T
    return float(abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2)


def _variety(sketch: Sketch, piece: Points) -> float:
    middle = piece.mean(axis=0)
    inner = np.concatenate([piece, (piece + middle) / 2, middle[None]])
    return float(brush.sample(sketch.colours, inner).std(axis=0).mean() / 60)


def _shattered(
    sketch: Sketch, pieces: list[Points], side: int, rng: np.random.Generator
) -> tuple[Picture, Field]:
    """Each piece shows the motif moved, turned and shaded in a way of its own; and the way of the brush."""
    seen = np.asarray(cv2.resize(cv2.GaussianBlur(sketch.colours, (0, 0), 1.0), (side, side)), np.float32)
    out, flow = seen.copy(), np.zeros((side, side), np.float32)
    x, y = grid(side)
    for piece in pieces:
        inside = np.zeros((side, side), np.uint8)
        cv2.fillConvexPoly(inside, fixed(piece, side), 1, shift=4)
        rows, columns = np.nonzero(inside)
        if not len(rows):
            continue
        at = np.stack([x[rows, columns], y[rows, columns]], axis=1).astype(np.float64)
        middle, turn = piece.mean(axis=0), rng.normal(0, 0.09)
        spin = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]]) * rng.uniform(
            0.82, 1.08
        )
        there = brush.sample(seen, (at - middle) @ spin + middle + rng.normal(0, 0.012, 2))
        tilt = rng.choice((0.6, 1.2, 2.2, 3.7, 4.4, 5.4)) + rng.normal(0, 0.2)
        way = (at - middle) @ np.array([np.cos(tilt), np.sin(tilt)])
        way = (way - way.min()) / max(float(np.ptp(way)), 1e-6)
        shade = rng.uniform(0.25, 0.62) * (way**1.6 - 0.42)  # one edge glows, the other falls into shade
        plain = np.median(there[:: max(1, len(there) // 400)], axis=0)
        out[rows, columns] = (there * 0.72 + plain * 0.28) * (1 + shade[:, None]) + 34 * np.maximum(shade, 0)[
            :, None
        ]
        flow[rows, columns] = tilt + np.pi / 2
    return np.asarray(np.clip(out, 0, 255), np.float32), flow


def _dabbed(flow: Field, side: int, rng: np.random.Generator) -> tuple[Field, Field]:
    """Small square dabs along each facet: how much they lighten or darken it, and how high they stand."""
    paint = np.full((side, side, 4), (128, 128, 128, 90), np.uint8)
    places = rng.random((_DABS, 2))
    paths = brush.trace(places, flow, _LENGTH, 4)
    greys = np.repeat(np.clip(rng.normal(128, 34, (_DABS, 1)), 20, 235), 3, axis=1).astype(np.float32)
    bristles = brush.bundles(_DABS, 4, rng)
    for path, grey, bundle in zip(paths, greys, bristles, strict=True):
        brush.lay(paint, path, _WIDTH, grey, bundle)
    tone = (paint[..., 0].astype(np.float32) - 128) / 128 * 0.14
    height = cv2.GaussianBlur(paint[..., 3].astype(np.float32) / 255, (0, 0), 0.9)
    return np.asarray(tone, np.float32), np.asarray(height, np.float32)


def _drawn(picture: Picture, sketch: Sketch, pieces: list[Points], rng: np.random.Generator) -> Picture:
    """Dark contours along the motif's own edges, straightened and overshot, and along many of the cuts."""
    side = len(picture)
    dark, pale = np.zeros((side, side), np.uint8), np.zeros((side, side), np.uint8)
    for piece in pieces:
        for at, after in zip(piece, np.roll(piece, -1, 0), strict=True):
            what = rng.random()
            if what < 0.34:
                _edge(dark, at, after, rng.uniform(50, 190), 0.0032)
            elif what < 0.46:
                _edge(pale, at, after, rng.uniform(50, 150), 0.0032)
    for line in _contours(sketch):
        for at, after in pairwise(line):
            over = (after - at) * rng.uniform(0.0, 0.16)
            _edge(dark, at - over, after + over, rng.uniform(150, 245), rng.choice((0.0045, 0.0075)))
    tone = np.percentile(sketch.colours.reshape(-1, 3), 2, axis=0) * 0.5
    for veil, colour in ((pale, np.array((250, 240, 214))), (dark, tone)):
        share = cv2.GaussianBlur(veil, (0, 0), 0.7).astype(np.float32)[..., None] / 255
        picture = np.asarray(picture + (colour.astype(np.float32) - picture) * share, np.float32)
    return picture


def _contours(sketch: Sketch) -> list[Points]:
    """The motif's strongest edges as straight lines."""
    calm = cv2.medianBlur(np.clip(sketch.colours, 0, 255).astype(np.uint8), 7)
    edges = cv2.Canny(calm, 70, 170)
    found, _ = cv2.findContours(edges, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    lines = [cv2.approxPolyDP(line, 5.0, False)[:, 0] / SIDE for line in found if len(line) > 36]
    return [np.asarray(line, np.float64) for line in lines if len(line) > 1]


def _edge(veil: NDArray[np.uint8], at: Points, after: Points, strength: float, width: float) -> None:
    side = len(veil)
    line = fixed(np.stack([at, after]), side)
    cv2.polylines(veil, [line], False, strength, max(1, round(side * width)), cv2.LINE_AA, 4)
