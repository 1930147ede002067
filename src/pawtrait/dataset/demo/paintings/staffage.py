"""What stands in a landscape: houses, trees, stacks, boats, peaks, each laid over a sketch."""

import numpy as np

from pawtrait.dataset.demo.canvas import mix, oval, smooth
from pawtrait.dataset.demo.paintings.palettes import Palette
from pawtrait.dataset.demo.paintings.shapes import box, curve, grid, placed
from pawtrait.dataset.demo.paintings.sketch import SIDE, Sketch


def house(
    sketch: Sketch, x: float, y: float, size: float, colours: Palette, tone: float, lamp: bool = False
) -> None:
    """A house from two sides, its left corner at (x, y); ``tone`` 0..1 picks walls and roof."""
    width, deep, high, gable = size, size * 0.8, size * 0.72, size * 0.55
    wall = mix(colours.pale, colours.cool, 0.45 * tone)
    roof = mix(colours.warm, colours.cool, 0.9 * (1 - tone) if lamp else 0.45 * (1 - tone))
    shade = mix(wall, colours.dark, 0.45)
    sketch.fill(box(x, y - high, width, high), wall, mix(wall, colours.near, 0.25), np.pi / 2)
    tip = (x + width / 2, y - high - gable)
    sketch.fill(np.array([(x, y - high), tip, (x + width, y - high)]), wall, None, np.pi / 2)
    side = np.array([(x + width, y - high), (x + width + deep, y - high * 1.05), (x + width + deep, y * 1.0)])
    sketch.fill(np.concatenate([side, [(x + width, y)]]), shade, None, np.pi / 2)
    back = (tip[0] + deep, tip[1] - high * 0.05)
    slope = np.array([tip, back, (x + width + deep, y - high * 1.02), (x + width, y - high * 0.97)])
    sketch.fill(slope, roof, mix(roof, colours.dark, 0.25), -0.6)
    pane = colours.light if lamp else mix(colours.dark, colours.cool, 0.4)
    for dx in (0.2, 0.58):
        sketch.fill(box(x + width * dx, y - high * 0.72, width * 0.2, high * 0.3), pane)
    sketch.fill(
        box(x + width * 0.4, y - high * 0.34, width * 0.2, high * 0.34), mix(shade, colours.dark, 0.5)
    )


def steeple(sketch: Sketch, x: float, y: float, colours: Palette) -> None:
    """A church's tower with its pointed roof."""
    wall = mix(colours.pale, colours.cool, 0.4)
    sketch.fill(box(x, y - 0.1, 0.035, 0.1), wall, None, np.pi / 2)
    roof = np.array([(x - 0.006, y - 0.095), (x + 0.0175, y - 0.27), (x + 0.041, y - 0.095)])
    sketch.fill(roof, mix(colours.cool, colours.dark, 0.5), None, np.pi / 2)


def cypress(sketch: Sketch, x: float, foot: float, height: float, colours: Palette) -> None:
    """A dark flame, rising from its ``foot``."""
    flow = np.asarray(np.pi / 2 + 0.3 * np.sin(grid(SIDE)[1] * 22 + grid(SIDE)[0] * 30), np.float32)
    for dx, share, wide in ((0.0, 1.0, 0.075), (-0.05, 0.62, 0.05), (0.06, 0.5, 0.05)):
        top = foot - height * share
        shape = [(x + dx, top), (x + dx + wide * 0.7, foot - height * share * 0.6)]
        shape += [(x + dx + wide, foot - height * share * 0.25), (x + dx + wide * 0.7, foot + 0.1)]
        shape += [(x + dx - wide * 0.7, foot + 0.1), (x + dx - wide, foot - height * share * 0.3)]
        shape += [(x + dx - wide * 0.55, foot - height * share * 0.65)]
        tone = mix(colours.dark, colours.middle, 0.22 + 0.2 * (dx != 0))
        sketch.fill(smooth(np.array(shape)), tone, colours.dark, flow)
    for dx in (-0.03, 0.0, 0.03):
        vein = curve(
            [(x + dx, foot), (x + dx * 2, foot - 0.3 * height), (x + dx * 0.3, foot - 0.75 * height)]
        )
        sketch.line(vein, 0.008, mix(colours.dark, colours.middle, 0.75))


def poplar(
    sketch: Sketch, x: float, foot: float, height: float, colours: Palette, rng: np.random.Generator
) -> None:
    """A slim tree of tufts that lean each its own way."""
    sketch.line(np.array([(x, foot + 0.02), (x, foot - 0.3 * height)]), 0.012, colours.dark)
    lean = np.asarray(np.pi / 2 + 0.5 * np.sin(grid(SIDE)[1] * 40), np.float32)
    for part in range(7):
        share = part / 6
        wide = 0.055 * np.sin(np.pi * (0.2 + 0.75 * share)) + 0.012
        y = foot - height * (0.16 + 0.82 * share)
        tone = mix(colours.middle, (colours.dark, colours.warm, colours.light)[rng.integers(3)], 0.4)
        tuft = oval(x + rng.uniform(-0.012, 0.012), y, wide, height * 0.12)
        sketch.fill(tuft, mix(tone, colours.light, 0.2), mix(tone, colours.near, 0.5), lean)


