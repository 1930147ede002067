"""The fused warp, checked by hand on small pictures."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from pawtrait.classification import augment
from pawtrait.classification.augment import Variation

STILL = Variation(
    rotation=0.0,
    shift_x=0.0,
    shift_y=0.0,
    zoom_x=1.0,
    zoom_y=1.0,
    shear=0.0,
    mirror_x=1.0,
    mirror_y=1.0,
    brightness=1.0,
)
NINE = [[1, 2, 3], [4, 5, 6], [7, 8, 9]]


def grey(rows):
    """uint8 (H, W, 3) with the same value in all three channels."""
    return np.repeat(np.array(rows, np.uint8)[..., None], 3, axis=2)


def warped(picture, side, **changes):
    out = np.empty((side, side, 3), np.float32)
    augment.apply(picture, replace(STILL, **changes), out)
    return out


def nine(**changes):
    """The picture of nine numbers after a variation, one channel as a list."""
    out = warped(grey(NINE), 3, **changes)
    assert np.array_equal(out[..., 0], out[..., 1])
    return out[..., 0].tolist()


@pytest.fixture(scope="module")
def draws(knobs):
    rng = np.random.default_rng(1)
    return [augment.draw(knobs.augment, rng) for _ in range(2000)]


def column(draws, name):
    return np.array([getattr(one, name) for one in draws])


def test_no_change_reproduces_the_picture():
    picture = np.random.default_rng(1).integers(0, 256, (40, 40, 3), np.uint8)
    assert np.array_equal(warped(picture, 40), picture)


def test_no_change_at_another_size_is_a_pure_resize():
    rows, columns = np.mgrid[0:60, 0:80]
    picture = np.stack([rows * 4, columns * 3, 255 - rows - columns], axis=-1).astype(np.uint8)
    expected = cv2.resize(picture, (32, 32), interpolation=cv2.INTER_LINEAR).astype(np.float32)
    assert np.abs(warped(picture, 32) - expected).max() <= 1  # warpAffine rounds positions to 1/32 px


def test_a_horizontal_flip_swaps_left_and_right():
    assert nine(mirror_x=-1.0) == [[3, 2, 1], [6, 5, 4], [9, 8, 7]]


def test_a_vertical_flip_swaps_top_and_bottom():
    assert nine(mirror_y=-1.0) == [[7, 8, 9], [4, 5, 6], [1, 2, 3]]


def test_ninety_degrees_turn_the_picture_about_its_centre():
    assert nine(rotation=90.0) == [[3, 6, 9], [2, 5, 8], [1, 4, 7]]


def test_a_shift_to_the_side_repeats_the_nearest_pixels():
    assert nine(shift_x=1 / 3) == [[2, 3, 3], [5, 6, 6], [8, 9, 9]]


def test_a_shift_up_repeats_the_nearest_pixels():
    assert nine(shift_y=1 / 3) == [[4, 5, 6], [7, 8, 9], [7, 8, 9]]


def test_a_shift_is_a_share_of_the_picture_whatever_its_size():
    wide = grey([[10, 20, 30, 40]] * 2)
    assert warped(wide, 4, shift_x=0.25)[0, :, 0].tolist() == [20, 30, 40, 40]


def test_a_zoom_above_one_shows_more_of_the_surroundings_as_in_keras():
    picture = np.zeros((32, 32, 3), np.uint8)
    picture[8:24, 8:24] = 255
    bright = [float((warped(picture, 32, zoom_x=z, zoom_y=z) > 127).mean()) for z in (0.8, 1.0, 1.25)]
    assert bright[1] == 0.25
    assert bright[0] == pytest.approx(0.25 / 0.8**2, rel=0.1)
    assert bright[2] == pytest.approx(0.25 / 1.25**2, rel=0.15)


def test_shear_slides_rows_against_each_other_and_leaves_the_middle():
    picture = np.zeros((33, 33, 3), np.uint8)
    picture[:, 16] = 255  # an upright line
    line = warped(picture, 33, shear=30.0)[..., 0].argmax(axis=1)
    assert line[16] == 16
    assert line[26] - 16 == pytest.approx(5, abs=1)  # ten rows below: 10 · sin 30°
    assert line[6] - 16 == pytest.approx(-5, abs=1)


def test_brightness_multiplies_and_saturates_at_255():
    out = warped(grey([[100, 200], [250, 0]]), 2, brightness=1.2)[..., 0]
    assert out.tolist() == [[pytest.approx(120), pytest.approx(240)], [255.0, 0.0]]


def test_darkening_keeps_fractions():
    assert warped(grey([[101]]), 1, brightness=0.5)[0, 0, 0] == 50.5


def test_the_order_of_the_colours_is_kept():
    picture = np.full((4, 4, 3), (10, 20, 30), np.uint8)
    assert warped(picture, 4)[0, 0].tolist() == [10, 20, 30]


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("rotation", -40, 40),
        ("shift_x", -0.2, 0.2),
        ("shift_y", -0.2, 0.2),
        ("zoom_x", 0.8, 1.2),
        ("zoom_y", 0.8, 1.2),
        ("shear", -0.2, 0.2),
        ("brightness", 0.8, 1.2),
    ],
)
def test_draws_fill_the_studys_range_and_stay_inside(draws, name, low, high):
    values, margin = column(draws, name), (high - low) / 50
    assert low <= values.min() < low + margin
    assert high - margin < values.max() <= high
    assert values.mean() == pytest.approx((low + high) / 2, abs=margin * 1.5)


def test_height_and_width_are_shifted_and_zoomed_apart(draws):
    for pair in (("shift_x", "shift_y"), ("zoom_x", "zoom_y")):
        assert abs(np.corrcoef(*(column(draws, name) for name in pair))[0, 1]) < 0.1


def test_both_flips_happen_half_of_the_time_and_not_together_only(draws):
    across, down = column(draws, "mirror_x"), column(draws, "mirror_y")
    assert set(across) == set(down) == {-1.0, 1.0}
    assert abs(across.mean()) < 0.1
    assert abs(down.mean()) < 0.1
    assert abs((across * down).mean()) < 0.1


def test_a_flip_that_is_switched_off_never_happens(knobs):
    rng = np.random.default_rng(1)
    upright = knobs.augment.model_copy(update={"vertical_flip": False})
    assert {augment.draw(upright, rng).mirror_y for _ in range(50)} == {1.0}


def test_the_same_seed_draws_the_same(knobs):
    first, again = (augment.draw(knobs.augment, np.random.default_rng(4)) for _ in range(2))
    assert first == again
