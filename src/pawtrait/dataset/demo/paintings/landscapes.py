"""Motifs out of doors, as sketches: each in any palette, composed anew for every painting."""

import numpy as np

from pawtrait.dataset.demo.canvas import bow, mix, oval
from pawtrait.dataset.demo.paintings import staffage
from pawtrait.dataset.demo.paintings.palettes import Palette
from pawtrait.dataset.demo.paintings.shapes import box, curve, grid, mask, ridge, under
from pawtrait.dataset.demo.paintings.sketch import SIDE, Sketch, swirl


def village(colours: Palette, rng: np.random.Generator) -> Sketch:
    """A village under a moon and turning stars, a cypress before it."""
    moon = (rng.uniform(0.76, 0.86), rng.uniform(0.12, 0.19))
    stars = np.stack([np.linspace(0.24, 0.66, 7), np.tile((0.1, 0.36, 0.2), 3)[:7]], axis=1)
    stars = np.concatenate([stars, [(0.93, 0.4)]]) + rng.uniform(-0.035, 0.035, (8, 2))
    eddies = [(0.46, 0.26, 0.13, 1.0), (0.63, 0.34, 0.1, -0.9), (*moon, 0.15, 1.0)]
    eddies += [(x, y, 0.045, 0.8) for x, y in stars]
    drift = 0.35 * np.sin(grid(SIDE)[0] * 8 + rng.uniform(0, 6))
    out = Sketch(colours.sky, colours.horizon, swirl(eddies, drift))
    _streams(out, colours)
    for x, y in stars:
        out.glow(x, y, 0.034, mix(colours.light, colours.pale, 0.4), 0.9)
        out.glow(x, y, 0.013, colours.light)
    out.glow(*moon, 0.14, mix(colours.horizon, colours.pale, 0.55), 0.9)
    out.fill(_crescent(*moon, 0.085), mix(colours.light, (255, 170, 30), 0.25))
    for level, colour, rough in ((0.6, colours.far, 0.06), (0.68, colours.middle, 0.05)):
        hills = ridge(level - 0.02, level - 0.08, rough, rng, 4)
        slope = np.arctan(np.gradient(np.interp(grid(SIDE)[0][0], *hills.T), 1 / SIDE))
        out.fill(under(hills), colour, mix(colour, colours.near, 0.6), slope)
    out.fill(under(np.array([(0, 0.8), (1, 0.78)])), colours.near, colours.dark, 0.1)
    for x, y, size, tone in zip(
        np.linspace(0.28, 0.9, 8) + rng.uniform(-0.02, 0.02, 8),
        np.tile((0.83, 0.9), 4) + rng.uniform(-0.015, 0.02, 8),
        np.tile((0.062, 0.08), 4),
        rng.random(8),
        strict=True,
    ):
        staffage.house(out, x, y, size, colours, tone, lamp=True)
    staffage.steeple(out, rng.uniform(0.5, 0.62), 0.83, colours)
    staffage.cypress(out, rng.uniform(0.1, 0.17), 1.0, rng.uniform(0.78, 0.88), colours)
    return out


