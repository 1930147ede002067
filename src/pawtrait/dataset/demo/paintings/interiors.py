"""Motifs indoors, as sketches: flowers, fruit, a guitar on a table, and a pet's portrait."""

import cv2
import numpy as np
from numpy.typing import NDArray

from pawtrait.dataset.demo.canvas import Colour, Points, mix, oval, smooth
from pawtrait.dataset.demo.paintings.palettes import Palette
from pawtrait.dataset.demo.paintings.shapes import Field, box, curve, grid, mask, moved
from pawtrait.dataset.demo.paintings.sketch import SIDE, Sketch, relief, swirl
from pawtrait.dataset.demo.portrait import picture


def flowers(colours: Palette, rng: np.random.Generator) -> Sketch:
    """A bunch of large flowers in a vase, on a table before a wall."""
    out = _room(colours, 0.74, rng)
    out.fill(oval(0.62, 0.87, 0.26, 0.05), mix(colours.near, colours.dark, 0.45), None, 0.0)
    heads = [(0.5, 0.3, 0.125), (0.28, 0.36, 0.11), (0.72, 0.37, 0.115), (0.4, 0.15, 0.1), (0.63, 0.15, 0.1)]
    heads += [(0.18, 0.2, 0.085), (0.83, 0.2, 0.085), (0.36, 0.52, 0.1), (0.64, 0.53, 0.095)]
    for x, y, _ in heads:
        stem = curve([(x, y), ((x + 0.5) / 2, (y + 0.62) / 2 - 0.02), (0.5, 0.68)])
        out.line(stem, 0.016, mix(colours.middle, colours.dark, 0.35))
    for x, y in zip(rng.uniform(0.16, 0.84, 9), rng.uniform(0.3, 0.62, 9), strict=True):
        out.fill(
            oval(x, y, 0.075, 0.026, rng.uniform(-1, 1)), colours.middle, mix(colours.near, colours.dark, 0.3)
        )
    _vase(out, colours)
    for x, y, size in heads:
        _bloom(out, x + rng.uniform(-0.02, 0.02), y + rng.uniform(-0.02, 0.02), size, colours, rng)
    return out


def fruit(colours: Palette, rng: np.random.Generator) -> Sketch:
    """A bowl of fruit, a jug, a knife and a cloth."""
    out = _room(colours, 0.56, rng)
    folds = np.asarray(0.9 + 0.5 * np.sin(grid(SIDE)[0] * 14), np.float32)
    cloth = curve([(-0.02, 0.8), (0.2, 0.68), (0.45, 0.7), (0.62, 0.82), (0.5, 1.02), (-0.02, 1.02)])
    out.fill(cloth, colours.pale, mix(colours.pale, colours.cool, 0.3), folds)
    for x in (0.1, 0.22, 0.36, 0.47):
        fold = curve([(x, 0.71 + 0.04 * np.sin(x * 9)), (x + 0.03, 0.85), (x - 0.03, 1.0)])
        out.line(fold, 0.016, mix(colours.pale, colours.cool, 0.45))
    _jug(out, rng.uniform(0.74, 0.8), 0.72, colours)
    out.fill(oval(0.4, 0.66, 0.3, 0.06), mix(colours.cool, colours.dark, 0.35), None, 0.0)
    spots = [(0.24, 0.53), (0.39, 0.5), (0.54, 0.53), (0.31, 0.43), (0.47, 0.42), (0.39, 0.34)]
    for x, y in spots:
        _round(out, x, y, rng.uniform(0.078, 0.092), _fruit_tone(colours, rng))
    bowl = [(0.1, 0.55), (0.4, 0.585), (0.7, 0.55), (0.6, 0.7), (0.5, 0.745), (0.3, 0.745), (0.2, 0.7)]
    out.fill(
        smooth(np.array(bowl)),
        mix(colours.cool, colours.pale, 0.5),
        mix(colours.cool, colours.dark, 0.2),
        0.15,
    )
    out.line(curve([(0.16, 0.61), (0.4, 0.645), (0.64, 0.61)]), 0.014, mix(colours.cool, colours.dark, 0.35))
    for x, y in ((0.7, 0.84), (0.86, 0.82), (0.3, 0.84)):
        shadow = oval(x + 0.03, y + 0.06, 0.1, 0.03)
        out.fill(shadow, mix(colours.near, colours.dark, 0.45), None, 0.0)
        _round(out, x + rng.uniform(-0.02, 0.02), y, rng.uniform(0.07, 0.085), _fruit_tone(colours, rng))
    return out


