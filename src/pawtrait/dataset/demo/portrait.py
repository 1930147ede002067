"""One picture of the demo: an animal of a species in a mood, in some place, seen by some camera."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from pawtrait.dataset.demo import camera, face, head, scene
from pawtrait.dataset.demo.canvas import Canvas, Colour, Pose, mix
from pawtrait.dataset.demo.moods import Mood, feel
from pawtrait.dataset.demo.species import SPECIES, Coat, Species


def picture(species: str, mood: str, side: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Draw one animal, uint8 (side, side, 3) RGB.

    ``species`` is a key of SPECIES, ``mood`` one of LABELS. All that is left open is drawn from ``rng``.
    """
    kind = SPECIES[species]
    size = max(2 * side, 320)  # painted larger, then averaged down: soft edges
    pose = _pose(size, species, rng)
    coat = _dyed(kind.coats[rng.integers(len(kind.coats))], rng)
    pixels = scene.backdrop(size, rng)
    _animal(Canvas(pixels, pose), kind, coat, feel(mood, rng), rng)
    scene.occlude(pixels, rng)
    return camera.develop(pixels, side, rng)


def _animal(canvas: Canvas, kind: Species, coat: Coat, mood: Mood, rng: np.random.Generator) -> None:
    """From back to front: body, ears, head; then light and fur; then the features."""
    pose = canvas.pose
    trunk = Canvas(canvas.pixels, replace(pose, yaw=0.0, pitch=0.0, roll=pose.roll * 0.3))
    head.body(trunk, kind, coat, rng)
    scene.wear(trunk, rng)
    ear = kind.ears[rng.integers(len(kind.ears))]
    tone = mix(coat.fur, coat.dark, (0.15, 0.85)[int(rng.random() < 0.5)])
    if not ear.front:
        head.ears(canvas, ear, coat, mood, tone)
    head.skull(canvas, kind, coat, rng)
    head.markings(canvas, kind, coat, rng)
    if ear.front:
        head.ears(canvas, ear, coat, mood, tone)
    head.topping(canvas, kind, coat, rng)
    head.muzzle(canvas, kind, coat, mood)
    if mood.blush and kind.texture != "down":  # many birds have coloured cheeks anyway
        face.blush(canvas, kind, coat, mood)
    camera.shade(canvas.pixels, pose, kind.texture, rng)
    iris = kind.irises[rng.integers(len(kind.irises))]
    face.eyes(canvas, kind, coat, iris, mood)
    face.brows(canvas, kind, coat, mood)
    face.mouth(canvas, kind, coat, mood)
    face.nose(canvas, kind, coat)
    if kind.whiskers:
        face.whiskers(canvas, kind, coat, rng)
    scene.hat(canvas, kind.head[0][1], rng)
    if mood.snooze:
        face.snooze(canvas, rng.choice((-1.0, 1.0)))


def _pose(size: int, species: str, rng: np.random.Generator) -> Pose:
    """Somewhere near the middle, somewhat turned; a long face is drawn smaller."""
    unit = size * rng.uniform(0.275, 0.34) * {"horse": 0.88, "rabbit": 0.92}.get(species, 1.0)
    low = {"horse": -0.03, "rabbit": 0.1}.get(species, 0.02)
    return Pose(
        x=size * (0.5 + rng.uniform(-0.05, 0.05)),
        y=size * (0.5 + low + rng.uniform(-0.05, 0.045)),
        unit=unit,
        yaw=rng.uniform(-0.38, 0.38),
        pitch=rng.uniform(-0.16, 0.18),
        roll=rng.normal(0.0, 0.12),
        stretch=rng.uniform(0.93, 1.07),
    )


def _dyed(coat: Coat, rng: np.random.Generator) -> Coat:
    """The coat a little lighter or darker, warmer or cooler."""
    gain, warm = rng.uniform(0.86, 1.08), rng.uniform(-12, 12)

    def dye(colour: Colour) -> Colour:
        r, g, b = (int(np.clip(c * gain + w, 0, 255)) for c, w in zip(colour, (warm, 0, -warm), strict=True))
        return r, g, b

    return replace(coat, fur=dye(coat.fur), light=dye(coat.light), dark=dye(coat.dark))
