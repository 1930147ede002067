"""Everything of the animal but its features: body, ears, head, markings, wool and mane, muzzle."""

from collections.abc import Callable

import numpy as np

from pawtrait.dataset.demo.canvas import DOME, Canvas, Colour, Points, bow, mirrored, mix, oval, smooth
from pawtrait.dataset.demo.moods import Mood
from pawtrait.dataset.demo.species import Coat, Ear, Species


def body(canvas: Canvas, kind: Species, coat: Coat, rng: np.random.Generator) -> None:
    """Shoulders and chest, which run out of the picture at the bottom."""
    back = coat.dark if kind.texture == "wool" else coat.fur
    width, drop = rng.uniform(0.85, 1.15), rng.uniform(1.5, 1.7)
    canvas.fill(_tufted(oval(0, drop, width, 0.95, n=64), 0.015, rng), mix(back, (60, 40, 50), 0.1))
    canvas.fill(oval(0, drop + 0.15, width * 0.55, 0.75), mix(coat.light, back, 0.1))
    if kind.texture == "wool":
        _curls(canvas, oval(0, drop, width, 0.9, n=22), 0.2, coat.dark, rng)
    if kind.nose[2] == "nostrils":
        _mane(canvas, coat, rng)
    canvas.fill(oval(0, 0.92, 0.62, 0.28), mix(back, (30, 20, 30), 0.4))  # the head's shadow


def ears(canvas: Canvas, ear: Ear, coat: Coat, mood: Mood, colour: Colour) -> None:
    """Both ears, each as its mood has it."""
    for side, prick in ((-1.0, mood.ears[0]), (1.0, mood.ears[1])):
        sunk = -prick * ear.swing if prick < 0 else -prick * ear.swing * 0.3
        angle = np.deg2rad(ear.angle + sunk)
        if ear.shape == "crest":
            for turn, size in ((0.0, 1.0), (0.38, 0.85), (0.8, 0.65)):
                canvas.fill(_ear(ear, angle + turn, size * mood.ear_length, 1.0, side), colour, lift=-0.05)
            continue
        lift = 0.25 if ear.front else -0.1
        canvas.fill(_ear(ear, angle, mood.ear_length, 1.0, side), colour, lift=lift)
        inner = mix(colour, (20, 10, 20), 0.14) if ear.front else mix(coat.skin, colour, 0.25)
        canvas.fill(_ear(ear, angle, mood.ear_length * 0.8, 0.6, side), inner, lift=lift)


def skull(canvas: Canvas, kind: Species, coat: Coat, rng: np.random.Generator) -> None:
    """The head's outline, furry at its edge."""
    outline = smooth(mirrored(kind.head))
    rim = mix(coat.fur, (40, 25, 35), 0.22)
    rough = 0.012 if kind.texture == "wool" else 0.022
    canvas.fill(_tufted(outline * 1.025 + (0, 0.012), rough, rng), rim)
    canvas.fill(_tufted(outline, rough, rng), coat.fur)


def markings(canvas: Canvas, kind: Species, coat: Coat, rng: np.random.Generator) -> None:
    """One of the breed's markings, or none."""
    name = kind.marks[rng.integers(len(kind.marks))]
    if rng.random() < 0.8:
        _MARKS[name](canvas, kind, coat, rng)


def topping(canvas: Canvas, kind: Species, coat: Coat, rng: np.random.Generator) -> None:
    """What grows on the head: a sheep's wool, a horse's forelock, a few stray hairs on the rest."""
    if kind.texture == "wool":
        arch = oval(0, -0.48, 0.56, 0.36, n=16)
        _curls(canvas, arch[arch[:, 1] < -0.3], 0.23, coat.dark, rng)
        canvas.fill(oval(0, -0.62, 0.55, 0.28), coat.dark)
    elif kind.nose[2] == "nostrils":
        _forelock(canvas, coat, rng)
    elif kind.texture == "fur":
        top, sweep = kind.head[0][1], rng.uniform(-0.1, 0.1)
        for x in (-0.12, 0.12, 0.0):
            left, right = (x * 0.6 - 0.09, top + 0.1), (x * 0.6 + 0.09, top + 0.1)
            tip = (x * 1.5 + sweep, top - 0.13 + abs(x) * 0.5)
            canvas.fill(smooth(np.array([left, tip, right])), coat.fur)


