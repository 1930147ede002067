"""A motif of the woodblock: a cat in the moonlight."""

import numpy as np

from pawtrait.dataset.demo.canvas import bow, mix, oval, smooth
from pawtrait.dataset.demo.paintings.palettes import Inks
from pawtrait.dataset.demo.paintings.shapes import box, curve, moved, placed, taper
from pawtrait.dataset.demo.paintings.surface import Picture
from pawtrait.dataset.demo.paintings.woodblock import Print

# The cat's right half, and what is coloured on it; lengths in cats, the origin between its paws.
_BODY = ((0.0, -0.66), (0.15, -0.6), (0.2, -0.44), (0.29, -0.22), (0.31, -0.04), (0.2, 0.02), (0.0, 0.025))
_PATCH = ((-0.02, -0.6), (0.16, -0.5), (0.22, -0.3), (0.1, -0.2), (-0.04, -0.36))
_SPOT = ((-0.29, -0.2), (-0.1, -0.24), (-0.04, -0.08), (-0.16, 0.0), (-0.29, -0.03))
_CAP = ((-0.19, -0.74), (-0.15, -0.86), (-0.02, -0.88), (-0.02, -0.78), (-0.1, -0.7))
_DASH = ((0.19, -0.74), (0.15, -0.86), (0.03, -0.88), (0.05, -0.78), (0.12, -0.72))


def moonlit(inks: Inks, side: int, rng: np.random.Generator) -> Picture:
    """A cat on a roof, seen from behind, before a great moon."""
    out = Print(side, inks, rng)
    out.bokashi(-0.5, 2.0, inks.blue, 0.95)
    out.bokashi(0.0, 0.6, inks.deep)
    at = (rng.uniform(0.52, 0.62), rng.uniform(0.34, 0.4))
    out.fill(oval(*at, 0.27, 0.27, n=80), inks.moon, mix(inks.moon, inks.paper, 0.5), 0.0)
    for y in (at[1] - 0.2, at[1] - 0.05, at[1] + 0.12):
        left = rng.uniform(-0.1, 0.5)
        out.mist(y, left, left + rng.uniform(0.3, 0.6), 0.022, mix(inks.blue, inks.deep, 0.45))
        out.mist(y + 0.03, left - 0.12, left + 0.15, 0.016, mix(inks.blue, inks.pale, 0.4))
    _branch(out, rng)
    _roof(out)
    _cat(out, rng.uniform(0.44, 0.56), 0.79, 0.52)
    out.cartouche(0.88, 0.06)
    return out.pulled()


def _branch(sheet: Print, rng: np.random.Generator) -> None:
    """A flowering bough from the left."""
    inks = sheet.inks
    bough = curve([(-0.03, 0.12), (0.12, 0.16), (0.24, 0.11), (0.38, 0.17), (0.5, 0.13)])
    sheet.band(bough, 0.026 * (1 - np.linspace(0, 0.85, len(bough))), mix(inks.key, inks.ochre, 0.25), 0.003)
    twigs = [bough[6], bough[14], bough[20], bough[26]]
    for number, start in enumerate(twigs):
        tip = moved(start, rng.uniform(0.05, 0.1), (-1) ** number * rng.uniform(0.05, 0.09))
        sheet.band(curve([start, (start + tip) / 2 + (0.0, 0.012), tip]), taper(17, 0.05) * 0.012, inks.key)
    for place in [*bough[3::3], *(moved(t, 0.07, (-1) ** n * 0.06) for n, t in enumerate(twigs))]:
        x, y = place + rng.normal(0, 0.014, 2)
        petals = [(x + 0.013 * np.cos(a), y + 0.013 * np.sin(a)) for a in np.arange(5) * 1.2566 + x * 40]
        sheet.foam(np.array(petals), 0.0105, mix(inks.red, inks.paper, 0.62), 0.0028)
        sheet.fill(oval(x, y, 0.006, 0.006, n=10), inks.red, None, 0.0)


def _roof(sheet: Print) -> None:
    """Tiles in rows under a ridge."""
    inks = sheet.inks
    sheet.fill(
        box(-0.03, 0.8, 1.06, 0.24), mix(inks.grey, inks.deep, 0.45), mix(inks.key, inks.deep, 0.5), 0.0
    )
    for row in range(5):
        y, size = 0.835 + row * 0.042, 0.036 + 0.003 * row
        for x in np.arange(-0.03 + (row % 2) * size * 0.9, 1.05, size * 1.8):
            tile = np.concatenate([bow(x - size * 0.9, y, x + size * 0.9, y, size * 0.72, 9)])
            sheet.fill(tile, mix(inks.grey, inks.deep, 0.25 + 0.12 * row), None, 0.0034)
    sheet.fill(
        box(-0.03, 0.785, 1.06, 0.05), mix(inks.grey, inks.pale, 0.3), mix(inks.grey, inks.deep, 0.4), 0.005
    )
    for x in np.arange(0.03, 1.0, 0.085):
        sheet.fill(oval(x, 0.812, 0.018, 0.018, n=20), mix(inks.grey, inks.deep, 0.5), None, 0.0034)


def _cat(sheet: Print, x: float, foot: float, size: float) -> None:
    """A tricoloured cat that sits and looks up."""
    inks = sheet.inks
    white = mix(inks.paper, (255, 255, 255), 0.3)
    tail = placed(
        curve([(0.2, -0.06), (0.42, -0.02), (0.52, 0.1), (0.46, 0.26), (0.55, 0.36)]), x, foot, size
    )
    sheet.band(tail, np.linspace(0.1, 0.06, len(tail)) * size, white, 0.005)
    sheet.band(tail[-9:], 0.062 * size, inks.key)
    half = np.array(_BODY)
    body = placed(smooth(np.concatenate([half, half[-2:0:-1] * (-1, 1)])), x, foot, size)
    head = oval(x, foot - 0.72 * size, 0.2 * size, 0.165 * size, n=40)
    sheet.fill(body, white, mix(white, inks.pale, 0.35), 0.006)
    sheet.fill(placed(smooth(np.array(_PATCH)), x, foot, size), inks.ochre, None, 0.0)
    sheet.fill(placed(smooth(np.array(_SPOT)), x, foot, size), inks.key, None, 0.0)
    sheet.outline(np.concatenate([body, body[:1]]), 0.006)
    for s, tone in ((-1, inks.key), (1, inks.ochre)):
        ear = placed([(s * 0.185, -0.72), (s * 0.17, -0.97), (s * 0.03, -0.85)], x, foot, size)
        sheet.fill(ear, tone, None, 0.005)
    sheet.fill(head, white, None, 0.0)
    sheet.fill(placed(smooth(np.array(_CAP)), x, foot, size), inks.key, None, 0.0)
    sheet.fill(placed(smooth(np.array(_DASH)), x, foot, size), inks.ochre, None, 0.0)
    sheet.outline(np.concatenate([head, head[:1]]), 0.005)
    collar = bow(x - 0.15 * size, foot - 0.585 * size, x + 0.15 * size, foot - 0.585 * size, 0.03 * size)
    sheet.band(collar, 0.03 * size, inks.red, 0.003)
    for s in (-1, 1):
        for dy in (0.0, 0.025):
            hair = placed([(s * 0.17, -0.69 + dy), (s * 0.3, -0.71 + dy * 2)], x, foot, size)
            sheet.outline(hair, 0.0024)
