"""Motifs in ink: bamboo, and plum blossom with a bird."""

import numpy as np

from pawtrait.dataset.demo.canvas import Colour, Points, oval, smooth
from pawtrait.dataset.demo.paintings.ink import ROSE, SOOT, Scroll
from pawtrait.dataset.demo.paintings.shapes import (
    curve,
    flipped,
    grid,
    moved,
    smoothstep,
    taper,
)
from pawtrait.dataset.demo.paintings.surface import Picture

_BOUGH = (
    (1.04, 0.98),
    (0.88, 0.8),
    (0.8, 0.62),
    (0.64, 0.55),
    (0.54, 0.4),
    (0.36, 0.36),
    (0.24, 0.22),
    (0.1, 0.2),
)
_TWIGS = (
    ((0.8, 0.62), (0.86, 0.44), (0.8, 0.26), (0.84, 0.12)),
    ((0.64, 0.55), (0.5, 0.62), (0.4, 0.76), (0.28, 0.8)),
    ((0.54, 0.4), (0.56, 0.24), (0.48, 0.1)),
    ((0.36, 0.36), (0.22, 0.42), (0.12, 0.5)),
)


def bamboo(tone: Colour, side: int, rng: np.random.Generator) -> Picture:
    """Bamboo in the wind, near stems dark, far ones pale."""
    out = Scroll(side, tone, rng)
    mist = smoothstep(0.55, 1.0, grid(side)[1]) * smoothstep(-1.2, 1.4, out.pools)
    out.stain(np.asarray(mist, np.float32), 0.18)
    start = rng.uniform(0.18, 0.3)
    stems = ((start + 0.42, 0.028, 0.24), (start + 0.22, 0.038, 0.42), (start, 0.052, 0.72))
    wind = rng.choice((-1.0, 1.0))
    for x, wide, strength in stems:
        knots = _stem(out, x + rng.normal(0, 0.02), wide, strength, rng)
        for knot in knots[1::2]:
            _spray(out, knot, wind, strength * 0.95, wide * 5.2, rng)
    _spray(out, np.array([0.6 + 0.1 * wind, 0.1]), wind, 0.9, 0.3, rng)
    out.seal(0.87, 0.86)
    return out.dried()


def plum(tone: Colour, side: int, rng: np.random.Generator) -> Picture:
    """A gnarled bough in red blossom, and a small bird on it."""
    out = Scroll(side, tone, rng)
    sense = rng.choice((-1.0, 1.0))
    x, y = grid(side)
    glow = (x - flipped((0.3, 0), sense)[0]) ** 2 + (y - 0.3) ** 2
    out.stain(np.exp(-glow / 0.06), 0.07)
    bough = curve(flipped(_BOUGH, sense), 9)
    wide = np.interp(np.linspace(0, 1, len(bough)), (0, 0.4, 1), (0.085, 0.045, 0.008))
    out.touch(bough, wide, 0.62, SOOT, 0.62)
    out.touch(moved(bough, 0, 0.012), wide * 0.4, 0.85, SOOT, 0.45)
    spots = bough[:40] + rng.normal(0, 0.012, (40, 2))
    out.dots(spots, rng.uniform(0.003, 0.007, 40), 0.8)
    places = [bough[30::4]]
    for corners in _TWIGS:
        twig = curve(flipped(corners, sense), 8)
        out.touch(twig, np.linspace(0.02, 0.005, len(twig)), 0.85, SOOT, 0.3)
        places.append(twig[5::4])
    for place in np.concatenate(places):
        _blossom(out, place + rng.normal(0, 0.012, 2), rng.uniform(0.019, 0.029), rng)
        out.dots(place + rng.normal(0, 0.03, (1, 2)), 0.008, 0.75, ROSE)
    _bird(out, flipped((0.7, 0.538), sense), -sense, 0.13)
    out.seal(float(flipped((0.1, 0), sense)[0]) - 0.03, 0.86)
    return out.dried()


