"""Light and lens: fur and shade on the animal, then the colour of the light, blur and noise."""

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from pawtrait.dataset.demo.canvas import Pixels, Pose

Field = NDArray[np.float32]
_BANK = 256  # px of a kept texture


def shade(pixels: Pixels, pose: Pose, texture: str, rng: np.random.Generator) -> None:
    """Give the animal round forms and fur, in place: light from one side, hairs that leave the nose."""
    side = len(pixels)
    angle = rng.uniform(-2.6, -0.5)  # from above
    towards = np.array([np.cos(angle), np.sin(angle)]) * rng.uniform(0.12, 0.3)
    ramp = (np.arange(40, dtype=np.float32) + 0.5) * side / 40
    dx, dy = (ramp - pose.x)[None, :] / pose.unit, (ramp - pose.y)[:, None] / pose.unit
    far = dx**2 + dy**2
    round_head = 0.16 * np.sqrt(np.maximum(1.1 - far, 0.0)) - 0.05 * np.minimum(far, 2.0)
    glow = 0.97 + round_head + np.clip(dx * towards[0] + dy * towards[1], -0.3, 0.25)
    field = cv2.resize(glow.astype(np.float32), (side, side), interpolation=cv2.INTER_LINEAR)
    field += _hairs(texture, pose, side, rng) * rng.uniform(0.045, 0.085)
    share = pixels[..., 3].astype(np.float32) * (1 / 255)
    field = (field - 1.0) * share + 1.0
    rgb = cv2.multiply(pixels[..., :3], cv2.merge([field, field, field]), dtype=cv2.CV_8U)
    pixels[..., :3] = rgb


def develop(pixels: Pixels, side: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """The photograph, uint8 (side, side, 3) RGB: scaled down, lit, perhaps blurred, with a little noise."""
    photo = np.asarray(cv2.resize(pixels[..., :3], (side, side), interpolation=cv2.INTER_AREA), np.uint8)
    photo = _blurred(_lit(photo, rng), rng)
    grain = rng.integers(0, 256, photo.shape, dtype=np.uint8)
    amount = rng.uniform(0.0, 0.06)
    return np.asarray(cv2.addWeighted(photo, 1.0, grain, amount, -amount * 127.5))


def _lit(photo: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Another exposure, contrast and warmth; half of the pictures get light that falls off."""
    side = len(photo)
    if rng.random() < 0.5:
        ramp = np.linspace(-0.5, 0.5, 20, dtype=np.float32)
        lean = rng.uniform(-0.5, 0.5, 2)
        fall = 1.0 + ramp[None, :] * lean[0] + ramp[:, None] * lean[1]
        fall -= rng.uniform(0, 0.5) * (ramp[None, :] ** 2 + ramp[:, None] ** 2)
        field = cv2.resize(fall.astype(np.float32), (side, side), interpolation=cv2.INTER_LINEAR)
        photo = np.asarray(cv2.multiply(photo, cv2.merge([field, field, field]), dtype=cv2.CV_8U), np.uint8)
    gain = rng.uniform(0.8, 1.14) * np.array([1, 1, 1]) + rng.uniform(-0.12, 0.12) * np.array([1, 0.1, -1])
    level = np.linspace(0, 1, 256)[:, None] ** rng.uniform(0.8, 1.3)
    lift = rng.uniform(0, 14)
    table = np.clip(level * gain * (255 - lift) + lift, 0, 255).astype(np.uint8)
    return np.asarray(cv2.LUT(photo, table.reshape(1, 256, 3)))


def _blurred(photo: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """A quarter is out of focus, a tenth was moved."""
    side = len(photo)
    what = rng.random()
    if what < 0.25:
        return np.asarray(cv2.GaussianBlur(photo, (0, 0), rng.uniform(0.4, 1.4) * side / 160))
    if what < 0.35:
        length = max(3, round(rng.uniform(3, 6) * side / 160))
        kernel = np.zeros((length, length), np.float32)
        angle = rng.uniform(0, np.pi)
        arm = np.array([np.cos(angle), np.sin(angle)]) * (length - 1) / 2
        middle = np.array([(length - 1) / 2] * 2)
        ends = [tuple(np.rint(middle + turn * arm).astype(int).tolist()) for turn in (-1, 1)]
        cv2.line(kernel, ends[0], ends[1], 1.0)
        return np.asarray(cv2.filter2D(photo, -1, kernel / kernel.sum()))
    return photo


def _hairs(texture: str, pose: Pose, side: int, rng: np.random.Generator) -> Field:
    """A texture (side, side), about -1..1, turned and placed with the head."""
    zoom = pose.unit * 2.9 / _BANK
    turn = rng.uniform(0, 2 * np.pi)
    c, s = np.cos(turn) * zoom, np.sin(turn) * zoom
    half = _BANK / 2
    place = np.array([[c, -s, pose.x - (c - s) * half], [s, c, pose.y - (s + c) * half]])
    return np.asarray(
        cv2.warpAffine(
            _texture(texture), place, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT
        )
    )


@lru_cache(maxsize=4)
def _texture(name: str) -> Field:
    """Noise (256, 256) of unit variance: streaks that leave the middle, or curls."""
    rng = np.random.default_rng(len(name))
    noise = rng.standard_normal((_BANK, _BANK)).astype(np.float32)
    if name == "wool":
        out = np.abs(np.asarray(cv2.GaussianBlur(noise, (0, 0), 3.0), np.float32))
        out -= out.mean()
    else:
        noise = np.asarray(cv2.GaussianBlur(noise, (0, 0), 1.1), np.float32)
        out = np.zeros((_BANK, _BANK), np.float32)
        for zoom in np.linspace(0.9, 1.1, 25) if name == "fur" else np.linspace(0.96, 1.04, 9):
            spread = cv2.getRotationMatrix2D((_BANK / 2, _BANK / 2), 0.0, zoom)  # a zoom's blur makes hairs
            shifted = cv2.warpAffine(noise, spread, (_BANK, _BANK), borderMode=cv2.BORDER_REFLECT)
            out += np.asarray(shifted, np.float32)
    return np.asarray(out / out.std(), dtype=np.float32)
