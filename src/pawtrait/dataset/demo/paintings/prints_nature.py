"""Motifs of the woodblock: a wave, and a red mountain."""

import numpy as np

from pawtrait.dataset.demo.canvas import Points, mix, oval
from pawtrait.dataset.demo.paintings.palettes import Inks
from pawtrait.dataset.demo.paintings.shapes import curve, moved, under
from pawtrait.dataset.demo.paintings.surface import Picture
from pawtrait.dataset.demo.paintings.woodblock import Print

_BACK = (
    (-0.03, 0.7),
    (0.06, 0.5),
    (0.13, 0.34),
    (0.22, 0.21),
    (0.34, 0.12),
    (0.48, 0.1),
    (0.6, 0.15),
    (0.67, 0.24),
    (0.68, 0.34),
)
_HOLLOW = (
    (0.68, 0.34),
    (0.61, 0.28),
    (0.53, 0.28),
    (0.46, 0.35),
    (0.43, 0.47),
    (0.46, 0.6),
    (0.55, 0.71),
    (0.7, 0.78),
    (1.03, 0.76),
)
_SWELL = ((-0.03, 0.8), (0.1, 0.77), (0.24, 0.86), (0.44, 0.95), (0.66, 0.92), (0.84, 0.86), (1.03, 0.9))


def wave(inks: Inks, side: int, rng: np.random.Generator) -> Picture:
    """A wave rears before a far mountain and a red sun."""
    out = Print(side, inks, rng)
    out.bokashi(0.0, 0.34, inks.deep, 0.95)
    out.bokashi(0.8, 0.45, inks.ochre, 0.4)
    out.fill(oval(rng.uniform(0.8, 0.86), rng.uniform(0.17, 0.24), 0.095, 0.095, n=60), inks.red, None, 0.0)
    _cone(out, rng.uniform(0.74, 0.8), 0.56, 0.82, inks)
    back = np.array(_BACK)
    back[4, 1] += rng.uniform(-0.02, 0.02)
    outer, inner = curve(back, 12), curve(_HOLLOW, 12)
    body = np.concatenate([outer, inner, [(1.03, 1.03), (-0.03, 1.03)]])
    out.fill(body, inks.blue, inks.deep)
    for number, share in enumerate(np.linspace(0.12, 0.88, 9)):
        path = (1 - share) * inner[6:] + share * outer[::-1][6:]
        wide = 0.03 * np.sin(np.pi * np.linspace(0.0, 1.0, len(path)) ** 0.8) * (0.5 + 0.5 * (number % 2))
        out.band(path, wide + 1e-4, (inks.pale, inks.paper)[number % 2], 0.003)
    _surf(out, outer[38:], inner[:34], rng)
    crest = curve(_SWELL)
    out.fill(under(crest, 1.03), inks.pale, inks.blue)
    for shift in (0.04, 0.08, 0.12):
        out.outline(moved(crest, 0.0, shift), 0.005, inks.deep)
    swell = crest[:30] + rng.normal(0, 0.007, (30, 2))
    out.foam(swell, rng.uniform(0.012, 0.034, 30), inks.paper)
    drops = np.stack([rng.normal(0.66, 0.12, 70), rng.normal(0.34, 0.13, 70)], axis=1)
    out.foam(drops, rng.uniform(0.002, 0.006, 70), inks.paper, 0.0)
    out.cartouche(0.06, 0.06)
    return out.pulled()


def mountain(inks: Inks, side: int, rng: np.random.Generator) -> Picture:
    """A red mountain in the dawn, cloudlets behind it, a forest at its foot."""
    out = Print(side, inks, rng)
    out.bokashi(0.0, 0.3, inks.deep)
    out.bokashi(0.0, 0.75, inks.blue, 0.6)
    for row, y in enumerate(np.linspace(0.1, 0.6, 9)):
        for x in np.arange(-0.1, 1.1, 0.17) + rng.uniform(0, 0.17):
            wide = rng.uniform(0.03, 0.085) * (1.2 - 0.06 * row)
            for part in (-0.6, 0.0, 0.6):
                puff = oval(x + part * wide, y + rng.normal(0, 0.006), wide * 0.62, 0.011, 0, 20)
                out.fill(puff, inks.paper, None, 0.0)
    x = rng.uniform(0.46, 0.62)
    left = curve([(-0.03, 0.9), (0.15, 0.79), (x - 0.2, 0.55), (x - 0.09, 0.32), (x - 0.035, 0.2)], 12)
    right = curve([(x + 0.045, 0.205), (x + 0.11, 0.33), (x + 0.24, 0.54), (0.97, 0.72), (1.03, 0.74)], 12)
    slopes = np.concatenate(
        [left, [(x - 0.01, 0.215), (x + 0.015, 0.2)], right, [(1.03, 1.03), (-0.03, 1.03)]]
    )
    out.fill(slopes, mix(inks.red, inks.key, 0.35), mix(inks.red, inks.ochre, 0.35), 0.005)
    for share in np.linspace(-0.9, 0.9, 15):
        reach = rng.uniform(0.1, 0.34)
        steps = np.linspace(0, 1, 9)
        fall = x + share * (0.032 + reach * 0.62 * steps**1.25) + 0.005 * np.sin(steps * 19 + share * 7)
        path = np.stack([fall, 0.212 + reach * steps], axis=1)
        out.band(path, 0.013 * (1 - steps) + 0.002, inks.paper)
    for _ in range(34):
        share, start = rng.uniform(-1, 1), rng.uniform(0.1, 0.5)
        down = np.linspace(start, start + rng.uniform(0.05, 0.12), 4)
        gully = np.stack([x + share * (0.03 + down * 0.62), 0.2 + down], axis=1)
        out.outline(gully, 0.0025, mix(inks.red, inks.key, 0.6))
    _forest(out, rng)
    out.cartouche(0.065 if x > 0.53 else 0.87, 0.06)
    return out.pulled()