def _stem(scroll: Scroll, x: float, wide: float, strength: float, rng: np.random.Generator) -> Points:
    """One stem, joint by joint upwards; its knots (N, 2)."""
    y, lean, knots = 1.04, rng.normal(0, 0.05), []
    while y > -0.05:
        length = rng.uniform(0.14, 0.2)
        path = np.array(
            [(x, y), (x + lean * length * 0.5, y - length * 0.5), (x + lean * length, y - length)]
        )
        path = moved(curve(path, 6), 0, -0.004)
        swell = wide * (0.9 + 0.16 * np.abs(np.linspace(-1, 1, len(path))) ** 3)
        scroll.touch(path, swell, strength * 0.62, SOOT, 0.0)
        scroll.touch(moved(path, wide * 0.3, 0), swell * 0.34, strength * 0.7, SOOT, 0.55)
        scroll.touch(path - (wide * 0.42, 0), swell * 0.14, strength * 0.6, SOOT, 0.4)
        x, y = float(path[-1, 0]), float(path[-1, 1]) - 0.008
        hook = curve([(x - wide * 0.62, y + 0.006), (x, y + 0.012), (x + wide * 0.62, y + 0.004)], 5)
        scroll.touch(hook, taper(len(hook), 0.5) * 0.012 + 0.003, min(1.0, strength * 1.35))
        knots.append((x, y))
        lean += rng.normal(0, 0.02)
    return np.array(knots)


def _spray(
    scroll: Scroll, start: Points, wind: float, strength: float, reach: float, rng: np.random.Generator
) -> None:
    """A twig with leaves in threes and fours, hanging with the wind."""
    tip = moved(start, wind * reach * rng.uniform(0.5, 0.9), -reach * rng.uniform(0.1, 0.35))
    twig = curve([start, (start + tip) / 2 + (0, -0.02), tip], 6)
    scroll.touch(twig, 0.0045, strength)
    for joint in twig[3::3]:
        for turn in np.linspace(-0.75, 0.75, int(rng.integers(3, 5))) + rng.normal(0, 0.12):
            angle = np.pi / 2 - wind * 0.55 + turn
            long = reach * rng.uniform(0.42, 0.75)
            end = joint + long * np.array([np.cos(angle), np.sin(angle)])
            bend = (joint + end) / 2 + (wind * 0.012, -0.008)
            leaf = curve([joint, bend, end], 9)
            scroll.touch(leaf, taper(len(leaf), 0.3, 1.3) * long * 0.17, strength * rng.uniform(0.75, 1.15))


def _blossom(scroll: Scroll, at: Points, size: float, rng: np.random.Generator) -> None:
    turn = rng.uniform(0, 6)
    for angle in turn + np.arange(5) * 2 * np.pi / 5:
        x, y = at + size * 0.8 * np.array([np.cos(angle), np.sin(angle) * 0.85])
        petal = oval(x, y, size * 0.56, size * 0.5, angle, 14)
        scroll.wash(petal, rng.uniform(0.45, 0.75), ROSE, 0.0, 0.9)
    for angle in turn + np.arange(7) * 0.9:
        reach = size * rng.uniform(0.4, 0.75)
        end = at + reach * np.array([np.cos(angle), np.sin(angle)])
        scroll.touch(np.stack([at, end]), 0.0018, 0.8)
        scroll.dots(end[None], 0.0026, 0.95)


def _bird(scroll: Scroll, feet: Points, sense: float, size: float) -> None:
    """A round bird that looks towards ``sense``."""
    spin = np.array([sense * size, size])
    body = [
        (-0.34, -0.16),
        (-0.2, -0.42),
        (0.06, -0.56),
        (0.3, -0.4),
        (0.34, -0.18),
        (0.14, 0.0),
        (-0.14, 0.0),
    ]
    scroll.wash(smooth(np.array(body)) * spin + feet, 0.3, SOOT, 0.0, 0.5)
    wing = [(-0.38, -0.06), (-0.24, -0.4), (0.04, -0.44), (0.04, -0.2), (-0.12, -0.1)]
    scroll.wash(smooth(np.array(wing)) * spin + feet, 0.8, SOOT, 0.0, 0.3)
    scroll.wash(oval(0.22, -0.66, 0.21, 0.19) * spin + feet, 0.75, SOOT, 0.0, 0.3)
    scroll.wash(oval(0.18, -0.22, 0.15, 0.16) * spin + feet, 0.6, ROSE, 0.01, 0.0)
    for lift in (0.0, 0.05):
        tail = curve(np.array([(-0.26, -0.2), (-0.55, 0.02 + lift), (-0.82, 0.3 + lift)]) * spin + feet)
        scroll.touch(tail, np.linspace(0.1, 0.05, len(tail)) * size, 0.85, SOOT, 0.3)
    scroll.touch(np.array([(0.4, -0.68), (0.58, -0.63)]) * spin + feet, np.array([0.07, 0.005]) * size, 0.95)
    for dx in (-0.05, 0.1):
        scroll.touch(np.array([(dx, -0.02), (dx + 0.02, 0.14)]) * spin + feet, 0.004, 0.9)
