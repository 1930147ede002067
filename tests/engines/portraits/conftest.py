"""Small pictures, a recipe of a few steps, and features that start at random."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from pawtrait import params
from pawtrait.dataset.images import Pixels, stretch
from pawtrait.style_transfer import features
from pawtrait.style_transfer.features import Features

ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def one_thread() -> None:
    """Small tensors gain nothing from more."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def squeezenet() -> Features:
    """SqueezeNet with random weights."""
    return features.load("squeezenet", None, seed=1)


@pytest.fixture
def recipe() -> Callable[..., params.Neural]:
    """Makes the project's own recipe small: 48 px, a few steps; ``net`` are changes to its networks."""
    whole = params.load(ROOT / "params.yaml").neural

    def make(net: dict[str, Any] | None = None, **changes: Any) -> params.Neural:
        small = {"side": 48, "scales": (0.5, 1.0), "steps": (4, 4), "precision": "fp32"} | changes
        networks = {name: one.model_copy(update=net or {}) for name, one in whole.networks.items()}
        return params.Neural.model_validate(
            whole.model_copy(update=small | {"networks": networks}).model_dump()
        )

    return make


@pytest.fixture(scope="session")
def photo() -> Pixels:
    """Soft shapes, 60 high and 80 wide, mostly green."""
    return _soft(3, 60, 80, (60, 140, 70))


@pytest.fixture(scope="session")
def painting() -> Pixels:
    """Stripes in blue and yellow, 64 high and 48 wide."""
    rows = np.arange(64)[:, None, None] // 4 % 2
    stripes = np.where(rows, np.array([240, 200, 40]), np.array([30, 60, 180]))
    return np.broadcast_to(stripes, (64, 48, 3)).astype(np.uint8)


def _soft(seed: int, height: int, width: int, colour: tuple[int, int, int]) -> Pixels:
    rough = np.random.default_rng(seed).normal(colour, 50, (6, 8, 3)).clip(0, 255).astype(np.uint8)
    return stretch(rough, height, width)
