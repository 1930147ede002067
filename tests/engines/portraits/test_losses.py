"""Every loss against a case worked out by hand."""

import numpy as np
import pytest
import torch

from pawtrait.style_transfer import losses

MAPS = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]], [[0.0, 1.0], [0.0, 1.0]]]])  # (1, 2, 2, 2)


def test_a_gram_matrix_sums_products_over_places_and_divides_by_their_number() -> None:
    # (1 + 4 + 9 + 16) / 4, (2 + 4) / 4, 2 / 4
    assert losses.gram(MAPS).tolist() == [[[7.5, 1.5], [1.5, 0.5]]]


def test_a_gram_matrix_does_not_care_where_things_are() -> None:
    maps = torch.rand(1, 5, 6, 4)
    places = torch.randperm(24)
    moved = maps.flatten(2)[..., places].view_as(maps)
    assert torch.allclose(losses.gram(maps), losses.gram(moved), atol=1e-6)


def test_the_slope_of_a_gram_matrix_is_the_numerical_one() -> None:
    rows = torch.rand(2, 6, 3, dtype=torch.float64, requires_grad=True)

    def slow(x: torch.Tensor) -> torch.Tensor:
        return (x.transpose(1, 2) @ x).square().sum()

    def fast(x: torch.Tensor) -> torch.Tensor:
        return losses.gram(x.view(2, 3, 2, 3).permute(0, 3, 1, 2).float()).mul(6).double().square().sum()

    (expected,) = torch.autograd.grad(slow(rows), rows)
    (found,) = torch.autograd.grad(fast(rows), rows)
    assert torch.allclose(found, expected, rtol=1e-5)


def test_a_gram_matrix_of_bfloat16_maps_is_off_by_less_than_their_rounding() -> None:
    maps = torch.rand(1, 16, 32, 32).bfloat16().contiguous(memory_format=torch.channels_last)
    exact = losses.gram(maps.float())
    assert float(((losses.gram(maps) - exact) / exact).abs().mean()) < 2**-10


def test_content_is_half_the_mean_square() -> None:
    assert float(losses.content_loss(MAPS, MAPS)) == 0
    assert float(losses.content_loss(MAPS, torch.zeros_like(MAPS))) == pytest.approx((30 + 2) / 8 / 2)


def test_style_is_equation_4_of_the_paper() -> None:
    grams, target = torch.tensor([[[3.0, 1.0], [1.0, 2.0]]]), torch.tensor([[[1.0, 1.0], [1.0, 0.0]]])
    assert float(losses.style_loss(grams, target)) == pytest.approx((4 + 4) / (4 * 2**2))


def test_total_variation_is_the_mean_square_downwards_plus_rightwards() -> None:
    pixels = torch.tensor([[[[0.0, 1.0], [3.0, 5.0]]]])
    assert float(losses.total_variation(pixels)) == pytest.approx((9 + 16) / 2 + (1 + 4) / 2)


def test_a_plain_picture_has_no_variation() -> None:
    assert float(losses.total_variation(torch.full((1, 3, 4, 5), 0.3))) == 0


def test_overflow_counts_only_what_lies_outside() -> None:
    pixels = torch.tensor([[[[-1.0, 0.0, 1.0, 3.0]]]])
    assert float(losses.overflow(pixels)) == pytest.approx((1 + 4) / 4)


def test_losses_are_the_same_for_a_picture_tiled_twice() -> None:
    maps, target = torch.rand(1, 4, 5, 6), torch.rand(1, 4, 5, 6)
    twice = [one.repeat(1, 1, 2, 1) for one in (maps, target)]
    assert np.isclose(losses.content_loss(maps, target), losses.content_loss(*twice))
    assert torch.allclose(losses.gram(maps), losses.gram(twice[0]), atol=1e-6)