def guitar(colours: Palette, rng: np.random.Generator) -> Sketch:
    """A guitar, a bottle, a glass and a newspaper on a table."""
    out = _room(colours, 0.62, rng)
    tilt = rng.uniform(-0.85, -0.6)
    out.fill(_turned(box(0.08, 0.62, 0.4, 0.3), (0.28, 0.76), 0.25), colours.pale, None, 0.25)
    for row in range(6):
        line = _turned(np.array([(0.11, 0.66 + 0.04 * row), (0.44, 0.66 + 0.04 * row)]), (0.28, 0.76), 0.25)
        out.line(line, 0.006, mix(colours.dark, colours.pale, 0.3))
    _bottle(out, rng.uniform(0.2, 0.26), 0.7, colours)
    body = [
        (-0.3, 0),
        (-0.24, -0.18),
        (-0.08, -0.17),
        (0.02, -0.115),
        (0.13, -0.15),
        (0.25, -0.09),
        (0.27, 0),
    ]
    half = np.array(body)
    whole = np.concatenate([half, half[-2:0:-1] * (1, -1)])
    at = (0.55, 0.6)
    shape = _turned(smooth(whole) + at, at, tilt)
    out.fill(moved(shape, 0.03, 0.03), mix(colours.dark, colours.near, 0.3), None, tilt)
    out.fill(shape, mix(colours.warm, colours.light, 0.3), mix(colours.warm, colours.near, 0.4), tilt)
    neck = _turned(box(0.22, -0.028, 0.4, 0.056) + at, at, tilt)
    out.fill(neck, mix(colours.dark, colours.warm, 0.25), None, tilt)
    out.fill(
        _turned(box(0.6, -0.045, 0.12, 0.09) + at, at, tilt), mix(colours.dark, colours.warm, 0.5), None, tilt
    )
    out.fill(_turned(oval(0.05, 0, 0.066, 0.066) + at, at, tilt), colours.dark, None, tilt)
    out.fill(_turned(box(-0.2, -0.06, 0.03, 0.12) + at, at, tilt), colours.dark, None, tilt)
    for string in np.linspace(-0.017, 0.017, 4):
        out.line(_turned(np.array([(-0.19, string), (0.62, string)]) + at, at, tilt), 0.004, colours.pale)
    _glass(out, rng.uniform(0.8, 0.86), 0.86, colours)
    return out


def portrait(species: str, colours: Palette, rng: np.random.Generator) -> Sketch:
    """The demo's own animal of that species, its colours drawn towards the palette."""
    seen = picture(species, "happy", SIDE, rng)
    out = Sketch(colours.sky, colours.horizon)
    out.colours = _graded(seen, colours)
    out.flow = relief(seen)
    return out


def _graded(seen: NDArray[np.uint8], colours: Palette) -> NDArray[np.float32]:
    """Keep light and shade, and some of the hue; the rest follows the palette from its dark to its light."""
    steps = (colours.dark, colours.cool, colours.far, colours.warm, colours.light, colours.pale)
    places = np.linspace(0, 255, len(steps))
    smooth_seen = cv2.bilateralFilter(seen, 9, 40, 5)
    grey = cv2.equalizeHist(cv2.cvtColor(smooth_seen, cv2.COLOR_RGB2GRAY)).astype(np.float32)
    grey = grey * 0.5 + cv2.cvtColor(smooth_seen, cv2.COLOR_RGB2GRAY).astype(np.float32) * 0.5
    ramp = np.stack([np.interp(grey, places, [step[c] for step in steps]) for c in range(3)], axis=2)
    return np.asarray(smooth_seen.astype(np.float32) * 0.55 + ramp * 0.45, np.float32)


