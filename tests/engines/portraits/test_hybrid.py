"""CycleGAN's picture as the start, and as a style."""

from collections.abc import Callable

import numpy as np
import pytest

from pawtrait import params
from pawtrait.dataset import images
from pawtrait.dataset.images import Pixels
from pawtrait.style_transfer import hybrid, neural
from pawtrait.style_transfer.features import Features

Recipe = Callable[..., params.Neural]


@pytest.fixture
def painted(photo: Pixels) -> Pixels:
    """What a CycleGAN might have made: the photo's forms in other colours, another size."""
    return images.stretch(photo[..., ::-1].copy(), 44, 56)


def test_as_a_start_it_is_what_the_first_step_shows(
    photo: Pixels, painted: Pixels, painting: Pixels, squeezenet: Features, recipe: Recipe
) -> None:
    knobs = params.Hybrid(role="start", share=0.5, steps=3)
    steps = list(hybrid.refine(photo, painted, [(painting, 1.0)], squeezenet, recipe(), knobs, 0))
    assert len(steps) == 3
    assert np.array_equal(steps[0].picture(), images.stretch(painted, 36, 48))
    assert steps[-1].total < steps[0].total


def test_as_a_style_it_draws_the_picture_towards_itself(
    photo: Pixels, painted: Pixels, painting: Pixels, squeezenet: Features, recipe: Recipe
) -> None:
    styles, knobs = [(painting, 1.0)], recipe()
    nearness = []
    for share in (0.0, 0.9):
        role = params.Hybrid(role="style", share=share, steps=20)
        steps = list(hybrid.refine(photo, painted, styles, squeezenet, knobs, role, 0))
        assert np.array_equal(steps[0].picture(), images.fit(photo, 48))
        found = neural.evaluate(steps[-1].picture(), photo, [(painted, 1.0)], squeezenet, knobs)
        nearness.append(found["style"])
    assert nearness[1] < nearness[0]