def wheat(colours: Palette, rng: np.random.Generator) -> Sketch:
    """A field in the wind, a cypress and a farm, clouds rolling over hills."""
    rolls = [(rng.uniform(0.1, 0.9), y, 0.12, sense) for y, sense in ((0.14, 1.0), (0.25, -1.0), (0.33, 1.0))]
    out = Sketch(colours.sky, mix(colours.sky, colours.horizon, 0.8), swirl(rolls, 0.1))
    for x, y, size in zip(rng.uniform(0.05, 0.9, 6), np.linspace(0.1, 0.36, 6), rng.random(6), strict=True):
        for part in range(5):
            puff = oval(
                x + 0.05 * part - 0.1, y - 0.02 * (part % 3), 0.045 + 0.03 * size, 0.026 + 0.01 * size
            )
            out.fill(puff, colours.pale, mix(colours.pale, colours.cool, 0.28))
    for level, tone in ((0.44, colours.far), (0.5, mix(colours.far, colours.middle, 0.5))):
        hills = ridge(level, level - 0.03, 0.05, rng, 4)
        out.fill(under(hills), tone, colours.middle, -0.25)
    bushes = curve(np.stack([np.linspace(0, 1, 12), 0.58 + rng.uniform(-0.025, 0.02, 12)], axis=1))
    out.fill(under(bushes), mix(colours.middle, colours.dark, 0.4), colours.middle, 0.6)
    ears = -1.2 + 0.5 * np.sin(grid(SIDE)[0] * 9 + grid(SIDE)[1] * 7)
    top = curve(np.stack([np.linspace(0, 1, 6), 0.64 + rng.uniform(-0.02, 0.02, 6)], axis=1))
    out.fill(under(top), mix(colours.near, colours.pale, 0.3), mix(colours.near, colours.warm, 0.35), ears)
    for _ in range(26):
        x, y = rng.uniform(0, 1), rng.uniform(0.68, 0.98)
        blade = bow(x, y, x + 0.14, y - 0.03, -0.02)
        out.line(blade, 0.012, mix(colours.near, (colours.warm, colours.pale)[rng.integers(2)], 0.5))
    staffage.house(out, rng.uniform(0.5, 0.62), 0.63, 0.085, colours, 0.2)
    right = rng.uniform(0.8, 0.87)
    staffage.cypress(out, right, 0.78, rng.uniform(0.62, 0.7), colours)
    return out


def sea(colours: Palette, rng: np.random.Generator) -> Sketch:
    """The sun low over the sea, its path on the waves, sails."""
    sun, level = (rng.uniform(0.3, 0.7), rng.uniform(0.3, 0.36)), 0.48
    x, y = grid(SIDE)
    out = Sketch(colours.sky, colours.horizon, swirl([(*sun, 0.3, 0.9)], 0.15 * np.sin(x * 7)))
    for at in np.linspace(0.06, 0.4, 6):
        streak = bow(rng.uniform(-0.3, 0.2), at, rng.uniform(0.7, 1.3), at + 0.02, rng.uniform(-0.05, 0.05))
        out.line(streak, rng.uniform(0.015, 0.04), mix(colours.horizon, colours.warm, rng.uniform(0.1, 0.7)))
    out.glow(*sun, 0.2, colours.light, 0.85)
    out.fill(oval(*sun, 0.065, 0.065), mix(colours.light, colours.pale, 0.4))
    waves = 0.22 * np.sin(x * 16 + y * 34)
    out.fill(box(0, level, 1, 0.6), mix(colours.water, colours.horizon, 0.45), colours.water, waves)
    for row in range(46):
        deep = (row / 46) ** 1.4
        at, wide = level + 0.01 + 0.5 * deep, 0.015 + 0.1 * deep
        left = rng.uniform(-0.1, 1)
        tone = mix(colours.water, (colours.dark, colours.cool, colours.pale)[row % 3], rng.uniform(0.2, 0.5))
        out.line(bow(left, at, left + wide * 2.2, at, -0.012 * deep), 0.006 + 0.018 * deep, tone)
        glint = sun[0] + rng.normal(0, 0.02 + 0.08 * deep)
        out.line(bow(glint - wide / 2, at, glint + wide / 2, at, 0.0), 0.007 + 0.012 * deep, colours.light)
    for at, size in (
        (rng.uniform(0.16, 0.28), 0.29),
        (rng.uniform(0.76, 0.88), 0.18),
        (rng.uniform(0.5, 0.6), 0.1),
    ):
        staffage.boat(out, at, level + 0.02 + size * 0.75, size, colours)
    return out