def _room(colours: Palette, level: float, rng: np.random.Generator) -> Sketch:
    """A wall with a warmer corner, and a table's top from ``level`` down."""
    eddy = [(rng.uniform(0.2, 0.8), rng.uniform(0.1, 0.3), 0.4, 0.6)]
    out = Sketch(colours.sky, mix(colours.sky, colours.horizon, 0.7), swirl(eddy, 0.7))
    out.glow(rng.uniform(0.1, 0.4), rng.uniform(0.0, 0.3), 0.5, colours.horizon, 0.6)
    edge = np.array([(0, level), (1, level - 0.03), (1, 1.02), (0, 1.02)])
    out.fill(edge, mix(colours.near, colours.pale, 0.2), colours.near, 0.05)
    out.line(edge[:2], 0.012, mix(colours.near, colours.dark, 0.5))
    return out


def _bloom(
    sketch: Sketch, x: float, y: float, size: float, colours: Palette, rng: np.random.Generator
) -> None:
    """Petals round a dark heart; the brush runs outwards."""
    px, py = grid(SIDE)
    outwards = np.asarray(np.arctan2(py - y, px - x), np.float32)
    tone = (colours.warm, colours.light, mix(colours.warm, colours.light, 0.55))[rng.integers(3)]
    for ring, count in ((1.0, 13), (0.72, 10)):
        for angle in np.arange(count) * 2 * np.pi / count + rng.uniform(0, 1):
            reach = size * ring * rng.uniform(0.85, 1.05)
            tip = (x + np.cos(angle) * reach * 0.62, y + np.sin(angle) * reach * 0.56)
            petal = oval(*tip, reach * 0.44, reach * 0.17, angle, 16)
            sketch.fill(
                petal, mix(tone, colours.dark, 0.28 * (1 - ring) + 0.12 * rng.random()), None, outwards
            )
    sketch.fill(oval(x, y, size * 0.36, size * 0.33), mix(colours.dark, colours.warm, 0.4), None, outwards)
    sketch.fill(oval(x, y, size * 0.17, size * 0.15), mix(colours.middle, colours.dark, 0.3), None, outwards)


def _vase(sketch: Sketch, colours: Palette) -> None:
    half = [(0.36, 0.645), (0.345, 0.74), (0.36, 0.86), (0.42, 0.935), (0.5, 0.945)]
    whole = np.array([*half, *((1 - x, y) for x, y in half[-2::-1]), (0.5, 0.66)])
    bent = np.asarray(0.5 * np.cos(grid(SIDE)[0] * 9), np.float32)
    sketch.fill(
        smooth(whole), mix(colours.pale, colours.light, 0.35), mix(colours.pale, colours.warm, 0.3), bent
    )
    lower = [
        (0.348, 0.78),
        (0.5, 0.81),
        (0.652, 0.78),
        (0.64, 0.86),
        (0.58, 0.935),
        (0.42, 0.935),
        (0.36, 0.86),
    ]
    sketch.fill(smooth(np.array(lower), 3), mix(colours.cool, colours.pale, 0.15), colours.cool, bent)
    sketch.wash(mask(SIDE, smooth(whole)) * np.clip((grid(SIDE)[0] - 0.5) * 2.6, 0, 0.55), colours.dark)