def fir(sketch: Sketch, x: float, foot: float, height: float, colours: Palette) -> None:
    """Boughs in tiers."""
    for part in range(6):
        share = part / 6
        y, wide = foot - height * (0.1 + 0.8 * share), height * 0.24 * (1 - share) + 0.008
        tone = mix(colours.dark, colours.middle, 0.15 + 0.3 * (part % 2))
        boughs = [(x - wide, y), (x, y - height * 0.3), (x + wide, y), (x, y - height * 0.04)]
        sketch.fill(np.array(boughs), mix(tone, colours.cool, 0.2), tone, 1.2 if part % 2 else 1.9)


def stack(sketch: Sketch, x: float, foot: float, size: float, colours: Palette) -> None:
    """A thatched stack of sheaves, lit from the left, its shadow on the stubble."""
    straw, shade = mix(colours.near, colours.light, 0.35), mix(colours.cool, colours.near, 0.35)
    shadow = placed([(0, 0), (1.2, 0.1), (1.3, 0.22), (0, 0.14)], x, foot, size)
    sketch.fill(smooth(shadow), shade, None, 0.1)
    body = placed([(-0.42, 0), (-0.46, -0.42), (0.46, -0.42), (0.42, 0), (0, 0.09)], x, foot, size)
    sketch.fill(smooth(body, 5), straw, mix(straw, colours.warm, 0.4), np.pi / 2)
    dark = placed([(0.12, -0.42), (0.46, -0.42), (0.42, 0), (0.1, 0.08)], x, foot, size)
    sketch.fill(dark, mix(colours.cool, straw, 0.3), mix(colours.cool, colours.warm, 0.4), np.pi / 2)
    roof = placed([(-0.52, -0.4), (0, -0.98), (0.52, -0.4), (0, -0.3)], x, foot, size)
    sketch.fill(roof, mix(colours.light, straw, 0.5), mix(straw, colours.warm, 0.5), 2.2)
    side = placed([(0, -0.98), (0.52, -0.4), (0.1, -0.31)], x, foot, size)
    sketch.fill(side, mix(colours.warm, straw, 0.4), mix(colours.cool, colours.warm, 0.5), 0.9)


def boat(sketch: Sketch, x: float, foot: float, size: float, colours: Palette) -> None:
    """A boat with a jib and a mainsail, its reflection below."""
    hull = placed([(-0.5, -0.1), (0, -0.06), (0.5, -0.12), (0.3, 0), (-0.35, 0)], x, foot, size)
    jib = placed([(-0.04, -1.1), (-0.42, -0.2), (-0.04, -0.16)], x, foot, size)
    main = placed([(0.02, -1.25), (0.4, -0.45), (0.44, -0.2), (0.02, -0.16)], x, foot, size)
    sketch.fill(smooth(main, 4), colours.pale, mix(colours.pale, colours.warm, 0.3), 1.2)
    sketch.fill(jib, mix(colours.pale, colours.warm, 0.55), colours.warm, 1.9)
    sketch.line(placed([(-0.01, -1.3), (-0.01, -0.1)], x, foot, size), 0.006, colours.dark)
    sketch.fill(smooth(hull), mix(colours.dark, colours.warm, 0.35), colours.dark, 0.0)
    mirror = oval(x, foot + size * 0.12, size * 0.4, size * 0.05)
    sketch.fill(mirror, mix(colours.water, colours.dark, 0.6), None, 0.0)


def peak(
    sketch: Sketch, top: tuple[float, float], foot: float, tone: tuple[int, int, int], colours: Palette
) -> None:
    """A mountain: a lit and a shaded side, and snow down to a ragged line."""
    x, y = top
    wide = (foot - y) * 0.85
    left, right = (x - wide, foot), (x + wide, foot)
    shade = mix(tone, colours.dark, 0.4)
    sketch.fill(
        np.array([top, right, left]), mix(tone, colours.pale, 0.15), mix(tone, colours.middle, 0.3), 2.2
    )
    spine = [(x, y), (x + 0.02, y + 0.08), (x - 0.01, y + 0.16), (x + 0.04, foot)]
    sketch.fill(np.array([*spine, right]), shade, mix(shade, colours.middle, 0.3), 0.9)
    snow = [
        (x, y),
        (x + 0.02, y + 0.08),
        (x + 0.0, y + 0.12),
        (x - 0.03, y + 0.09),
        (x - 0.05, y + 0.14),
        (x - 0.075, y + 0.1),
    ]
    sketch.fill(np.array(snow), colours.pale, None, 2.2)
    cold = [(x, y), (x + 0.075, y + 0.1), (x + 0.05, y + 0.12), (x + 0.035, y + 0.09), (x + 0.02, y + 0.08)]
    sketch.fill(np.array(cold), mix(colours.pale, colours.cool, 0.55), None, 0.9)