def _surf(sheet: Print, over: Points, beneath: Points, rng: np.random.Generator) -> None:
    """Foam along the crest, and claws that reach for what lies below."""
    sheet.foam(
        over + rng.normal(0, 0.006, over.shape), rng.uniform(0.018, 0.036, len(over)), sheet.inks.paper
    )
    edge = np.concatenate([over[len(over) // 2 :: 5], beneath[::4]])
    for place in edge:
        way = rng.uniform(0.5, 1.0) + (0.7 if place[0] < 0.6 else 0.0)
        for turn in (-0.45, 0.35):
            reach = rng.uniform(0.05, 0.08)
            tip = place + reach * np.array([np.cos(way + turn), np.sin(way + turn)])
            hook = tip + 0.45 * reach * np.array([np.cos(way + turn + 1.3), np.sin(way + turn + 1.3)])
            finger = curve([place, (place + tip) / 2, tip, hook], 5)
            wide = np.linspace(0.03, 0.006, len(finger))
            sheet.band(finger, wide, sheet.inks.paper, 0.0036)
    knots = np.concatenate([over[::2], edge])
    sheet.foam(
        knots + rng.normal(0, 0.005, knots.shape),
        rng.uniform(0.012, 0.024, len(knots)),
        sheet.inks.paper,
        0.0,
    )
    for place in over[::3]:
        curl = oval(place[0] + rng.normal(0, 0.008), place[1] + rng.normal(0, 0.008), 0.012, 0.009, n=12)[:8]
        sheet.outline(curl, 0.0028, mix(sheet.inks.blue, sheet.inks.paper, 0.3))


def _cone(sheet: Print, x: float, top: float, foot: float, inks: Inks) -> None:
    """A far volcano, its snow in tongues."""
    tall = foot - top
    left = curve([(x - 1.7 * tall, foot), (x - 0.7 * tall, foot - 0.4 * tall), (x - 0.1 * tall, top)])
    right = curve([(x + 0.1 * tall, top), (x + 0.7 * tall, foot - 0.4 * tall), (x + 1.7 * tall, foot)])
    sheet.fill(np.concatenate([left, right]), mix(inks.blue, inks.grey, 0.4), mix(inks.pale, inks.paper, 0.3))
    zig = [
        (-0.1, 0.0),
        (-0.4, 0.3),
        (-0.28, 0.28),
        (-0.22, 0.46),
        (-0.12, 0.3),
        (0.0, 0.52),
        (0.1, 0.3),
        (0.24, 0.44),
        (0.28, 0.27),
        (0.4, 0.3),
        (0.1, 0.0),
    ]
    sheet.fill(np.array(zig) * tall + (x, top), inks.paper, None, 0.003)


def _forest(sheet: Print, rng: np.random.Generator) -> None:
    """Firs like rows of arrowheads, denser and darker downwards."""
    inks = sheet.inks
    wood = curve([(-0.03, 0.88), (0.2, 0.84), (0.45, 0.87), (0.7, 0.83), (1.03, 0.8)])
    sheet.fill(under(wood, 1.03), mix(inks.green, inks.ochre, 0.3), mix(inks.green, inks.deep, 0.5), 0.0)
    for y in np.linspace(0.8, 1.0, 9):
        shift = rng.uniform(0, 0.03)
        for x in np.arange(-0.02, 1.03, 0.031) + shift:
            at, tall = y + rng.normal(0, 0.006), rng.uniform(0.034, 0.05)
            if at < np.interp(x, wood[:, 0], wood[:, 1]) - 0.012:
                continue
            fir = np.array([(x - 0.012, at), (x, at - tall), (x + 0.012, at), (x, at - 0.008)])
            sheet.fill(fir, mix(inks.green, inks.deep, float(np.clip((y - 0.75) * 3, 0, 0.8))), None, 0.0)
