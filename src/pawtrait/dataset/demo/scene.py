"""What surrounds the animal: a background behind it, something it wears, something before it."""

import colorsys
from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from pawtrait.dataset.demo.canvas import Canvas, Colour, Pixels, bow, mix, oval, smooth

_SMALL = 80  # px of a backdrop before it is enlarged, which blurs it as a lens would


def backdrop(side: int, rng: np.random.Generator) -> Pixels:
    """A background, uint8 (side, side, 4), RGB and zero where the animal will be."""
    paint = _BACKDROPS[rng.integers(len(_BACKDROPS))]
    small = paint(rng)
    out = np.zeros((side, side, 4), np.uint8)
    out[..., :3] = cv2.resize(small, (side, side), interpolation=cv2.INTER_CUBIC)
    return out


def wear(canvas: Canvas, rng: np.random.Generator) -> None:
    """Round the neck: nothing, a collar with a bell, a bow tie or a scarf."""
    what = rng.random()
    tone = vivid(rng)
    if what < 0.3:
        canvas.stroke(bow(-0.5, 0.98, 0.5, 0.98, 0.14), 0.13, tone)
        canvas.fill(oval(0, 1.2, 0.11, 0.11), (196, 140, 40))
        canvas.fill(oval(-0.02, 1.18, 0.08, 0.08), (252, 214, 92))
    elif what < 0.42:
        for side in (-1.0, 1.0):
            wing = np.array([(0, 1.1), (side * 0.42, 0.92), (side * 0.46, 1.14), (side * 0.4, 1.34)])
            canvas.fill(smooth(wing), tone)
        canvas.fill(oval(0, 1.12, 0.1, 0.12), mix(tone, (30, 20, 40), 0.3))
    elif what < 0.54:
        canvas.stroke(bow(-0.56, 0.98, 0.56, 0.98, 0.16), 0.28, tone)
        canvas.fill(
            smooth(np.array([(0.16, 1.1), (0.44, 1.1), (0.5, 1.75), (0.22, 1.75)])),
            mix(tone, (20, 10, 30), 0.2),
        )


def hat(canvas: Canvas, top: float, rng: np.random.Generator) -> None:
    """On the head, now and then: a flower, a bow or a party hat."""
    what, side = rng.random(), rng.choice((-1.0, 1.0))
    tone, x, y = vivid(rng), 0.36 * rng.choice((-1.0, 1.0)), top + 0.14
    if what < 0.08:
        for angle in np.arange(5) * 2 * np.pi / 5:
            petal = oval(x + 0.13 * np.cos(angle), y + 0.13 * np.sin(angle), 0.11, 0.11, n=14)
            canvas.fill(petal, tone, 0.1)
        canvas.fill(oval(x, y, 0.09, 0.09, n=14), (252, 216, 96), 0.1)
    elif what < 0.15:
        for turn in (-1.0, 1.0):
            loop = np.array([(x, y), (x + turn * 0.28, y - 0.17), (x + turn * 0.3, y + 0.15)])
            canvas.fill(smooth(loop), tone, 0.1)
        canvas.fill(oval(x, y, 0.08, 0.08, n=14), mix(tone, (30, 20, 40), 0.3), 0.1)
    elif what < 0.21:
        cone = np.array([(-0.3, top + 0.16), (0.3, top + 0.16), (side * 0.06, top - 0.56)])
        canvas.fill(cone, tone, 0.05)
        for share in (0.25, 0.6):
            wide = 0.3 * (1 - share)
            level = top + 0.16 - 0.72 * share
            canvas.stroke(
                bow(-wide, level, wide, level, 0.04, 5), 0.07, mix(tone, (255, 255, 255), 0.7), 0.06
            )
        canvas.fill(oval(side * 0.06, top - 0.58, 0.11, 0.11, n=14), (255, 250, 240), 0.05)


def occlude(pixels: Pixels, rng: np.random.Generator) -> None:
    """Something before the animal, now and then: grass, leaves, bubbles, snow or the edge of a table."""
    what = rng.random()
    if what < 0.09:
        _grass(pixels, rng)
    elif what < 0.18:
        _leaves(pixels, rng)
    elif what < 0.26:
        _bubbles(pixels, rng)
    elif what < 0.33:
        for x, y, r in rng.random((26, 3)):
            _disc(pixels, x, y, 0.005 + 0.014 * r, (255, 255, 255))
    elif what < 0.4:
        top = rng.uniform(0.86, 0.95)
        wood = mix((172, 122, 80), vivid(rng), rng.uniform(0, 0.4))
        _quad(pixels, ((0, top), (1, top + rng.uniform(-0.04, 0.04)), (1, 1), (0, 1)), wood)


