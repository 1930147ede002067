"""How a mood shows: what it does to lids, pupils, brows, ears and mouth."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np


@dataclass(frozen=True, slots=True)
class Mood:
    """One face's expression. Shares are of the eye, lengths in face units; + slant is the angry way."""

    lid: float = 0.0  # share of the eye under the upper lid
    slant: float = 0.0  # of lid and brow: + the inner end is lower (angry), - higher (sad)
    cheek: float = 0.0  # share of the eye under the lower lid
    shut: str = ""  # "" open | smile: arched up | sleep: hanging
    wide: float = 1.0  # size of the eyes
    iris: float = 0.8  # of the eye's radius
    gaze: tuple[float, float] = (0.0, 0.0)  # of the eye's radius
    shine: float = 1.0  # of the catch-lights
    brow: float = 0.1  # above the eye
    quirk: float = 0.0  # the right brow is that much higher
    ears: tuple[float, float] = (0.0, 0.0)  # -1 hanging … 1 pricked, left and right
    ear_length: float = 1.0
    curve: float = 0.0  # of the mouth: + its corners are up
    open: float = 0.0  # of the mouth
    width: float = 1.0  # of the mouth
    teeth: bool = False
    tongue: bool = False
    tears: int = 0
    blush: float = 0.0
    snooze: bool = False


def feel(label: str, rng: np.random.Generator) -> Mood:
    """An expression of the label: one of its variants, and no two alike."""
    variants = _VARIANTS[label]
    mood = variants[rng.integers(len(variants))](rng)
    left, right = mood.ears
    return replace(
        mood,
        slant=mood.slant + rng.normal(0, 0.03),
        brow=mood.brow + rng.normal(0, 0.015),
        wide=mood.wide * rng.uniform(0.93, 1.07),
        gaze=mood.gaze if any(mood.gaze) else (rng.uniform(-0.16, 0.16), rng.uniform(-0.08, 0.08)),
        ears=(left + rng.normal(0, 0.12), right + rng.normal(0, 0.12)),
        curve=mood.curve * rng.uniform(0.85, 1.15),
    )


def _laughing(rng: np.random.Generator) -> Mood:
    ears = rng.uniform(0.4, 0.9)
    tongue = bool(rng.random() < 0.8)
    return Mood(
        shut="smile", brow=0.2, slant=-0.12, ears=(ears, ears), curve=0.2, open=0.3, tongue=tongue, blush=0.5
    )


def _beaming(rng: np.random.Generator) -> Mood:
    ears = rng.uniform(0.4, 0.9)
    return Mood(
        cheek=0.2,
        iris=0.86,
        wide=1.06,
        shine=1.35,
        brow=0.22,
        slant=-0.1,
        ears=(ears, ears),
        curve=0.2,
        open=rng.uniform(0.2, 0.32),
        tongue=True,
        blush=0.4,
    )


def _content(rng: np.random.Generator) -> Mood:
    shut = "smile" if rng.random() < 0.5 else ""
    return Mood(
        shut=shut,
        cheek=0.26,
        iris=0.86,
        shine=1.2,
        brow=0.18,
        slant=-0.1,
        ears=(0.5, 0.5),
        curve=0.22,
        width=1.12,
        blush=0.6,
    )


def _weeping(rng: np.random.Generator) -> Mood:
    return Mood(
        lid=0.22,
        slant=-0.42,
        iris=0.9,
        gaze=(0.0, 0.08),
        shine=1.3,
        brow=0.15,
        ears=(-0.95, -0.95),
        curve=-0.2,
        open=0.1 if rng.random() < 0.4 else 0.0,
        width=0.85,
        tears=int(rng.integers(1, 3)),
    )


def _gloomy(rng: np.random.Generator) -> Mood:
    return Mood(
        lid=0.42,
        slant=-0.36,
        iris=0.84,
        gaze=(rng.uniform(-0.2, 0.2), 0.2),
        shine=0.9,
        brow=0.13,
        ears=(-0.9, -0.9),
        curve=-0.2,
        width=0.9,
        tears=int(rng.random() < 0.25),
    )


def _begging(rng: np.random.Generator) -> Mood:
    return Mood(
        slant=-0.46,
        iris=0.95,
        wide=1.12,
        gaze=(rng.uniform(-0.06, 0.06), -0.06),
        shine=1.6,
        brow=0.16,
        ears=(-0.8, -0.8),
        curve=-0.17,
        width=0.7,
    )


def _growling(rng: np.random.Generator) -> Mood:
    return Mood(
        lid=0.36,
        slant=0.42,
        iris=0.55,
        shine=0.6,
        brow=0.02,
        ears=(-0.4, -0.4),
        ear_length=0.8,
        curve=-0.1,
        open=rng.uniform(0.22, 0.32),
        width=1.1,
        teeth=True,
    )


def _clenching(rng: np.random.Generator) -> Mood:
    return Mood(
        lid=0.4,
        slant=0.38,
        cheek=0.15,
        iris=0.6,
        shine=0.6,
        brow=0.02,
        ears=(-0.4, -0.4),
        ear_length=0.8,
        curve=-0.08,
        open=0.14,
        width=1.15,
        teeth=True,
    )


def _sulking(rng: np.random.Generator) -> Mood:
    return Mood(
        lid=0.42,
        slant=0.42,
        iris=0.68,
        gaze=(rng.uniform(-0.25, 0.25), 0.0),
        shine=0.7,
        brow=0.02,
        ears=(-0.35, -0.35),
        ear_length=0.8,
        curve=-0.14,
        width=0.85,
        blush=0.7,
    )


def _sleeping(rng: np.random.Generator) -> Mood:
    return Mood(
        shut="sleep",
        brow=0.08,
        ears=(-0.25, -0.25),
        curve=0.03,
        width=0.55,
        open=0.08 if rng.random() < 0.3 else 0.0,
        snooze=bool(rng.random() < 0.75),
    )


def _surprised(rng: np.random.Generator) -> Mood:
    return Mood(
        wide=1.16,
        iris=0.5,
        shine=0.8,
        brow=0.3,
        ears=(1.0, 1.0),
        ear_length=1.05,
        width=0.42,
        open=rng.uniform(0.2, 0.3),
    )


def _curious(rng: np.random.Generator) -> Mood:
    side = 1.0 if rng.random() < 0.5 else -1.0
    return Mood(
        iris=0.72,
        gaze=(side * 0.26, -0.14),
        wide=1.04,
        brow=0.16,
        quirk=side * 0.11,
        ears=(0.75 * side, -0.75 * side),
        width=0.42,
        open=0.0,
    )


_VARIANTS: dict[str, tuple[Callable[[np.random.Generator], Mood], ...]] = {
    "happy": (_laughing, _beaming, _content),
    "sad": (_weeping, _gloomy, _begging),
    "angry": (_growling, _clenching, _sulking),
    "other": (_sleeping, _surprised, _curious),
}