def _round(sketch: Sketch, x: float, y: float, size: float, tone: Colour) -> None:
    """A ball of fruit in the light of the upper left, the brush round it."""
    px, py = grid(SIDE)
    around = np.asarray(np.arctan2(py - y, px - x) + np.pi / 2, np.float32)
    shape = oval(x, y, size, size * 0.95)
    sketch.fill(shape, tone, mix(tone, (40, 16, 60), 0.4), around)
    cover = mask(SIDE, shape)
    lit = np.exp(-((np.hypot(px - x + size * 0.35, py - y + size * 0.35) / (size * 0.7)) ** 2))
    sketch.wash(cover * lit * 0.6, mix(tone, (255, 244, 190), 0.75))
    sketch.line(curve([(x, y - size * 0.8), (x + size * 0.1, y - size * 1.15)]), 0.008, (60, 40, 30))


def _fruit_tone(colours: Palette, rng: np.random.Generator) -> Colour:
    one, other = (colours.warm, colours.light, colours.middle)[rng.integers(3)], colours.warm
    return mix(one, other, rng.uniform(0.0, 0.5))


def _jug(sketch: Sketch, x: float, foot: float, colours: Palette) -> None:
    half = [(-0.05, -0.42), (-0.045, -0.33), (-0.11, -0.2), (-0.115, -0.08), (-0.07, 0.0), (0, 0.012)]
    whole = moved(np.array([*half, *((-dx, dy) for dx, dy in half[-2::-1]), (0.0, -0.4)]), x, foot)
    handle = curve(
        [(x + 0.04, foot - 0.36), (x + 0.15, foot - 0.34), (x + 0.15, foot - 0.2), (x + 0.1, foot - 0.14)]
    )
    tone = mix(colours.cool, colours.dark, 0.15)
    sketch.line(handle, 0.03, tone)
    sketch.fill(smooth(whole), mix(tone, colours.pale, 0.3), tone, 0.2)
    sketch.wash(mask(SIDE, smooth(whole)) * _lobe(x - 0.05, foot - 0.18, 0.05, 0.12) * 0.7, colours.pale)
    sketch.wash(mask(SIDE, smooth(whole)) * np.clip((grid(SIDE)[0] - x) * 6, 0, 0.5), colours.dark)


def _bottle(sketch: Sketch, x: float, foot: float, colours: Palette) -> None:
    half = [(-0.028, -0.5), (-0.028, -0.36), (-0.075, -0.27), (-0.075, 0.0)]
    whole = moved(np.array([*half, *((-dx, dy) for dx, dy in half[::-1])]), x, foot)
    sketch.fill(
        whole, mix(colours.middle, colours.dark, 0.45), mix(colours.cool, colours.dark, 0.4), np.pi / 2
    )
    sketch.fill(box(x - 0.055, foot - 0.2, 0.11, 0.12), mix(colours.pale, colours.warm, 0.2), None, 0.0)
    sketch.line(
        np.array([(x - 0.05, foot - 0.25), (x - 0.05, foot - 0.03)]),
        0.012,
        mix(colours.pale, colours.cool, 0.4),
    )


def _glass(sketch: Sketch, x: float, foot: float, colours: Palette) -> None:
    tone = mix(colours.pale, colours.cool, 0.4)
    sketch.fill(
        np.array(
            [(x - 0.07, foot - 0.3), (x + 0.07, foot - 0.3), (x + 0.03, foot - 0.12), (x - 0.03, foot - 0.12)]
        ),
        tone,
        mix(colours.warm, tone, 0.4),
        1.5,
    )
    sketch.line(np.array([(x, foot - 0.12), (x, foot)]), 0.016, tone)
    sketch.fill(oval(x, foot, 0.06, 0.014), mix(tone, colours.dark, 0.3), None, 0.0)


def _turned(points: Points, middle: tuple[float, float], angle: float) -> Points:
    c, s = np.cos(angle), np.sin(angle)
    return np.asarray((points - middle) @ np.array([[c, s], [-s, c]]) + middle)


def _lobe(x: float, y: float, rx: float, ry: float) -> Field:
    px, py = grid(SIDE)
    return np.asarray(np.exp(-(((px - x) / rx) ** 2) - ((py - y) / ry) ** 2), np.float32)
