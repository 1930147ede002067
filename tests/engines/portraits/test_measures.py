"""KID against a plain double loop, the others by hand."""

import numpy as np
import pytest
from numpy.typing import NDArray

from pawtrait.dataset import images
from pawtrait.dataset.images import Pixels
from pawtrait.errors import BadData
from pawtrait.style_transfer import features, measures
from pawtrait.style_transfer.features import Features


def plain_kid(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    """Gretton et al. 2012, eq. 3, as it stands there."""

    def k(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
        return float((a @ b / len(a) + 1) ** 3)

    m, n = len(x), len(y)
    total = sum(k(x[i], x[j]) for i in range(m) for j in range(m) if i != j) / (m * (m - 1))
    total += sum(k(y[i], y[j]) for i in range(n) for j in range(n) if i != j) / (n * (n - 1))
    return total - 2 * sum(k(x[i], y[j]) for i in range(m) for j in range(n)) / (m * n)


def sets(m: int, n: int, apart: float, seed: int = 5) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    rng = np.random.default_rng(seed)
    return rng.normal(0, 1, (m, 4)), rng.normal(apart, 1, (n, 4))


def test_kid_is_the_plain_double_loop_for_sets_of_different_size() -> None:
    x, y = sets(5, 8, 0.5)
    assert measures.kid(x, y)[0] == pytest.approx(plain_kid(x, y))


def test_the_error_of_kid_is_the_jackknife_over_both_sets() -> None:
    x, y = sets(5, 7, 0.5)
    without_x = [plain_kid(np.delete(x, i, 0), y) for i in range(5)]
    without_y = [plain_kid(x, np.delete(y, i, 0)) for i in range(7)]
    expected = np.sqrt(4 * np.var(without_x) + 6 * np.var(without_y))
    assert measures.kid(x, y)[1] == pytest.approx(expected)


def test_kid_of_one_kind_is_near_0_and_of_two_kinds_is_not() -> None:
    same, error = measures.kid(*sets(60, 60, 0.0))
    assert abs(same) < 3 * error
    other, error = measures.kid(*sets(60, 60, 1.5))
    assert other > 5 * error


def test_kid_is_unbiased_where_the_biased_estimate_would_be_positive() -> None:
    estimates = [measures.kid(*sets(5, 5, 0.0, seed))[0] for seed in range(200)]
    assert abs(np.mean(estimates)) < 3 * np.std(estimates) / np.sqrt(200)


def test_kid_needs_three_pictures_in_each_set() -> None:
    with pytest.raises(BadData, match="KID of 2 and 5 pictures; expected three at least"):
        measures.kid(*sets(2, 5, 0.0))


def test_a_picture_is_like_itself_and_less_like_another(
    photo: Pixels, painting: Pixels, squeezenet: Features
) -> None:
    noisy = (photo + np.random.default_rng(0).normal(0, 12, photo.shape)).clip(0, 255).astype(np.uint8)
    near, far = (measures.perceptual(squeezenet, photo, one) for one in (noisy, painting))
    assert measures.perceptual(squeezenet, photo, photo) == pytest.approx(0, abs=1e-6)
    assert 0 < near < far < 2
    assert measures.identity(squeezenet, photo, photo) == pytest.approx(1)
    assert measures.identity(squeezenet, photo, painting) < measures.identity(squeezenet, photo, noisy) < 1


def test_pictures_of_another_size_are_brought_to_one(photo: Pixels, squeezenet: Features) -> None:
    larger = images.stretch(photo, 120, 160)
    assert measures.perceptual(squeezenet, photo, larger) < 0.01
    assert measures.identity(squeezenet, photo, larger) > 0.99


def test_a_large_photo_is_looked_at_in_the_size_of_its_portrait(
    photo: Pixels, squeezenet: Features, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[tuple[int, ...]] = []
    embed = measures.embed
    monkeypatch.setattr(
        measures, "embed", lambda net, rows: looked.extend(one.shape for one in rows) or embed(net, rows)
    )
    measures.identity(squeezenet, images.stretch(photo, 600, 800), photo)
    assert looked == [photo.shape] * 2


def test_an_embedding_is_a_row_for_each_picture_however_small(photo: Pixels, squeezenet: Features) -> None:
    rows = measures.embed(squeezenet, [photo, photo, photo[:5, :9]])
    assert rows.shape == (3, 512)
    assert np.array_equal(rows[0], rows[1])
    assert np.isfinite(rows).all()


def test_the_figures_of_one_set_do_not_hang_on_the_other_pictures(photo: Pixels, painting: Pixels) -> None:
    net = features.load("vgg19_16x", None, 2)
    assert np.allclose(measures.embed(net, [photo, painting])[1], measures.embed(net, [painting])[0])
