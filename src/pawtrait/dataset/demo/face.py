"""The features that carry the mood: eyes, brows, nose, mouth or beak."""

import numpy as np

from pawtrait.dataset.demo.canvas import DOME, Canvas, Colour, Points, bow, mix, oval, smooth
from pawtrait.dataset.demo.moods import Mood
from pawtrait.dataset.demo.species import Coat, Species

_INK: Colour = (46, 28, 32)
_MAW: Colour = (128, 34, 44)
_TONGUE: Colour = (240, 120, 128)
_TEETH: Colour = (252, 250, 240)
_WATER: Colour = (150, 206, 246)


def eyes(canvas: Canvas, kind: Species, coat: Coat, iris: Colour, mood: Mood) -> None:
    """Both eyes with their lids and tears."""
    for side in (-1.0, 1.0):
        if mood.shut:
            _shut(canvas, kind, coat, mood, side)
        else:
            _open(canvas, kind, coat, iris, mood, side)
        if mood.tears and (side > 0 or mood.tears > 1):
            _tear(canvas, kind, side)


def brows(canvas: Canvas, kind: Species, coat: Coat, mood: Mood) -> None:
    """Brows that stand out against the fur."""
    x, y, r = kind.eye
    tone = mix(coat.dark, _INK, 0.7) if _light(coat.fur) > 105 else mix(coat.fur, (250, 240, 225), 0.72)
    for side in (-1.0, 1.0):
        top = y - r * mood.wide * 1.05 - mood.brow - max(side * mood.quirk, 0.0)
        tilt = mood.slant * 0.34
        inner, outer = (side * (x - r * 0.75), top + tilt), (side * (x + r * 0.85), top - tilt)
        canvas.stroke(bow(*inner, *outer, -0.05 if mood.slant < 0.1 else 0.0, 8), 0.1, tone, 0.02, DOME)


def blush(canvas: Canvas, kind: Species, coat: Coat, mood: Mood) -> None:
    """Rosy cheeks."""
    x, y, r = kind.eye
    for size, share in ((1.0, 0.3), (0.66, 0.5)):
        tone = mix(coat.fur, (244, 104, 116), share * mood.blush)
        for side in (-1.0, 1.0):
            canvas.fill(oval(side * x * 1.32, y + r * 1.75, 0.19 * size, 0.12 * size), tone, 0.0, DOME)


def nose(canvas: Canvas, kind: Species, coat: Coat) -> None:
    """The nose of a mammal; a bird's beak is its mouth."""
    y, size, shape = kind.nose
    lift = kind.lift + 0.1
    if shape == "nostrils":
        for side in (-1.0, 1.0):
            hole = oval(side * size * 1.15, y + 0.04, 0.07, 0.11, side * 0.45, 16)
            canvas.fill(hole, mix(coat.nose, coat.light, 0.1), lift, DOME)
    elif shape != "beak":
        corners = [
            (-size, y - size * 0.4),
            (0, y - size * 0.62),
            (size, y - size * 0.4),
            (0, y + size * 0.75),
        ]
        canvas.fill(smooth(np.array(corners), 7), coat.nose, lift, DOME)
        glint = oval(-size * 0.3, y - size * 0.3, size * 0.34, size * 0.16, n=12)
        canvas.fill(glint, mix(coat.nose, (255, 255, 255), 0.6), lift, DOME)


def mouth(canvas: Canvas, kind: Species, coat: Coat, mood: Mood) -> None:
    """The mouth in the mood's shape, or the beak."""
    if kind.nose[2] == "beak":
        _beak(canvas, kind, coat, mood)
        return
    y, half = kind.mouth
    lift, w = kind.lift + 0.05, half * mood.width
    corner = y - mood.curve * 0.75
    top = bow(-w, corner, w, corner, y - corner, 14)
    if kind.nose[2] != "nostrils":
        canvas.stroke(bow(0, kind.nose[0] + kind.nose[1] * 0.5, 0, y, 0.0, 2), 0.045, _INK, lift, DOME)
    if mood.open and mood.width < 0.6:  # a round little mouth
        for size, tone in ((1.25, _INK), (1.0, _MAW)):
            ring = oval(0, y + mood.open * 0.4, 0.1 * size + mood.open * 0.16, mood.open * 0.62 * size)
            canvas.fill(ring, tone, lift, DOME)
    elif mood.open:
        _gape(canvas, top, mood, w, lift)
    elif mood.curve > 0.1:  # the two arcs of a closed smile
        for side in (-1.0, 1.0):
            canvas.stroke(bow(0, y, side * w, corner, 0.09), 0.06, _INK, lift, DOME)
    else:
        canvas.stroke(top, 0.06, _INK, lift, DOME)


