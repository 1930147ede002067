"""Motifs in ink: mountains in mist, and a boat under the moon."""

import numpy as np

from pawtrait.dataset.demo.canvas import Colour, Points, oval, smooth
from pawtrait.dataset.demo.paintings import surface
from pawtrait.dataset.demo.paintings.ink import SOOT, Scroll
from pawtrait.dataset.demo.paintings.shapes import curve, grid, moved, ridge, smoothstep, taper
from pawtrait.dataset.demo.paintings.surface import Picture


def peaks(tone: Colour, side: int, rng: np.random.Generator) -> Picture:
    """Mountains that rise out of the mist, pines on them, a pavilion below, birds above."""
    out = Scroll(side, tone, rng)
    levels = ((0.5, 0.3, 0.2), (0.6, 0.38, 0.33), (0.76, 0.44, 0.55), (0.93, 0.3, 0.8))
    for number, (foot, tall, strength) in enumerate(levels):
        middle = rng.uniform(0.2, 0.8) if number < 2 else (0.2, 0.85)[(number + int(rng.integers(2))) % 2]
        line = _pillars(foot, tall, middle, rng)
        _slope(out, line, strength, 0.12 + 0.05 * number)
        if number:
            _growth(out, line, strength, 0.016 + 0.008 * number, rng)
    _pavilion(out, rng.uniform(0.42, 0.58), 0.87, 0.1)
    for _ in range(5):
        x, y, wing = rng.uniform(0.25, 0.75), rng.uniform(0.08, 0.26), rng.uniform(0.012, 0.02)
        bird = curve(
            [
                (x - wing, y - wing * 0.5),
                (x - wing * 0.3, y - wing * 0.3),
                (x, y),
                (x + wing * 0.4, y - wing * 0.4),
                (x + wing, y - wing * 0.35),
            ],
            4,
        )
        out.touch(bird, 0.0035, 0.8)
    out.seal(0.06 if rng.random() < 0.5 else 0.88, 0.88)
    return out.dried()


def ferry(tone: Colour, side: int, rng: np.random.Generator) -> Picture:
    """A boat on a still lake under the full moon, geese, reeds."""
    out = Scroll(side, tone, rng)
    x, y = grid(side)
    moon = (rng.uniform(0.28, 0.72), rng.uniform(0.2, 0.27))
    far = np.hypot(x - moon[0], y - moon[1])
    halo = smoothstep(0.098, 0.104, far + 0.0015 * out.grain) * (0.28 + 0.55 * np.exp(-((far / 0.3) ** 2)))
    out.stain(np.asarray(halo * smoothstep(0.66, 0.3, y + 0.03 * out.pools), np.float32), 0.52)
    for level, tall, strength in ((0.52, 0.1, 0.3), (0.56, 0.07, 0.5)):
        _slope(out, _pillars(level, tall, rng.uniform(0.1, 0.9), rng), strength, 0.045)
    for _ in range(26):
        at, left = rng.uniform(0.62, 0.96), rng.uniform(-0.05, 0.8)
        streak = curve([(left, at), (left + rng.uniform(0.08, 0.3), at + rng.normal(0, 0.003))], 9)
        out.touch(streak, taper(len(streak), 0.4) * 0.007 + 0.0015, rng.uniform(0.1, 0.3), SOOT, 0.6)
    _glimmer(out, moon[0], rng)
    _skiff(out, rng.uniform(0.38, 0.6), 0.72, 0.3)
    for number in range(6):
        gx, gy = 0.1 + 0.035 * number, 0.14 + 0.02 * abs(number - 2)
        wing = curve([(gx - 0.016, gy - 0.006), (gx, gy), (gx + 0.016, gy - 0.008)], 4)
        out.touch(wing, 0.0034, 0.75)
    _reeds(out, rng.choice((0.0, 1.0)), rng)
    out.seal(0.47, 0.9, 0.055)
    return out.dried()


def _pillars(foot: float, tall: float, middle: float, rng: np.random.Generator) -> Points:
    """A skyline of steep peaks round ``middle``."""
    x = np.linspace(-0.01, 1.01, 260)
    height = np.zeros_like(x)
    for shift, share in (
        (0.0, 1.0),
        (-0.14, 0.7),
        (0.13, 0.62),
        (-0.27, 0.4),
        (0.3, 0.35),
        (0.5, 0.22),
        (-0.5, 0.25),
    ):
        at, wide = middle + shift + rng.normal(0, 0.025), rng.uniform(0.055, 0.085)
        peak = share * rng.uniform(0.85, 1.1) * np.exp(-(np.abs((x - at) / wide) ** 1.5))
        height = np.maximum(height, peak)
    rough = np.interp(x, *ridge(0.0, 0.0, 0.035, rng, 8).T)
    return np.stack([x, foot - tall * height + rough * (0.3 + height)], axis=1)


def _slope(scroll: Scroll, line: Points, strength: float, deep: float) -> None:
    """A mountainside: dark at its edge, creased, lost in mist downwards."""
    x, y = grid(scroll.side)
    top = np.interp(x[0], *line.T).astype(np.float32)[None, :]
    depth = y - top + 0.002 * scroll.grain
    inside = smoothstep(0.0, 0.006, depth)
    fade = np.exp(-np.maximum(depth, 0) / np.float32(deep * 1.15))
    edge = np.exp(-np.maximum(depth, 0) / 0.012) * 0.55
    creases = surface.noise(scroll.side, 9, 64, scroll.rng) + 0.7 * surface.noise(
        scroll.side, 22, 110, scroll.rng
    )
    folds = smoothstep(0.35, 1.5, creases) * np.exp(-np.maximum(depth - 0.01, 0) / np.float32(deep)) * 0.75
    pale = smoothstep(-1.2, 1.2, surface.noise(scroll.side, 5, 14, scroll.rng)) * 0.6 + 0.4
    cover = inside * np.clip(fade * 0.6 * pale + edge * pale + folds, 0, 1)
    scroll.stain(np.asarray(cover, np.float32), strength)


