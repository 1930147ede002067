"""The two unpaired domains, and which crops of them a step of training sees."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pawtrait.dataset import images
from pawtrait.errors import BadData

Pixels = NDArray[np.uint8]
PHOTO, PAINTING, ORDER = range(3)  # separate streams of chance


@dataclass(frozen=True, slots=True)
class Domains:
    """A, the photos, and B, the paintings: each uint8 (N, load_size, load_size, 3), RGB, N at least 1."""

    photos: Pixels
    paintings: Pixels

    def epoch_length(self, pictures: int | None, batch: int) -> int:
        """The steps of an epoch: as many pairs as the larger domain has pictures, or ``pictures`` if fewer.

        What would not fill a last batch waits for another epoch.
        """
        most = max(len(self.photos), len(self.paintings))
        return max(1, min(most, pictures or most) // batch)


def gather(photos: Iterable[Pixels], paintings: Iterable[Pixels], load_size: int) -> Domains:
    """Resize both domains' pictures, uint8 (H, W, 3) of any size, to load_size × load_size.

    Raises:
        BadData: a domain without a picture.
    """
    return Domains(_stack(photos, load_size, "photos"), _stack(paintings, load_size, "paintings"))


def batch(
    domains: Domains, crop_size: int, seed: int, epoch: int, rows: Iterable[int]
) -> tuple[Pixels, Pixels]:
    """The rows of an epoch's endless list of pairs, cropped and half of them mirrored.

    A photo comes again only after all others; its painting is drawn anew each time, so that the two stay
    unpaired. All follows from seed, epoch and row, so that a row is the same in whatever batch and process.

    Returns:
        real_A and real_B, each uint8 (B, crop_size, crop_size, 3).
    """
    real_a, real_b = [], []
    for row in rows:
        lap, place = divmod(row, len(domains.photos))
        order = _rng(seed, ORDER, epoch, lap).permutation(len(domains.photos))
        chance = _rng(seed, PAINTING, epoch, row)
        painting = domains.paintings[chance.integers(len(domains.paintings))]
        real_a.append(_crop(domains.photos[order[place]], crop_size, _rng(seed, PHOTO, epoch, row)))
        real_b.append(_crop(painting, crop_size, chance))
    return np.stack(real_a), np.stack(real_b)


def _stack(pictures: Iterable[Pixels], load_size: int, name: str) -> Pixels:
    resized = [images.resize(picture, load_size) for picture in pictures]
    if not resized:
        raise BadData(f"CycleGAN got no {name}; expected at least one, add some to the source")
    return np.stack(resized)


def _crop(picture: Pixels, size: int, rng: np.random.Generator) -> Pixels:
    """A random square, mirrored half of the time: uint8 (size, size, 3)."""
    top, left = rng.integers(0, len(picture) - size, 2, endpoint=True)
    cut = picture[top : top + size, left : left + size]
    return cut[:, ::-1] if rng.random() < 0.5 else cut


def _rng(*key: int) -> np.random.Generator:
    """A generator of its own for each key."""
    return np.random.default_rng(key)