def vivid(rng: np.random.Generator) -> Colour:
    """A strong colour of any hue."""
    return _hsv(rng.random(), rng.uniform(0.5, 0.85), rng.uniform(0.65, 0.98))


def _hsv(hue: float, saturation: float, value: float) -> Colour:
    r, g, b = colorsys.hsv_to_rgb(hue % 1.0, saturation, value)
    return round(r * 255), round(g * 255), round(b * 255)


def _fade(top: Colour, bottom: Colour, turn: float = 0.0) -> NDArray[np.uint8]:
    """A gradient (80, 80, 3) from top to bottom; ``turn`` leans it."""
    ramp = np.linspace(0.0, 1.0, _SMALL, dtype=np.float32)
    share = np.clip(ramp[:, None] + turn * (ramp[None, :] - 0.5), 0.0, 1.0)[..., None]
    low, high = np.array(top, np.float32), np.array(bottom, np.float32)
    return np.asarray(low + (high - low) * share, dtype=np.uint8)


def _bokeh(rng: np.random.Generator) -> NDArray[np.uint8]:
    hue = rng.random()
    image = _fade(_hsv(hue, 0.6, rng.uniform(0.2, 0.8)), _hsv(hue + 0.12, 0.5, rng.uniform(0.2, 0.8)), 0.4)
    for x, y, r, h in rng.random((14, 4)):
        tone = _hsv(hue + 0.2 * h, 0.35, 0.95)
        spot = image.copy()
        cv2.circle(spot, (int(x * _SMALL), int(y * _SMALL)), 3 + int(8 * r), tone, -1, cv2.LINE_AA)
        image = np.asarray(cv2.addWeighted(image, 0.65, spot, 0.35, 0.0))
    return image


def _meadow(rng: np.random.Generator) -> NDArray[np.uint8]:
    day = rng.uniform(0.75, 1.0)
    image = _fade(_hsv(rng.uniform(0.52, 0.62), 0.5, day), _hsv(rng.uniform(0.08, 0.6), 0.2, day))
    x, y = rng.integers(5, 75), rng.integers(5, 25)
    cv2.circle(image, (int(x), int(y)), 7, (255, 240, 190), -1, cv2.LINE_AA)
    level = rng.uniform(38, 56)
    for step in range(3):
        green = _hsv(rng.uniform(0.22, 0.38), 0.55, day * (0.8 - 0.14 * step))
        across = np.arange(0, _SMALL + 8, 8)
        hills = level + 9 * step + 6 * np.sin(across / rng.uniform(10, 18) + rng.uniform(0, 6))
        shape = np.concatenate([np.stack([across, hills], axis=1), [(_SMALL + 8, _SMALL), (0, _SMALL)]])
        cv2.fillPoly(image, [shape.astype(np.int32)], green, cv2.LINE_AA)
    for fx, fy in rng.integers((0, 60), (_SMALL, _SMALL), (12, 2)):
        cv2.circle(image, (int(fx), int(fy)), 1, vivid(rng), -1, cv2.LINE_AA)
    return image


