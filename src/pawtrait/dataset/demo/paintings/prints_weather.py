"""Motifs of the woodblock: rain on a bridge, and a village in snow."""

import numpy as np

from pawtrait.dataset.demo.canvas import Colour, Points, bow, mix, smooth
from pawtrait.dataset.demo.paintings.palettes import Inks
from pawtrait.dataset.demo.paintings.shapes import box, curve, moved, ridge, under
from pawtrait.dataset.demo.paintings.surface import Picture
from pawtrait.dataset.demo.paintings.woodblock import Print

_HOMES = ((0.1, 0.68, 0.15), (0.36, 0.665, 0.13), (0.58, 0.66, 0.1), (0.22, 0.83, 0.22))  # x, foot, size
_FIRS = ((0.05, 0.66, 0.3), (0.5, 0.66, 0.22), (0.82, 0.66, 0.34), (0.93, 0.68, 0.24), (0.04, 0.96, 0.36))


def rain(inks: Inks, side: int, rng: np.random.Generator) -> Picture:
    """People hurry over a bridge in a shower."""
    out = Print(side, inks, rng)
    out.bokashi(-0.2, 1.6, inks.pale, 0.6)
    out.bokashi(0.0, 0.2, inks.key, 0.95)
    for level, tone in ((0.38, mix(inks.grey, inks.pale, 0.5)), (0.43, mix(inks.grey, inks.deep, 0.4))):
        line = ridge(level, level + 0.02, 0.03, rng, 5)
        out.fill(under(line, level + 0.13), tone, mix(tone, inks.pale, 0.6), 0.0)
    out.fill(box(-0.03, 0.5, 1.06, 0.54), mix(inks.pale, inks.paper, 0.25), inks.blue, 0.0)
    out.bokashi(1.03, 0.72, inks.deep, 0.9)
    for _ in range(42):
        x, y = rng.uniform(-0.1, 1), rng.uniform(0.53, 0.98)
        out.outline(bow(x, y, x + rng.uniform(0.06, 0.18), y, -0.004), 0.0024, mix(inks.blue, inks.deep, 0.5))
    _raft(out, rng.uniform(0.12, 0.3), 0.9)
    deck = bow(-0.05, 0.72, 1.05, 0.6, -0.1, 40)
    _bridge(out, deck)
    for number, share in enumerate(np.sort(rng.uniform(0.1, 0.9, 5) * 0.3 + np.linspace(0.05, 0.62, 5))):
        _walker(out, deck[round(share * 39)], number, rng)
    _rail(out, deck)
    for slant, count in ((0.045, 95), (0.03, 75)):
        for x, y, length in rng.random((count, 3)):
            start, fall = np.array([x * 1.1, y * 1.2 - 0.2]), 0.4 + length
            drop = np.stack([start, moved(start, -slant * 3 * fall, 0.2 * fall)])
            out.outline(drop, 0.0019, mix(inks.key, inks.grey, 0.35))
    out.cartouche(0.88, 0.06)
    return out.pulled()


def snow(inks: Inks, side: int, rng: np.random.Generator) -> Picture:
    """A village under snow by a river, at night."""
    out = Print(side, inks, rng)
    white = _white(inks)
    out.bokashi(-0.3, 1.2, mix(inks.grey, inks.blue, 0.5), 0.95)
    out.bokashi(0.0, 0.36, inks.key, 0.95)
    _hill(out, 0.5, 0.2, mix(white, inks.grey, 0.45), rng)
    _hill(out, 0.54, 0.3, mix(white, inks.pale, 0.3), rng)
    out.fill(box(-0.03, 0.6, 1.06, 0.45), white, mix(white, inks.pale, 0.25), 0.0)
    bank = curve([(1.03, 0.66), (0.72, 0.72), (0.5, 0.84), (0.42, 1.03)])
    far = curve([(0.9, 1.03), (0.88, 0.92), (1.03, 0.8)])
    out.fill(np.concatenate([bank, far]), inks.blue, inks.deep, 0.0045)
    for _ in range(9):
        x, y = rng.uniform(0.5, 0.8), rng.uniform(0.84, 0.99)
        out.outline(bow(x, y, x + 0.09, y - 0.01, 0.004), 0.003, inks.pale)
    for x, y, size in _HOMES:
        _cottage(out, x + rng.uniform(-0.03, 0.03), y, size)
    for x, y, tall in _FIRS:
        _snowy(out, x + rng.uniform(-0.02, 0.02), y, tall)
    _walker(out, np.array([rng.uniform(0.34, 0.4), 0.93]), 0, rng)
    flakes = rng.random((150, 2))
    out.foam(flakes, rng.uniform(0.003, 0.0065, 150), white, 0.0)
    out.cartouche(0.88, 0.06)
    return out.pulled()