def poplars(colours: Palette, rng: np.random.Generator) -> Sketch:
    """A row of poplars on a river's bank, and its reflection."""
    out = Sketch(colours.sky, colours.horizon, 0.2 * np.sin(grid(SIDE)[0] * 6))
    for _ in range(7):
        x, y = rng.uniform(0, 1), rng.uniform(0.06, 0.3)
        out.fill(oval(x, y, rng.uniform(0.08, 0.18), 0.03), mix(colours.pale, colours.horizon, 0.4))
    out.fill(under(ridge(0.5, 0.47, 0.04, rng, 4)), colours.far, mix(colours.far, colours.middle, 0.5), 0.1)
    out.fill(box(0, 0.58, 1, 0.5), colours.middle, colours.near, 0.05)
    xs = np.linspace(0.08, 0.95, 6) + rng.uniform(-0.03, 0.03, 6)
    for number, x in enumerate(xs):
        staffage.poplar(out, x, 0.62, rng.uniform(0.44, 0.56) * (1 - 0.05 * number), colours, rng)
    above = out.colours[: round(0.64 * SIDE)][::-1]
    bank = 0.64 * SIDE
    rows = np.clip((np.arange(SIDE) - bank) * 1.5, 0, len(above) - 1).astype(int)
    shift = (3 * np.sin(np.arange(SIDE) * 0.55) + 2 * np.sin(np.arange(SIDE) * 0.23)).astype(int)
    mirror = np.stack([np.roll(above[row], s, axis=0) for row, s in zip(rows, shift, strict=True)])
    shape = under(curve([(0, 0.66), (0.3, 0.645), (0.6, 0.67), (1, 0.65)]))
    out.fill(shape, colours.water, None, 0.0)
    out.wash(mask(SIDE, shape) * 0.72, mirror)
    for _ in range(24):
        x, y = rng.uniform(-0.1, 1), rng.uniform(0.7, 1)
        tone = mix(colours.water, colours.pale, rng.uniform(0.3, 0.8))
        out.line(bow(x, y, x + rng.uniform(0.05, 0.2), y, 0.0), 0.006, tone)
    return out


def haystacks(colours: Palette, rng: np.random.Generator) -> Sketch:
    """Stacks in a stubble field, their shadows long."""
    out = Sketch(colours.sky, colours.horizon, 0.1)
    out.glow(rng.uniform(0.1, 0.3), 0.3, 0.4, colours.light, 0.8)
    out.fill(under(ridge(0.42, 0.4, 0.03, rng, 4)), colours.far, mix(colours.far, colours.cool, 0.3), 0.1)
    trees = np.stack([np.linspace(0, 1, 16), 0.46 + rng.uniform(-0.03, 0.012, 16)], axis=1)
    out.fill(under(curve(trees)), mix(colours.middle, colours.cool, 0.45), colours.middle, np.pi / 2.3)
    out.fill(box(0, 0.53, 1, 0.5), mix(colours.near, colours.light, 0.5), colours.near, 0.12)
    for _ in range(40):
        x, y = rng.uniform(-0.1, 1), rng.uniform(0.56, 1)
        tone = mix(colours.near, (colours.warm, colours.light, colours.cool)[rng.integers(3)], 0.45)
        out.line(bow(x, y, x + 0.12, y + 0.012, 0.0), 0.012, tone)
    spots = ((rng.uniform(0.66, 0.76), 0.64, 0.2), (rng.uniform(0.3, 0.4), 0.82, 0.36))
    for x, foot, size in spots:
        staffage.stack(out, x, foot, size, colours)
    return out


