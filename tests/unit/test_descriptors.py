"""What a picture looks like, in numbers: light and colours in one part, edges in the other."""

import numpy as np
import pytest

from pawtrait.dataset import demo
from pawtrait.monitoring import descriptors, twosample
from pawtrait.monitoring.descriptors import COLOURS, LENGTH
from pawtrait.monitoring.twosample import Divisions


def stripes(upright: bool) -> np.ndarray:
    lines = np.tile((np.arange(64) // 4 % 2 * 200).astype(np.uint8), (64, 1))
    return np.repeat((lines if upright else lines.T)[:, :, None], 3, axis=2)


def animals(count: int, seed: int) -> list[np.ndarray]:
    kinds = list(demo.SPECIES)
    draws = (np.random.default_rng((seed, n)) for n in range(count))
    return [demo.picture(kinds[n % len(kinds)], "happy", 64, draw) for n, draw in enumerate(draws)]


def p_between(first, second) -> float:
    described = (np.array([descriptors.describe(one) for one in side]) for side in (first, second))
    return float(twosample.p_values(twosample.mmd(*descriptors.scaled(*described), Divisions(199, (1,))))[0])


def test_a_grey_picture_has_its_lightness_and_no_edges():
    found = descriptors.describe(np.full((40, 50, 3), 119, np.uint8))
    assert found.shape == (LENGTH,) and found.dtype == np.float32
    assert found[:COLOURS:3] == pytest.approx(50.0, abs=0.5)  # L* of mid grey
    assert found[COLOURS:].tolist() == [0.0] * (LENGTH - COLOURS)


def test_the_size_of_a_picture_makes_no_difference():
    small = stripes(upright=True)
    large = small.repeat(3, axis=0).repeat(3, axis=1)
    assert descriptors.describe(large) == pytest.approx(descriptors.describe(small), abs=0.02)


def test_edges_know_their_direction():
    upright, lying = (
        descriptors.describe(stripes(upright))[COLOURS:].reshape(16, 8) for upright in (True, False)
    )
    assert upright.sum(axis=0).argmax() == 0  # light changes from left to right
    assert lying.sum(axis=0).argmax() == 4


def test_contrast_does_not_count_as_other_edges():
    strong = stripes(upright=True)
    faint = (strong // 4 + 90).astype(np.uint8)
    assert descriptors.describe(strong)[COLOURS:] == pytest.approx(
        descriptors.describe(faint)[COLOURS:], abs=0.05
    )


def test_colours_weigh_as_much_as_edges():
    first, second = np.random.default_rng(1).normal(3, 5, (2, 300, LENGTH)).astype(np.float32)
    spread = (np.concatenate(descriptors.scaled(first, second)) ** 2).mean(axis=0)
    assert spread[:COLOURS].sum() == pytest.approx(spread[COLOURS:].sum()) == pytest.approx(1.0)


def test_what_never_changes_is_no_nan():
    same = np.ones((4, LENGTH), np.float32)
    assert np.isfinite(np.concatenate(descriptors.scaled(same, same))).all()


def test_other_drawings_of_the_same_animals_are_no_drift():
    assert p_between(animals(40, seed=1), animals(40, seed=2)) > 0.05


@pytest.mark.parametrize(
    "change",
    [
        lambda picture: np.clip(picture * [0.8, 0.9, 1.1], 0, 255).astype(np.uint8),
        lambda picture: picture[::-1],
        lambda picture: picture[16:48, 16:48],
    ],
    ids=["a blue cast", "upside down", "closer"],
)
def test_what_changes_in_all_pictures_is_seen(change):
    assert p_between(animals(40, seed=1), [change(one) for one in animals(40, seed=2)]) < 0.05
