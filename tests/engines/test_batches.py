"""The stream of batches that training eats."""

from itertools import islice

import numpy as np
import pytest

from pawtrait.classification import batches

PIXELS = np.random.default_rng(1).integers(0, 256, (10, 8, 8, 3), np.uint8)
PIXELS[:, 0, 0, 0] = np.arange(10)  # the picture's number, so that it can be found again
TARGETS = np.eye(10, dtype=np.float32)


def epoch(size=4, knobs=None, seed=7, which=0):
    """The batches of one epoch of ten pictures."""
    steps = batches.count(10, size)
    stream = batches.stream(PIXELS, TARGETS, size, knobs, seed)
    return list(islice(stream, steps * which, steps * (which + 1)))


def numbers(some):
    return [int(number) for pixels, _ in some for number in pixels[:, 0, 0, 0]]


def test_every_picture_comes_once_an_epoch():
    assert sorted(numbers(epoch())) == list(range(10))


def test_the_last_batch_of_an_epoch_is_smaller_and_none_mixes_two_epochs():
    assert [len(pixels) for pixels, _ in epoch()] == [4, 4, 2]
    assert sorted(numbers(epoch(which=1))) == list(range(10))


def test_a_full_last_batch_is_not_counted_twice():
    assert [batches.count(8, 4), batches.count(9, 4), batches.count(1, 4)] == [2, 3, 1]


def test_each_epoch_has_its_own_order():
    assert numbers(epoch(which=0)) != numbers(epoch(which=1))


def test_targets_stand_beside_their_own_pictures():
    some = epoch()
    assert [int(number) for _, targets in some for number in targets.argmax(axis=1)] == numbers(some)


def test_without_augmentation_the_pictures_come_as_they_are():
    for pixels, targets in epoch():
        assert pixels.dtype == np.float32
        assert np.array_equal(pixels, PIXELS[targets.argmax(axis=1)])


def test_the_same_seed_gives_the_same_pixels(knobs):
    first, again = (epoch(knobs=knobs.augment) for _ in range(2))
    for (pixels, targets), (same_pixels, same_targets) in zip(first, again, strict=True):
        assert np.array_equal(pixels, same_pixels)
        assert np.array_equal(targets, same_targets)


def test_another_seed_gives_another_order_and_other_variants(knobs):
    assert numbers(epoch(seed=7)) != numbers(epoch(seed=8))
    assert not np.array_equal(
        epoch(10, knobs.augment, seed=7)[0][0].sum(), epoch(10, knobs.augment, seed=8)[0][0].sum()
    )


def test_a_picture_varies_from_epoch_to_epoch(knobs):
    stream = batches.stream(PIXELS[:1], TARGETS[:1], 1, knobs.augment, 7)
    first, second = (pixels for pixels, _ in islice(stream, 2))
    assert not np.array_equal(first, second)


@pytest.mark.parametrize("augmented", [False, True])
def test_a_stream_that_skips_goes_on_as_one_that_had_yielded(knobs, augmented):
    augment = knobs.augment if augmented else None
    skipping = islice(batches.stream(PIXELS, TARGETS, 4, augment, 7, skip=2), 3)
    for (pixels, targets), (other_pixels, other_targets) in zip(
        skipping, epoch(knobs=augment, which=2), strict=True
    ):
        assert np.array_equal(pixels, other_pixels)
        assert np.array_equal(targets, other_targets)


def test_augmented_pixels_stay_in_range(knobs):
    pixels = epoch(10, knobs.augment)[0][0]
    assert pixels.dtype == np.float32
    assert pixels.min() >= 0
    assert pixels.max() <= 255
