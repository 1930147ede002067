"""The study's augmentation as one fused warp a picture: resize, rotate, shift, shear, zoom and flip at once.

The distributions are those of Keras' ImageDataGenerator, which the study used; one warp instead of five
resamplings is sharper and several times as fast (``make bench`` measures it).
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pawtrait.params import Augment

Matrix = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Variation:
    """One draw of every random choice."""

    rotation: float  # degrees
    shift_x: float  # of the side
    shift_y: float
    zoom_x: float  # > 1 shows more of the surroundings, as in Keras
    zoom_y: float
    shear: float  # degrees
    mirror_x: float  # -1 flips left and right
    mirror_y: float
    brightness: float  # factor


def draw(knobs: Augment, rng: np.random.Generator) -> Variation:
    """Choose a variation, every choice uniform within its knob."""
    zooms = rng.uniform(1 - knobs.zoom, 1 + knobs.zoom, 2)
    shifts = rng.uniform(-knobs.shift, knobs.shift, 2)
    flips = np.where(rng.random(2) < 0.5, -1.0, 1.0)
    return Variation(
        rotation=float(rng.uniform(-knobs.rotation, knobs.rotation)),
        shift_x=float(shifts[0]),
        shift_y=float(shifts[1]),
        zoom_x=float(zooms[0]),
        zoom_y=float(zooms[1]),
        shear=float(rng.uniform(-knobs.shear, knobs.shear)),
        mirror_x=float(flips[0]) if knobs.horizontal_flip else 1.0,
        mirror_y=float(flips[1]) if knobs.vertical_flip else 1.0,
        brightness=float(rng.uniform(*knobs.brightness)),
    )


def apply(picture: NDArray[np.uint8], variation: Variation, out: NDArray[np.float32]) -> None:
    """Warp a picture into ``out``, nearest fill, brightness last.

    Args:
        picture: uint8 (H, W, 3), any size and colour order.
        variation: what to do.
        out: float32 (side, side, 3), gets 0..255 in the picture's colour order.
    """
    side = out.shape[0]
    warped = cv2.warpAffine(
        picture,
        _matrix(variation, picture.shape[1], picture.shape[0], side),
        (side, side),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    np.multiply(warped, np.float32(variation.brightness), out=out, dtype=np.float32)
    np.minimum(out, 255.0, out=out)


def _matrix(variation: Variation, width: int, height: int, side: int) -> Matrix:
    """Map pixels of the result to pixels of the picture, (2, 3); pixel centres lie at half units."""
    turn, tilt = math.radians(variation.rotation), math.radians(variation.shear)
    rotate = np.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
    shear = np.array([[1.0, -math.sin(tilt)], [0.0, math.cos(tilt)]])
    zoom = np.diag([variation.zoom_x * variation.mirror_x, variation.zoom_y * variation.mirror_y])
    resize = np.diag([width / side, height / side])
    linear = resize @ rotate @ shear @ zoom
    shift = np.array([variation.shift_x * width, variation.shift_y * height])
    centre_in = np.array([(width - 1) / 2, (height - 1) / 2])
    centre_out = np.array([(side - 1) / 2, (side - 1) / 2])
    return np.column_stack([linear, centre_in + shift - linear @ centre_out])
