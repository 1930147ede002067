"""Both walks find minima that are known."""

from collections.abc import Iterator
from itertools import islice

import pytest
import torch

from pawtrait.style_transfer import descent
from pawtrait.style_transfer.descent import Point

STEEP = torch.tensor([1.0, 100.0, 3.0, 0.1])
GOAL = torch.tensor([0.5, 0.2, 0.9, 0.4])


class Landscape:
    """Counts how often it is looked at."""

    def __init__(self) -> None:
        self.looks = 0

    def __call__(self, x: torch.Tensor) -> Point:
        self.looks += 1
        return Point(x, (float((STEEP * (x - GOAL).square()).sum()),), 2 * STEEP * (x - GOAL))


def rosenbrock(x: torch.Tensor) -> Point:
    x = x.detach().requires_grad_()
    height = 100 * (x[1] - x[0] ** 2) ** 2 + (1 - x[0]) ** 2
    (slope,) = torch.autograd.grad(height, x)
    return Point(x.detach(), (height.item(),), slope)


def last(steps: Iterator[Point], count: int) -> Point:
    return list(islice(steps, count))[-1]


def test_lbfgs_finds_the_bottom_of_an_uneven_bowl() -> None:
    assert torch.allclose(last(descent.lbfgs(Landscape(), torch.zeros(4), 1.0), 40).x, GOAL, atol=1e-3)


def test_lbfgs_finds_its_way_through_rosenbrocks_valley() -> None:
    point = last(descent.lbfgs(rosenbrock, torch.tensor([-1.2, 1.0]), 1.0), 150)
    assert torch.allclose(point.x, torch.ones(2), atol=1e-2)


def test_lbfgs_never_rises_though_some_of_its_looks_do() -> None:
    seen: list[float] = []

    def look(x: torch.Tensor) -> Point:
        point = rosenbrock(x)
        seen.append(point.height)
        return point

    heights = [point.height for point in islice(descent.lbfgs(look, torch.tensor([-1.2, 1.0]), 1.0), 60)]
    assert heights == sorted(heights, reverse=True)
    assert seen != sorted(seen, reverse=True)


@pytest.mark.parametrize("walk", [descent.lbfgs, descent.adam])
def test_a_step_is_one_look(walk: object) -> None:
    landscape = Landscape()
    list(islice(walk(landscape, torch.zeros(4), 0.1), 7))  # type: ignore[operator]
    assert landscape.looks == 7


def test_lbfgs_rests_where_it_is_flat() -> None:
    points = islice(descent.lbfgs(Landscape(), GOAL.clone(), 1.0), 3)
    assert all(torch.equal(point.x, GOAL) for point in points)


def test_the_first_step_of_adam_is_the_rate_in_each_pixel() -> None:
    first, second = islice(descent.adam(Landscape(), torch.full((4,), 0.3), 0.02), 2)
    assert torch.allclose(second.x - first.x, 0.02 * torch.sign(GOAL - 0.3))


def test_adam_stays_within_0_and_1() -> None:
    point = last(descent.adam(lambda x: Point(x, (0.0,), torch.ones(4)), torch.zeros(4), 0.5), 3)
    assert point.x.tolist() == [0, 0, 0, 0]