def _bridge(sheet: Print, deck: Points) -> None:
    inks = sheet.inks
    wood = mix(inks.ochre, inks.key, 0.35)
    for post in (5, 14, 23, 32):
        for dx in (-0.024, 0.024):
            x, y = deck[post] + (dx, 0.0)
            sheet.fill(box(x - 0.011, y, 0.022, 0.22), wood, mix(wood, inks.deep, 0.5), 0.0038)
        x, y = deck[post]
        sheet.fill(box(x - 0.05, y + 0.09, 0.1, 0.014), wood, None, 0.0034)
    sheet.band(moved(deck, 0, 0.018), 0.05, mix(inks.ochre, inks.red, 0.2), 0.005)
    sheet.band(moved(deck, 0, 0.03), 0.016, wood, 0.003)


def _rail(sheet: Print, deck: Points) -> None:
    """A rail on posts, before the people."""
    inks = sheet.inks
    rail = moved(deck, 0, -0.045)
    for post in np.linspace(1, 38, 12).astype(int):
        pole = box(deck[post, 0] - 0.006, rail[post, 1] - 0.012, 0.012, 0.06)
        sheet.fill(pole, mix(inks.ochre, inks.key, 0.3), None, 0.003)
    sheet.band(rail, 0.014, inks.ochre, 0.0034)


def _walker(sheet: Print, place: Points, number: int, rng: np.random.Generator) -> None:
    """Someone under an umbrella."""
    inks = sheet.inks
    x, y = place
    robe = (inks.red, inks.blue, inks.green, inks.grey, inks.deep)[number % 5]
    for dx in (-0.014, 0.012):
        leg = np.array([(x + dx * 0.5, y - 0.05), (x + dx, y - 0.002)])
        sheet.band(leg, 0.011, mix(inks.paper, inks.ochre, 0.4), 0.003)
    body = [(-0.028, -0.035), (-0.024, -0.1), (0, -0.125), (0.024, -0.1), (0.028, -0.035)]
    sheet.fill(moved(smooth(np.array(body)), x, y), robe, None, 0.0036)
    lean = rng.uniform(-0.012, 0.012)
    sheet.outline(np.array([(x, y - 0.08), (x + lean, y - 0.19)]), 0.004)
    around = np.linspace(np.pi, 0, 14)
    rim = np.stack([0.085 * np.cos(around), 0.016 * np.sin(around) - 0.125], axis=1)
    top = curve([(0.085, -0.125), (0.05, -0.165), (0, -0.187), (-0.05, -0.165), (-0.085, -0.125)])
    tone = (inks.ochre, inks.paper, mix(inks.red, inks.paper, 0.2))[number % 3]
    sheet.fill(moved(np.concatenate([rim, top]), x + lean, y), tone, None, 0.004)
    for rib in rim[1::3]:
        sheet.outline(moved(np.stack([rib, (0, -0.187)]), x + lean, y), 0.0022)


