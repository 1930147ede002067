"""A motif in ink: carp under lotus leaves."""

import numpy as np

from pawtrait.dataset.demo.canvas import Colour, Points
from pawtrait.dataset.demo.paintings.ink import LEAF, ROSE, SOOT, Scroll
from pawtrait.dataset.demo.paintings.shapes import Numbers, curve, flipped, grid, smoothstep, taper
from pawtrait.dataset.demo.paintings.surface import Picture


def carp(tone: Colour, side: int, rng: np.random.Generator) -> Picture:
    """Carp under lotus leaves."""
    out = Scroll(side, tone, rng)
    x, y = grid(side)
    ripple = np.sin(np.hypot(x - 0.9, (y - 0.1) * 1.6) * 62 + out.pools * 1.1)
    out.stain(np.asarray(smoothstep(0.55, 1.0, ripple) * smoothstep(-0.6, 1.2, out.pools), np.float32), 0.1)
    corner = rng.choice((-1.0, 1.0))

    for at, size in (((0.86, 0.14), 0.24), ((0.14, 0.9), 0.17), ((0.6, 0.06), 0.1)):
        _pad(out, flipped([at], corner)[0], size, rng)
    bends = [
        ((0.16, 0.26), (0.3, 0.2), (0.46, 0.3), (0.56, 0.46)),
        ((0.88, 0.86), (0.74, 0.84), (0.6, 0.74), (0.54, 0.62)),
    ]
    bends.append(((0.12, 0.72), (0.2, 0.58), (0.34, 0.54), (0.44, 0.6)))
    looks = ((0.125, ROSE, 0.35), (0.115, SOOT, 0.55), (0.085, (214, 118, 40), 0.4))
    for bend, (wide, patch, strength) in zip(bends, looks, strict=True):
        spine = curve(flipped(np.array(bend) + rng.normal(0, 0.012, (4, 2)), corner), 12)[::-1]
        _fish(out, spine, wide, patch, strength, rng)
    out.seal(float(flipped([(0.9, 0)], corner)[0, 0]) - 0.03, 0.88)
    return out.dried()


def _fish(
    scroll: Scroll, spine: Points, wide: float, patch: Colour, strength: float, rng: np.random.Generator
) -> None:
    """One carp from above; its spine runs from the head to the tail."""
    t = np.linspace(0, 1, len(spine))
    girth = wide * np.interp(t, (0, 0.06, 0.3, 0.65, 1.0), (0.35, 0.66, 1.0, 0.66, 0.16))
    across = np.stack([-np.gradient(spine[:, 1]), np.gradient(spine[:, 0])], axis=1)
    across /= np.hypot(across[:, :1], across[:, 1:])
    along = np.stack([across[:, 1], -across[:, 0]], axis=1)
    _fins(scroll, spine, across, girth, wide)
    body = np.concatenate([spine + across * girth[:, None] / 2, (spine - across * girth[:, None] / 2)[::-1]])
    scroll.wash(body, 0.2, SOOT, 0.0, 0.9)
    for start, stop in ((0.02, 0.2), (0.34, 0.6), (0.7, 0.86)):
        cut = slice(int(start * len(t)), int(stop * len(t)) + 1)
        shift = across[cut] * girth[cut, None] * rng.uniform(-0.12, 0.12)
        blot = np.sin(np.linspace(0.25, np.pi - 0.25, len(t[cut])))
        scroll.touch(spine[cut] + shift, girth[cut] * 0.78 * blot, min(1.0, strength * 1.9), patch)
    scroll.touch(spine[6:-4], taper(len(spine) - 10, 0.3) * wide * 0.12, 0.6)
    for row in (-0.28, 0.0, 0.28):
        scales = spine[8:-8:2] + across[8:-8:2] * girth[8:-8:2, None] * row
        scroll.dots(scales, wide * 0.03, 0.3)
    for sense in (-1.0, 1.0):
        scroll.dots((spine[2] + across[2] * sense * girth[2] * 0.4)[None], wide * 0.06, 1.0)
        lip = spine[0] + across[0] * sense * girth[0] * 0.4
        tip = spine[0] - along[0] * wide * 0.25 + across[0] * sense * wide * 0.34
        whisker = curve([lip, tip], 4)
        scroll.touch(whisker, 0.0024, 0.7)


def _fins(scroll: Scroll, spine: Points, across: Points, girth: Numbers, wide: float) -> None:
    """Two pairs of fins and the tail, like veils: touches that spread and run dry."""
    count = len(spine)
    along = np.stack([across[:, 1], -across[:, 0]], axis=1)
    for sense in (-1.0, 1.0):
        for at, reach in ((int(count * 0.26), 0.85), (int(count * 0.6), 0.5)):
            root = spine[at] + across[at] * sense * girth[at] * 0.42
            for fan in (0.35, 0.65, 0.95):
                end = root + wide * reach * (across[at] * sense * fan + along[at] * (1.25 - fan) * 0.9)
                fin = curve([root, (root + end) / 2 + along[at] * 0.006, end], 6)
                scroll.touch(fin, np.linspace(0.12, 0.34, len(fin)) * wide * reach, 0.24, SOOT, 0.5)
    for fan in (-0.55, -0.2, 0.2, 0.55):
        end = spine[-1] + wide * 1.25 * (along[-1] + across[-1] * fan)
        fin = curve([spine[-3], spine[-1] + along[-1] * wide * 0.35, end], 7)
        scroll.touch(fin, np.linspace(0.12, 0.34, len(fin)) * wide, 0.34, SOOT, 0.55)


def _pad(scroll: Scroll, at: Points, size: float, rng: np.random.Generator) -> None:
    """A lotus leaf: wet in wet, its veins before it dried."""
    around = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    rim = size * (1 + 0.06 * np.sin(around * 5 + rng.uniform(0, 6)) + 0.03 * np.sin(around * 9))
    shape = np.stack([at[0] + rim * np.cos(around), at[1] + rim * 0.78 * np.sin(around)], axis=1)
    scroll.wash(shape, 0.5, LEAF, 0.006, 0.5)
    scroll.wash((shape - at) * 0.8 + at + rng.normal(0, 0.02, 2), 0.5, SOOT, 0.03, 0.0)
    for angle in np.arange(9) * 2 * np.pi / 9 + rng.uniform(0, 1):
        end = at + size * 0.86 * np.array([np.cos(angle), 0.78 * np.sin(angle)])
        vein = curve([at, (at + end) / 2 + rng.normal(0, 0.008, 2), end], 6)
        scroll.touch(vein, np.linspace(0.006, 0.002, len(vein)), 0.75)