def muzzle(canvas: Canvas, kind: Species, coat: Coat, mood: Mood) -> None:
    """The lighter part round nose and mouth; the jaw drops with the mouth."""
    y, rx, ry = kind.muzzle
    if kind.nose[2] == "beak":
        return
    jaw = ry * 0.78 + mood.open * 0.55
    canvas.fill(
        oval(0, y + ry * 0.3 + mood.open * 0.35, rx * 0.74, jaw),
        mix(coat.light, coat.fur, 0.3),
        kind.lift,
        DOME,
    )
    if kind.lift > 0.15:
        canvas.fill(oval(0, y, rx, ry), coat.light, kind.lift, DOME)
        return
    for side in (-1.0, 1.0):
        canvas.fill(oval(side * rx * 0.48, y, rx * 0.62, ry * 0.86), coat.light, kind.lift, DOME)


def _forelock(canvas: Canvas, coat: Coat, rng: np.random.Generator) -> None:
    lean = rng.choice((-1.0, 1.0)) * rng.uniform(0.1, 0.25)
    for x in (-0.2, 0.2, 0.0):
        lock = np.array([(x - 0.14, -1.0), (x, -1.12), (x + 0.14, -1.0), (x * 0.6 + lean, -0.42)])
        canvas.fill(smooth(lock), mix(coat.dark, (0, 0, 0), abs(x)), lift=0.2)


def _mane(canvas: Canvas, coat: Coat, rng: np.random.Generator) -> None:
    """Locks that fall beside a horse's neck."""
    side = rng.choice((-1.0, 1.0))
    for step in range(6):
        x, y = side * (0.4 + 0.07 * step), -0.75 + 0.33 * step
        lock = oval(x, y, 0.2, 0.36, side * rng.uniform(-0.6, -0.3), 18)
        canvas.fill(lock, mix(coat.dark, (0, 0, 0), 0.12 * (step % 2)))


def _ear(ear: Ear, angle: float, length: float, width: float, side: float) -> Points:
    shape = _EARS[ear.shape]
    across, along = shape[:, 0] * ear.width * width, shape[:, 1] * ear.length * length
    c, s = np.cos(angle), np.sin(angle)
    x = ear.root[0] + across * c + along * s
    y = ear.root[1] + across * s - along * c
    return np.stack([side * x, y], axis=1)


def _tufted(outline: Points, rough: float, rng: np.random.Generator) -> Points:
    """Move the outline's points in and out, so that it looks like hair."""
    middle = outline.mean(axis=0)
    return np.asarray(middle + (outline - middle) * (1.0 + rng.uniform(-rough, rough, (len(outline), 1))))


def _curls(canvas: Canvas, places: Points, size: float, colour: Colour, rng: np.random.Generator) -> None:
    """Balls of wool, each with a darker rim."""
    sizes = size * rng.uniform(0.85, 1.15, len(places))
    for rim, tone in ((1.1, mix(colour, (60, 50, 60), 0.2)), (1.0, colour)):
        for (x, y), r in zip(places, sizes, strict=True):
            canvas.fill(oval(x, y, r * rim, r * rim, n=16), tone)


def _patch(canvas: Canvas, kind: Species, coat: Coat, rng: np.random.Generator) -> None:
    x, y, r = kind.eye
    side = rng.choice((-1.0, 1.0))
    spot = oval(side * x * 1.02, y - 0.03, r * 1.5, r * 1.75, side * 0.3)
    canvas.fill(_tufted(spot, 0.05, rng), mix(coat.fur, coat.dark, 0.85), 0.0, DOME)


def _blaze(canvas: Canvas, kind: Species, coat: Coat, rng: np.random.Generator) -> None:
    top, wide = kind.head[0][1] + 0.12, rng.uniform(0.07, 0.14)
    stripe = np.array(
        [
            (0, top),
            (wide, top + 0.4),
            (wide * 2, kind.muzzle[0]),
            (-wide * 2, kind.muzzle[0]),
            (-wide, top + 0.4),
        ]
    )
    canvas.fill(_tufted(smooth(stripe), 0.03, rng), coat.light, 0.02, DOME)