def _raft(sheet: Print, x: float, y: float) -> None:
    inks = sheet.inks
    hull = smooth(
        np.array(
            [
                (x - 0.14, y - 0.012),
                (x, y + 0.004),
                (x + 0.15, y - 0.03),
                (x + 0.1, y + 0.028),
                (x - 0.1, y + 0.026),
            ]
        )
    )
    sheet.fill(hull, mix(inks.ochre, inks.key, 0.2), None, 0.0042)
    cloak = smooth(
        np.array(
            [(x + 0.02, y), (x + 0.03, y - 0.07), (x + 0.055, y - 0.09), (x + 0.08, y - 0.07), (x + 0.09, y)]
        )
    )
    sheet.fill(cloak, mix(inks.green, inks.ochre, 0.4), None, 0.0038)
    sheet.fill(
        np.array([(x + 0.015, y - 0.078), (x + 0.055, y - 0.115), (x + 0.095, y - 0.078)]),
        inks.ochre,
        None,
        0.0036,
    )
    sheet.outline(
        np.array([(x + 0.1, y - 0.14), (x + 0.03, y + 0.07)]), 0.005, mix(inks.key, inks.ochre, 0.3)
    )


def _hill(sheet: Print, level: float, peak: float, tone: Colour, rng: np.random.Generator) -> None:
    """A mountain in snow, with folds."""
    x = rng.uniform(0.2, 0.8)
    line = [(-0.03, level), (x * 0.5, level - 0.08), (x, peak), (x + 0.14, peak + 0.1), (1.03, level - 0.04)]
    hill = curve(line)
    sheet.fill(under(hill, 0.75), tone, mix(tone, _white(sheet.inks), 0.5), 0.0036)
    for dx in np.linspace(-0.2, 0.3, 7):
        across = x + dx * 0.5
        top = float(np.interp(across, hill[:, 0], hill[:, 1])) + 0.03
        fold = [(across, top), (across + dx * 0.25, top + 0.06), (across + dx * 0.3 + 0.02, top + 0.13)]
        sheet.outline(curve(fold), 0.0026, sheet.inks.grey)


def _white(inks: Inks) -> Colour:
    """Snow: whiter than the paper."""
    return mix(inks.paper, (255, 255, 255), 0.45)


def _cottage(sheet: Print, x: float, y: float, size: float) -> None:
    """A hut under a thick roof of snow, a lamp behind the paper windows."""
    inks = sheet.inks
    sheet.fill(
        box(x - size * 0.42, y - size * 0.36, size * 0.84, size * 0.38),
        mix(inks.ochre, inks.key, 0.55),
        None,
        0.004,
    )
    for dx in (-0.3, -0.08, 0.14):
        sheet.fill(box(x + size * dx, y - size * 0.26, size * 0.17, size * 0.18), inks.moon, None, 0.0034)
    roof = [
        (-0.72, -0.28),
        (-0.3, -0.74),
        (0.3, -0.76),
        (0.72, -0.28),
        (0.6, -0.22),
        (0.0, -0.3),
        (-0.6, -0.22),
    ]
    white = _white(inks)
    shape = smooth(np.array(roof), 5) * size + (x, y)
    sheet.fill(shape, white, mix(white, inks.pale, 0.5), 0.0045)
    sheet.outline(
        bow(x - size * 0.3, y - size * 0.69, x + size * 0.3, y - size * 0.7, 0.006), 0.003, inks.grey
    )


def _snowy(sheet: Print, x: float, foot: float, tall: float) -> None:
    """A fir whose boughs carry snow."""
    inks = sheet.inks
    white = _white(inks)
    sheet.band(np.array([(x, foot), (x, foot - tall * 0.3)]), 0.02 * tall / 0.3, inks.key)
    for share in np.linspace(0.12, 0.84, 5):
        y, wide = foot - tall * share, tall * 0.32 * (1.05 - share)
        bough = np.array(
            [
                (x - wide, y + 0.012),
                (x - wide * 0.5, y - tall * 0.07),
                (x, y - tall * 0.24),
                (x + wide * 0.5, y - tall * 0.07),
                (x + wide, y + 0.012),
                (x, y - 0.004),
            ]
        )
        sheet.fill(smooth(bough, 4), mix(inks.green, inks.deep, 0.55), None, 0.003)
        cap = np.array(
            [
                (x - wide * 0.8, y - 0.002),
                (x, y - tall * 0.25),
                (x + wide * 0.8, y - 0.002),
                (x + wide * 0.3, y - tall * 0.07),
                (x, y - tall * 0.04),
                (x - wide * 0.35, y - tall * 0.075),
            ]
        )
        sheet.fill(smooth(cap, 4), white, None, 0.0)