def whiskers(canvas: Canvas, kind: Species, coat: Coat, rng: np.random.Generator) -> None:
    """Three hairs a side, where the species has them."""
    y, rx, _ = kind.muzzle
    tone = (250, 248, 244) if _light(coat.fur) < 190 else mix(coat.dark, _INK, 0.3)
    droop = rng.uniform(-0.06, 0.1)
    for side in (-1.0, 1.0):
        for step in (-1.0, 0.0, 1.0):
            root = (side * rx * 0.8, y + step * 0.06)
            tip = (side * (rx + 0.72), y + step * 0.2 + droop)
            canvas.stroke(bow(*root, *tip, -0.04, 7), 0.012, tone, kind.lift + 0.2)


def snooze(canvas: Canvas, side: float) -> None:
    """Two Z above a sleeper's head."""
    for x, y, size in ((0.86, -1.0, 0.15), (1.2, -1.3, 0.2)):
        z = np.array([(-1, -1), (1, -1), (-1, 1), (1, 1)]) * size + (x, y)
        canvas.stroke(z * (side, 1.0) if side > 0 else z - (2 * x, 0), 0.1, (70, 70, 110))
        canvas.stroke(z * (side, 1.0) if side > 0 else z - (2 * x, 0), 0.06, (250, 250, 255))


def _open(canvas: Canvas, kind: Species, coat: Coat, iris: Colour, mood: Mood, side: float) -> None:
    x, y, r = kind.eye
    x, r = side * x, r * mood.wide
    canvas.fill(oval(x, y, r * 1.1, r * 1.16), _INK, 0.0, DOME)
    canvas.fill(oval(x, y, r, r * 1.06), (250, 250, 248), 0.0, DOME)
    room = max(1.0 - mood.iris, 0.04)
    gx = x + r * float(np.clip(mood.gaze[0], -room, room))
    gy = y + r * float(np.clip(mood.gaze[1], -room, room))
    ri = r * mood.iris
    canvas.fill(oval(gx, gy, ri, ri * 1.04), mix(iris, _INK, 0.5), 0.01, DOME)
    canvas.fill(oval(gx, gy + ri * 0.1, ri * 0.86, ri * 0.88), iris, 0.01, DOME)
    canvas.fill(
        oval(gx, gy + ri * 0.45, ri * 0.6, ri * 0.42, n=18), mix(iris, (255, 250, 220), 0.35), 0.01, DOME
    )
    slit = 0.3 if kind.pupil == "slit" and mood.iris < 0.75 else 0.62
    canvas.fill(oval(gx, gy, ri * slit, ri * 0.66, n=20), (18, 12, 18), 0.02, DOME)
    glow = ri * 0.3 * mood.shine**0.5
    canvas.fill(oval(gx - ri * 0.3, gy - ri * 0.36, glow, glow * 1.1, n=14), (255, 255, 255), 0.03, DOME)
    canvas.fill(
        oval(gx + ri * 0.34, gy + ri * 0.34, glow * 0.5, glow * 0.5, n=12), (236, 244, 255), 0.03, DOME
    )
    _lids(canvas, coat, mood, side, (x, y, r))


def _lids(canvas: Canvas, coat: Coat, mood: Mood, side: float, eye: tuple[float, float, float]) -> None:
    """Cover the eye from above down to a slanting line, and from below up to the cheek."""
    x, y, r = eye
    u = np.linspace(-1.0, 1.0, 15)  # outer … inner end
    arc = np.sqrt(1.0 - u**2)
    tone = mix(coat.fur, coat.dark, 0.3)
    edge = np.clip(-1.0 + 2.0 * mood.lid + mood.slant * u * 0.9, -arc, arc)
    across = x - side * u * r * 1.12
    if mood.lid or mood.slant:
        upper = _between(across, y - arc * r * 1.2, y + edge * r * 1.14)
        canvas.fill(upper, tone, 0.03, DOME)
        canvas.stroke(np.stack([across, y + edge * r * 1.14], axis=1), 0.06, _INK, 0.03, DOME)
    if mood.cheek:
        low = np.clip(1.0 - 2.0 * mood.cheek - 0.25 * arc, -arc, arc)
        canvas.fill(_between(across, y + low * r * 1.14, y + arc * r * 1.2), coat.fur, 0.03, DOME)
        canvas.stroke(np.stack([across, y + low * r * 1.14], axis=1), 0.04, _INK, 0.03, DOME)


def _shut(canvas: Canvas, kind: Species, coat: Coat, mood: Mood, side: float) -> None:
    x, y, r = kind.eye
    x, w = side * x, r * 1.05
    tone = _INK if _light(coat.fur) > 95 else mix(coat.fur, (255, 246, 232), 0.8)
    up = mood.shut == "smile"
    y += 0.06 if up else 0.02
    canvas.stroke(bow(x - w, y, x + w, y, -0.24 if up else 0.17, 10), 0.085, tone, 0.0, DOME)
    if not up:  # lashes
        for turn in (-0.7, 0.0, 0.7):
            root = (x + turn * w * 0.8, y + 0.17 * (1.0 - turn**2 * 0.6))
            canvas.stroke(bow(*root, root[0] + turn * 0.09, root[1] + 0.1, 0.0, 2), 0.045, tone, 0.0, DOME)