def _tabby(canvas: Canvas, kind: Species, coat: Coat, rng: np.random.Generator) -> None:
    for x, low in ((0.0, -0.36), (-0.18, -0.44), (0.18, -0.44)):
        canvas.stroke(bow(x * 1.3, -0.74, x, low, 0.0, 5), 0.085, coat.dark, 0.0, DOME)
    for side in (-1.0, 1.0):
        for y in (0.16, 0.36):
            canvas.stroke(bow(side * 0.98, y, side * 0.72, y + 0.03, 0.03, 5), 0.07, coat.dark, 0.0, DOME)


def _cheeks(canvas: Canvas, kind: Species, coat: Coat, rng: np.random.Generator) -> None:
    tone = coat.dark if kind.texture == "down" else mix(coat.light, coat.fur, 0.15)
    size = rng.uniform(0.2, 0.28)
    for side in (-1.0, 1.0):
        canvas.fill(oval(side * 0.58, 0.36, size, size * 0.9), tone, 0.0, DOME)


def _spots(canvas: Canvas, kind: Species, coat: Coat, rng: np.random.Generator) -> None:
    for x, y in rng.uniform((-0.6, -0.75), (0.6, -0.45), (4, 2)):
        canvas.fill(oval(x, y, rng.uniform(0.05, 0.12), rng.uniform(0.05, 0.1), n=14), coat.dark, 0.0, DOME)


def _stripe(canvas: Canvas, kind: Species, coat: Coat, rng: np.random.Generator) -> None:
    canvas.fill(_tufted(oval(0, -0.5, rng.uniform(0.1, 0.2), 0.32), 0.05, rng), coat.dark, 0.0, DOME)


def _mask(canvas: Canvas, kind: Species, coat: Coat, rng: np.random.Generator) -> None:
    x, y, r = kind.eye
    for side in (-1.0, 1.0):
        ring = oval(side * x, y, r * 1.5, r * 1.35, side * rng.uniform(0.1, 0.4))
        canvas.fill(ring, mix(coat.light, coat.dark, 0.15), 0.0, DOME)


def _star(canvas: Canvas, kind: Species, coat: Coat, rng: np.random.Generator) -> None:
    canvas.fill(_tufted(oval(0, -0.5, 0.14, rng.uniform(0.14, 0.24)), 0.1, rng), coat.light, 0.0, DOME)


def _plain(canvas: Canvas, kind: Species, coat: Coat, rng: np.random.Generator) -> None:
    """No marking at all."""


_MARKS: dict[str, Callable[[Canvas, Species, Coat, np.random.Generator], None]] = {
    "patch": _patch,
    "blaze": _blaze,
    "tabby": _tabby,
    "cheeks": _cheeks,
    "spots": _spots,
    "stripe": _stripe,
    "mask": _mask,
    "star": _star,
    "plain": _plain,
}

_EARS: dict[str, Points] = {  # across (times the width), along (times the length); the root is at 0
    "point": np.array(
        [(-1, -0.1), (-0.92, 0.3), (-0.5, 0.75), (-0.06, 1), (0.06, 1), (0.5, 0.75), (0.92, 0.3), (1, -0.1)]
    ),
    "leaf": smooth(
        np.array([(-0.6, -0.1), (-1, 0.4), (-0.55, 0.8), (0, 1.0), (0.55, 0.8), (1, 0.4), (0.6, -0.1)])
    ),
    "round": oval(0, 0.5, 1, 0.5),
    "flop": smooth(
        np.array([(-0.7, -0.1), (-1, 0.5), (-0.8, 0.85), (0, 1.0), (0.8, 0.85), (1, 0.5), (0.7, -0.1)])
    ),
    "long": smooth(
        np.array([(-0.6, -0.1), (-1, 0.5), (-0.7, 0.85), (0, 1.0), (0.7, 0.85), (1, 0.5), (0.6, -0.1)])
    ),
    "crest": smooth(
        np.array([(-0.5, -0.1), (-1, 0.55), (-0.4, 0.9), (0, 1.0), (0.4, 0.9), (1, 0.55), (0.5, -0.1)])
    ),
}
