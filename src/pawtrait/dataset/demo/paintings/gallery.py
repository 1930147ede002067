"""The demo's gallery: paintings in five manners taken in turn, as a folder of pictures, each with a title."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from pawtrait.dataset.demo import crew
from pawtrait.dataset.demo.paintings import surface
from pawtrait.dataset.demo.paintings.works import WORKS, Work
from pawtrait.errors import BadParams
from pawtrait.files import whole_folder

MANNERS: tuple[str, ...] = tuple(WORKS)
_JPEG = (cv2.IMWRITE_JPEG_QUALITY, 95, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444)
_WORTH = 8  # paintings a process should paint to earn its start of half a second


def painting(manner: str, number: int, side: int, seed: int) -> NDArray[np.uint8]:
    """Paint one painting, uint8 (side, side, 3) RGB.

    It hangs on (seed, manner, number) alone; numbers begin with 1. Beyond the manner's works they begin
    again, composed anew.

    Raises:
        BadParams: no such manner, or a number below 1.
    """
    work = _work(manner, number, seed)
    rng = np.random.default_rng((seed, MANNERS.index(manner), number))
    large = max(320, side, min(2 * side, 1280))  # painted larger, then averaged down: soft edges
    return surface.finished(work.paint(large, rng), side)


def paint(folder: Path, count: int, side: int, seed: int) -> None:
    """Write ``count`` paintings of ``side`` px, MANNER_NN.jpg, manners in turn; the folder is replaced whole.

    Larger counts change no painting of smaller ones.
    """
    with whole_folder(folder) as draft:
        crew.draw(partial(_write, draft, side, seed), list(_jobs(count)), _WORTH, "painting")


def titles(count: int, seed: int) -> dict[str, str]:
    """The title of each painting that ``paint`` would write, by its file's stem.

    A work that comes again is told apart by a number: "Wave under a red sun, 2".
    """
    out = {}
    for manner, number in _jobs(count):
        again = (number - 1) // len(WORKS[manner])
        out[_stem(manner, number)] = _work(manner, number, seed).title + (f", {again + 1}" if again else "")
    return out


def _jobs(count: int) -> Iterator[tuple[str, int]]:
    for index in range(count):
        yield MANNERS[index % len(MANNERS)], index // len(MANNERS) + 1


def _work(manner: str, number: int, seed: int) -> Work:
    """Seed 1 begins with the first of the manner's works, every other seed elsewhere among them."""
    if manner not in WORKS:
        raise BadParams(f"there is no manner {manner!r}; choose one of {', '.join(MANNERS)}")
    if number < 1:
        raise BadParams(f"paintings are numbered from 1, but {manner} number {number} was asked for")
    return WORKS[manner][(number - 1 + seed - 1) % len(WORKS[manner])]


def _stem(manner: str, number: int) -> str:
    return f"{manner}_{number:02d}"


def _write(folder: Path, side: int, seed: int, job: tuple[str, int]) -> None:
    pixels = painting(*job, side, seed)
    _, data = cv2.imencode(".jpg", pixels[..., ::-1], _JPEG)
    (folder / f"{_stem(*job)}.jpg").write_bytes(data.tobytes())