def _growth(scroll: Scroll, line: Points, strength: float, size: float, rng: np.random.Generator) -> None:
    """Moss dots and pines along the skyline."""
    spots = line[rng.integers(8, len(line) - 8, 70)] + rng.normal(0, 0.006, (70, 2)) + (0, 0.008)
    scroll.dots(spots, rng.uniform(0.0025, 0.006, 70), strength)
    for x, y in line[rng.integers(10, len(line) - 10, 9)]:
        tall = size * rng.uniform(1.2, 2.2)
        lean = rng.normal(0, 0.25) * tall
        scroll.touch(
            curve([(x, y + 0.006), (x + lean * 0.3, y - tall * 0.5), (x + lean, y - tall)], 4),
            0.0045,
            strength * 1.1,
        )
        for share in (0.45, 0.7, 0.95):
            wide = size * rng.uniform(0.35, 0.6) * (1.25 - share * 0.5)
            pad = oval(
                x + lean * share + rng.normal(0, wide * 0.4),
                y - tall * share,
                wide,
                wide * 0.3,
                rng.normal(0, 0.15),
                16,
            )
            scroll.wash(pad, strength * 0.95, SOOT, 0.0, 0.2)


def _pavilion(scroll: Scroll, x: float, y: float, size: float) -> None:
    """A roof on posts, and a bridge to it."""
    eaves = curve(
        [
            (x - size * 0.62, y - size * 0.42),
            (x - size * 0.4, y - size * 0.5),
            (x, y - size * 0.86),
            (x + size * 0.4, y - size * 0.5),
            (x + size * 0.62, y - size * 0.42),
        ]
    )
    scroll.wash(
        np.concatenate([eaves, [(x + size * 0.3, y - size * 0.47), (x - size * 0.3, y - size * 0.47)]]),
        0.55,
        SOOT,
        0.0,
        0.4,
    )
    scroll.touch(eaves, 0.0055, 0.9)
    for dx in (-0.36, -0.12, 0.12, 0.36):
        scroll.touch(np.array([(x + size * dx, y - size * 0.47), (x + size * dx, y)]), 0.0045, 0.85)
    scroll.touch(np.array([(x - size * 0.5, y), (x + size * 0.5, y)]), 0.006, 0.8)
    span = curve([(x + size * 0.5, y), (x + size * 1.2, y - size * 0.2), (x + size * 2.0, y + 0.01)])
    scroll.touch(span, 0.006, 0.7)
    scroll.touch(moved(span, 0, 0.016), 0.003, 0.5)


def _glimmer(scroll: Scroll, x: float, rng: np.random.Generator) -> None:
    for y in np.linspace(0.64, 0.92, 14):
        wide = rng.uniform(0.03, 0.09)
        at = x + rng.normal(0, 0.02)
        scroll.touch(
            np.array([(at - wide, y), (at, y + 0.001), (at + wide, y)]), np.array([0.001, 0.005, 0.001]), 0.32
        )


def _skiff(scroll: Scroll, x: float, y: float, size: float) -> None:
    hull = [(-0.5, -0.1), (-0.3, 0.0), (0.3, 0.0), (0.52, -0.12), (0.34, 0.075), (-0.34, 0.075)]
    scroll.wash(smooth(np.array(hull), 5) * size + (x, y), 0.85, SOOT, 0.0, 0.4)
    scroll.wash(oval(x, y + 0.055, size * 0.42, size * 0.05), 0.4, SOOT, 0.008, 0.0)
    roof = curve(
        np.array([(-0.2, 0.0), (-0.19, -0.16), (0.0, -0.22), (0.15, -0.16), (0.16, 0.0)]) * size + (x, y)
    )
    scroll.wash(roof, 0.5, SOOT, 0.0, 0.7)
    scroll.touch(roof, 0.006, 0.85)
    cloak = np.array([(0.26, -0.01), (0.29, -0.2), (0.345, -0.25), (0.4, -0.2), (0.42, -0.01)]) * size + (
        x,
        y,
    )
    scroll.wash(smooth(cloak, 5), 0.7, SOOT, 0.0, 0.4)
    scroll.wash(
        np.array([(0.23, -0.235), (0.345, -0.345), (0.46, -0.235)]) * size + (x, y), 0.9, SOOT, 0.0, 0.2
    )
    scroll.touch(np.array([(0.47, -0.62), (0.36, 0.2)]) * size + (x, y), 0.0045, 0.85)


def _reeds(scroll: Scroll, edge: float, rng: np.random.Generator) -> None:
    inwards = 1.0 if edge == 0.0 else -1.0
    for _ in range(26):
        x, tall = edge + inwards * rng.uniform(-0.02, 0.26), rng.uniform(0.16, 0.46)
        lean = inwards * rng.uniform(0.02, 0.16)
        blade = curve([(x, 1.03), (x + lean * 0.25, 1.03 - tall * 0.6), (x + lean, 1.03 - tall)], 9)
        scroll.touch(blade, taper(len(blade), 0.2) * 0.011 + 0.001, rng.uniform(0.45, 0.95))
        if rng.random() < 0.4:
            head = (
                blade[-1]
                + np.linspace(0, 1, 12)[:, None] * (lean * 0.35, 0.05)
                + rng.normal(0, 0.005, (12, 2))
            )
            scroll.dots(head, 0.0055, 0.6)