def lake(colours: Palette, rng: np.random.Generator) -> Sketch:
    """Snow mountains over a lake, firs on the shore, the moon or the sun between the peaks."""
    disc = (rng.uniform(0.25, 0.75), rng.uniform(0.12, 0.2))
    out = Sketch(colours.sky, colours.horizon, swirl([(*disc, 0.2, 0.8)], 0.1))
    out.glow(*disc, 0.18, mix(colours.light, colours.horizon, 0.4), 0.8)
    out.fill(oval(*disc, 0.058, 0.058), colours.light)
    for count, level, tone in ((3, 0.24, mix(colours.far, colours.horizon, 0.35)), (4, 0.33, colours.far)):
        for number in range(count):
            peak = ((number + 0.5) / count + rng.uniform(-0.08, 0.08), level + rng.uniform(-0.06, 0.05))
            staffage.peak(out, peak, 0.62, tone, colours)
    shore = ridge(0.58, 0.6, 0.02, rng, 4)
    out.fill(under(shore), mix(colours.middle, colours.dark, 0.3), colours.middle, np.pi / 2)
    out.fill(box(0, 0.64, 1, 0.4), mix(colours.water, colours.horizon, 0.5), colours.water, 0.04)
    for row in range(34):
        deep = (row / 34) ** 1.2
        x, y = rng.uniform(-0.2, 1), 0.655 + 0.34 * deep
        glint = (
            colours.light if abs(x - disc[0]) < 0.15 else (colours.far, colours.pale, colours.cool)[row % 3]
        )
        out.line(bow(x, y, x + 0.08 + 0.2 * deep, y, 0), 0.005 + 0.012 * deep, mix(colours.water, glint, 0.6))
    for x in np.concatenate([rng.uniform(0.0, 0.26, 4), rng.uniform(0.8, 1.0, 3)]):
        staffage.fir(out, x, rng.uniform(0.78, 1.02), rng.uniform(0.28, 0.46), colours)
    return out


def hilltown(colours: Palette, rng: np.random.Generator) -> Sketch:
    """Houses climbing a hill under trees, with hardly any sky."""
    out = Sketch(colours.sky, colours.horizon, 0.5)
    out.fill(
        under(curve([(0, 0.3), (0.35, 0.12), (0.65, 0.16), (1, 0.34)])), colours.far, colours.middle, 0.8
    )
    for row, level in enumerate(np.linspace(0.32, 0.98, 6)):
        size = 0.1 + 0.018 * row
        offset = rng.uniform(0, 0.1)
        for number in range(6):
            x = offset + number * size * 1.75 - 0.12
            if rng.random() < 0.2:
                bush = oval(x + size, level - size * 0.5, size * 0.8, size * 0.7)
                out.fill(bush, colours.middle, mix(colours.near, colours.dark, 0.4), 0.9)
                continue
            staffage.house(out, x, level + rng.uniform(-0.02, 0.02), size, colours, rng.random())
    trunk = curve([(0.06, 1.0), (0.1, 0.7), (0.06, 0.4), (0.16, 0.1), (0.3, -0.02)])
    out.line(trunk, 0.03, colours.dark)
    for x, y, r in ((0.1, 0.08, 0.13), (0.26, 0.03, 0.12), (0.02, 0.25, 0.09)):
        out.fill(oval(x, y, r, r * 0.7), mix(colours.middle, colours.dark, 0.3), colours.middle, 1.0)
    return out


def _streams(sketch: Sketch, colours: Palette) -> None:
    """Bands of lighter air that follow the eddies."""
    x, y = grid(SIDE)
    bands = np.sin(18 * y + 2.5 * np.sin(6 * x) + 3 * np.sin(sketch.flow)) * 0.5 + 0.5
    sketch.wash(bands * np.clip(0.75 - y, 0, 1) * 0.62, mix(colours.horizon, colours.pale, 0.25))


def _crescent(x: float, y: float, r: float) -> np.ndarray:
    t = np.linspace(-1.15, 1.15, 20)
    outer = np.stack([x + r * np.cos(t), y + r * np.sin(t)], axis=1)
    inner = np.stack([x - 0.1 * r + r * 0.55 * np.cos(t[::-1]), y + r * np.sin(t[::-1])], axis=1)
    return np.concatenate([outer, inner])