def _wallpaper(rng: np.random.Generator) -> NDArray[np.uint8]:
    hue, value = rng.random(), rng.uniform(0.5, 0.97)
    one, other = _hsv(hue, 0.25, value), _hsv(hue + rng.uniform(-0.1, 0.1), 0.42, value * 0.86)
    image = np.empty((_SMALL, _SMALL, 3), np.uint8)
    image[:] = one
    step, shift = int(rng.integers(8, 18)), int(rng.integers(0, 16))
    pattern = rng.integers(3)
    for a in range(-shift, _SMALL, step):
        if pattern == 0:
            cv2.line(image, (a, 0), (a + shift, _SMALL), other, max(2, step // 3), cv2.LINE_AA)
        for b in range(-shift, _SMALL, step):
            if pattern == 1:
                cv2.circle(image, (a + (b // step % 2) * step // 2, b), step // 4, other, -1, cv2.LINE_AA)
            elif pattern == 2 and (a + b) // step % 2:
                image[max(b, 0) : max(b + step, 0), max(a, 0) : max(a + step, 0)] = other
    return image


def _room(rng: np.random.Generator) -> NDArray[np.uint8]:
    hue = rng.random()
    image = _fade(_hsv(hue, 0.3, rng.uniform(0.5, 0.95)), _hsv(hue, 0.35, rng.uniform(0.45, 0.8)), 0.3)
    floor = int(rng.integers(52, 70))
    image[floor:] = _hsv(rng.uniform(0.05, 0.1), 0.5, rng.uniform(0.35, 0.7))
    image[floor : floor + 2] = (240, 236, 228)
    for x in rng.integers(2, 60, 2):  # windows or pictures on the wall
        wide, high = rng.integers(14, 26, 2)
        y = int(rng.integers(4, 20))
        image[y : y + high, x : x + wide] = (236, 230, 220)
        image[y + 2 : y + high - 2, x + 2 : x + wide - 2] = _hsv(rng.random(), 0.4, 0.85)
    return np.asarray(cv2.GaussianBlur(image, (0, 0), rng.uniform(0.6, 1.6)))


def _night(rng: np.random.Generator) -> NDArray[np.uint8]:
    hue = rng.uniform(0.58, 0.78)
    image = _fade(_hsv(hue, 0.7, 0.16), _hsv(hue + 0.08, 0.6, 0.42))
    for x, y in rng.integers(0, _SMALL, (22, 2)):
        image[y, x] = (255, 250, 220)
    x, y = rng.integers(8, 72, 2)
    cv2.circle(image, (int(x), int(y // 3) + 6), 6, (252, 244, 208), -1, cv2.LINE_AA)
    return image


def _studio(rng: np.random.Generator) -> NDArray[np.uint8]:
    x, y = rng.uniform(20, 60, 2)
    ramp = np.arange(_SMALL, dtype=np.float32)
    far = np.hypot(ramp[None, :] - x, ramp[:, None] - y)[..., None] / rng.uniform(60, 100)
    hue, value = rng.random(), rng.uniform(0.5, 1.0)
    near, edge = _hsv(hue, rng.uniform(0.1, 0.6), value), _hsv(hue + 0.06, 0.6, value * 0.5)
    share = np.clip(far, 0.0, 1.0)
    return np.asarray(np.array(near) + (np.array(edge) - np.array(near)) * share, dtype=np.uint8)


def _shore(rng: np.random.Generator) -> NDArray[np.uint8]:
    image = _fade(_hsv(rng.uniform(0.5, 0.6), 0.45, 0.95), _hsv(rng.uniform(0.02, 0.12), 0.4, 1.0))
    sea, sand = int(rng.integers(30, 48)), int(rng.integers(54, 66))
    image[sea:sand] = _hsv(rng.uniform(0.48, 0.58), 0.6, 0.72)
    image[sand:] = _hsv(0.11, 0.35, 0.92)
    for y in range(sea + 3, sand, 5):
        x = int(rng.integers(0, 60))
        cv2.line(image, (x, y), (x + 16, y), (225, 245, 250), 1, cv2.LINE_AA)
    return image


def _grass(pixels: Pixels, rng: np.random.Generator) -> None:
    for x, lean, high, tone in rng.random((16, 4)):
        tip = (x + 0.16 * (lean - 0.5), 1.0 - 0.1 - 0.2 * high)
        _quad(
            pixels,
            ((x - 0.018, 1.02), tip, tip, (x + 0.018, 1.02)),
            _hsv(0.24 + 0.12 * tone, 0.65, 0.5 + 0.3 * lean),
        )


def _leaves(pixels: Pixels, rng: np.random.Generator) -> None:
    right = rng.random() < 0.5
    for y, turn, size, tone in rng.random((4, 4)):
        x = 0.02 + 0.08 * turn
        leaf = oval((1.0 - x) if right else x, y, 0.1 + 0.05 * size, 0.045, (turn - 0.5) * 2.4, 20)
        _quad(pixels, leaf, _hsv(0.2 + 0.16 * tone, 0.6, 0.4 + 0.3 * size))


def _bubbles(pixels: Pixels, rng: np.random.Generator) -> None:
    veil = pixels.copy()
    for x, y, r in rng.random((7, 3)):
        _disc(veil, x, y, 0.02 + 0.06 * r, (226, 244, 255))
        _disc(veil, x - 0.01, y - 0.01, 0.01 * (1 + r), (255, 255, 255))
    cv2.addWeighted(pixels, 0.6, veil, 0.4, 0.0, pixels)


def _disc(pixels: Pixels, x: float, y: float, r: float, colour: Colour) -> None:
    side = len(pixels)
    centre = (round(x * side * 16), round(y * side * 16))
    cv2.circle(pixels, centre, round(r * side * 16), (*colour, 255), -1, cv2.LINE_AA, 4)


def _quad(pixels: Pixels, corners: object, colour: Colour) -> None:
    fixed = np.rint(np.asarray(corners, dtype=np.float64) * len(pixels) * 16).astype(np.int32)
    cv2.fillPoly(pixels, [fixed], (*colour, 255), cv2.LINE_AA, 4)


_BACKDROPS: tuple[Callable[[np.random.Generator], NDArray[np.uint8]], ...] = (
    _bokeh,
    _meadow,
    _wallpaper,
    _room,
    _night,
    _studio,
    _shore,
)