def _tear(canvas: Canvas, kind: Species, side: float) -> None:
    x, y, r = kind.eye
    x, y = side * (x + r * 0.25), y + r * 1.75
    drop = np.array([(0, -0.2), (0.075, -0.02), (0.085, 0.08), (0, 0.16), (-0.085, 0.08), (-0.075, -0.02)])
    canvas.fill(smooth(drop * 1.2 + (x, y)), mix(_WATER, (60, 110, 190), 0.5), 0.05, DOME)
    canvas.fill(smooth(drop * 0.95 + (x, y)), _WATER, 0.05, DOME)
    canvas.fill(oval(x - 0.03, y + 0.04, 0.022, 0.04, n=10), (255, 255, 255), 0.05, DOME)


def _gape(canvas: Canvas, top: Points, mood: Mood, w: float, lift: float) -> None:
    """An open mouth below the line ``top``, with teeth or a tongue."""
    depth = mood.open * (1.0 - np.linspace(-1.0, 1.0, len(top)) ** 4)
    low = top + np.stack([np.zeros(len(top)), depth], axis=1)
    shape = np.concatenate([top, low[::-1]])
    canvas.fill(shape, _MAW, lift, DOME)
    if mood.tongue:
        size = min(w * 0.5, 0.24)
        canvas.fill(oval(0, low[7, 1] - mood.open * 0.12, size, mood.open * 0.42), _TONGUE, lift, DOME)
        canvas.stroke(
            bow(0, low[7, 1] - mood.open * 0.4, 0, low[7, 1], 0.0, 2), 0.03, (206, 84, 96), lift, DOME
        )
    if mood.teeth:
        share = 1.0 if mood.open < 0.16 else 0.36
        canvas.fill(np.concatenate([top, (top + (low - top) * share)[::-1]]), _TEETH, lift, DOME)
        for i in range(2, len(top) - 2, 2):
            tooth = np.stack([top[i], top[i] + (low[i] - top[i]) * share])
            canvas.stroke(tooth, 0.025, (150, 130, 130), lift, DOME)
        for i in (3, len(top) - 4):
            fang = np.array(
                [top[i] - (0.06, 0), top[i] + (0.06, 0), top[i] + (0, max(0.2, mood.open * 0.85))]
            )
            canvas.fill(fang, _TEETH, lift + 0.02, DOME)
    canvas.stroke(shape, 0.05, _INK, lift, DOME, closed=True)


def _beak(canvas: Canvas, kind: Species, coat: Coat, mood: Mood) -> None:
    """Two mandibles whose corners rise or sink; open, they show the tongue."""
    y, half = kind.mouth
    w, lift = half * (0.6 + 0.4 * mood.width), kind.lift
    corner = y - mood.curve * 0.9
    ink = mix(coat.nose, _INK, 0.65)
    drop = 0.16 + mood.open * 1.1
    canvas.fill(
        smooth(np.array([(-w * 0.72, y), (0, y - 0.1), (w * 0.72, y), (0, y + drop)])), ink, lift, DOME
    )
    lower = smooth(np.array([(-w * 0.6, y), (0, y - 0.1), (w * 0.6, y), (0, y + drop - 0.05)]))
    canvas.fill(lower, mix(coat.nose, _INK, 0.2), lift, DOME)
    if mood.open:
        canvas.fill(
            smooth(np.array([(-w * 0.72, y), (0, y), (w * 0.72, y), (0, y + mood.open * 0.95)])),
            _MAW,
            lift,
            DOME,
        )
        canvas.fill(oval(0, y + mood.open * 0.62, w * 0.26, mood.open * 0.26, n=16), _TONGUE, lift, DOME)
    upper = np.array(
        [(-w, corner), (0, y - 0.24), (w, corner), (w * 0.4, y + 0.06), (0, y + 0.17), (-w * 0.4, y + 0.06)]
    )
    canvas.fill(smooth(upper * (1.07, 1.0) + np.array([0, 0.02])), ink, lift + 0.1, DOME)
    canvas.fill(smooth(upper), coat.nose, lift + 0.1, DOME)
    for side in (-1.0, 1.0):
        canvas.fill(oval(side * 0.08, y - 0.1, 0.022, 0.035, n=10), ink, lift + 0.12, DOME)
        line = bow(side * w * 0.85, corner + 0.02, side * (w + 0.13), corner - mood.curve * 0.8, 0.02, 6)
        canvas.stroke(line, 0.055, ink, lift, DOME)


def _between(across: Points, upper: Points, lower: Points) -> Points:
    """The closed shape between two lines over the same x."""
    above, below = np.stack([across, upper], axis=1), np.stack([across, lower], axis=1)
    return np.concatenate([above, below[::-1]])


def _light(colour: Colour) -> float:
    return 0.3 * colour[0] + 0.59 * colour[1] + 0.11 * colour[2]
