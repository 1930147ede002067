"""Crops and pairs: all of it follows from seed, epoch and row."""

from itertools import chain

import numpy as np
import pytest

from pawtrait.dataset import images
from pawtrait.errors import BadData
from pawtrait.style_transfer.cyclegan import domains
from pawtrait.style_transfer.cyclegan.domains import Domains


def test_pictures_of_any_shape_are_brought_to_one_size():
    rng = np.random.default_rng(1)
    photos = [_noise(rng, 30, 30), _noise(rng, 400, 20), _noise(rng, 1, 90)]
    data = domains.gather(photos, [_noise(rng, 64, 48)], 40)
    assert data.photos.shape == (3, 40, 40, 3) and data.paintings.shape == (1, 40, 40, 3)
    np.testing.assert_array_equal(data.photos[1], images.resize(photos[1], 40))


@pytest.mark.parametrize("empty", ["photos", "paintings"])
def test_an_empty_domain_is_refused_by_its_name(empty):
    one = [np.zeros((40, 40, 3), np.uint8)]
    pictures = {"photos": one, "paintings": one} | {empty: []}
    with pytest.raises(BadData, match=f"got no {empty}"):
        domains.gather(**pictures, load_size=40)


def test_a_crop_is_a_window_of_its_picture_as_it_is_or_mirrored(places):
    seen = set()
    for row in range(60):
        crop = domains.batch(places, 32, 7, 1, [row])[0][0]
        left, right = sorted((int(crop[0, 0, 1]), int(crop[0, -1, 1])))
        assert right - left == 31 and int(crop[-1, 0, 0]) - int(crop[0, 0, 0]) == 31
        seen.add((int(crop[0, 0, 0]), left, bool(crop[0, 0, 1] > crop[0, -1, 1])))
    assert {top for top, _, _ in seen} == {left for _, left, _ in seen} == {0, 1, 2, 3, 4}
    assert {mirrored for _, _, mirrored in seen} == {True, False}


def test_a_row_is_the_same_in_whatever_batch(numbered):
    together = domains.batch(numbered, 32, 7, 2, range(6))
    alone = [domains.batch(numbered, 32, 7, 2, [row]) for row in range(6)]
    for side in range(2):
        np.testing.assert_array_equal(together[side], np.concatenate([pair[side] for pair in alone]))


def test_seed_and_epoch_make_other_crops_and_pairs(places):
    first = domains.batch(places, 32, 7, 1, range(8))
    for seed, epoch in ((8, 1), (7, 2)):
        other = domains.batch(places, 32, seed, epoch, range(8))
        assert not np.array_equal(first[0], other[0]) and not np.array_equal(first[1], other[1])


def test_every_photo_comes_once_before_any_comes_again(numbered):
    real_a, _ = domains.batch(numbered, 32, 7, 1, range(10))
    photos = real_a[:, 0, 0, 0].tolist()
    assert sorted(photos[:5]) == sorted(photos[5:]) == [0, 1, 2, 3, 4]


def test_a_photo_meets_other_paintings_in_other_epochs(numbered):
    pairs = [_pairs(numbered, epoch) for epoch in range(1, 30)]
    assert {painting for photo, painting in chain(*pairs) if photo == 0} == {100, 101, 102}


def test_a_single_photo_and_a_single_painting_fill_any_batch():
    single = Domains(np.full((1, 40, 40, 3), 3, np.uint8), np.full((1, 40, 40, 3), 9, np.uint8))
    real_a, real_b = domains.batch(single, 32, 7, 1, range(4))
    assert real_a.shape == real_b.shape == (4, 32, 32, 3)
    assert np.unique(real_a).tolist() == [3] and np.unique(real_b).tolist() == [9]


@pytest.mark.parametrize(
    ("photos", "paintings", "pictures", "batch", "steps"),
    [
        (1000, 18, None, 1, 1000),
        (1000, 18, 120, 1, 120),
        (10, 18, None, 1, 18),
        (10, 1, 120, 1, 10),
        (10, 3, None, 4, 2),
        (1, 1, None, 4, 1),
    ],
)
def test_an_epoch_is_the_larger_domain_once_or_less_if_told(photos, paintings, pictures, batch, steps):
    data = Domains(np.zeros((photos, 1, 1, 3), np.uint8), np.zeros((paintings, 1, 1, 3), np.uint8))
    assert data.epoch_length(pictures, batch) == steps


@pytest.fixture
def numbered() -> Domains:
    """5 photos full of their number, 3 paintings full of 100 and more."""
    numbers = np.arange(5, dtype=np.uint8)[:, None, None, None]
    photos = np.broadcast_to(numbers, (5, 36, 36, 3)).copy()
    return Domains(photos, photos[:3] + np.uint8(100))


@pytest.fixture
def places() -> Domains:
    """One photo and painting whose colours say where a pixel is: red its row, green its column."""
    row, column = np.mgrid[:36, :36].astype(np.uint8)
    picture = np.stack([row, column, np.zeros_like(row)], axis=2)[None]
    return Domains(picture, picture)


def _pairs(data: Domains, epoch: int) -> list[tuple[int, int]]:
    real_a, real_b = domains.batch(data, 32, 7, epoch, range(5))
    return list(zip(real_a[:, 0, 0, 0].tolist(), real_b[:, 0, 0, 0].tolist(), strict=True))


def _noise(rng: np.random.Generator, height: int, width: int) -> domains.Pixels:
    return rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
