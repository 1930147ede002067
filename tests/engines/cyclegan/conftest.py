"""A small recipe, small domains, one thread."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from pawtrait import params
from pawtrait.params import CycleGan
from pawtrait.style_transfer.cyclegan import domains
from pawtrait.style_transfer.cyclegan.domains import Domains

ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Tests run beside others; each test's numbers follow from one thread."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def recipe() -> CycleGan:
    """The demo's recipe on 32 px with very few filters: 2 + 1 epochs of 6 photos."""
    small = {"load_size": 36, "crop_size": 32, "n_blocks": 1, "ngf": 4, "ndf": 4, "batch": 1, "pictures": 6}
    epochs = {"n_epochs": 2, "n_epochs_decay": 1, "pool_size": 4, "precision": "fp32", "learning_rate": 2e-4}
    return params.load(ROOT / "params.yaml").cyclegan.presets["demo"].model_copy(update=small | epochs)


@pytest.fixture(scope="session")
def data(recipe: CycleGan) -> Domains:
    """7 photos of one blotch each, 3 paintings of stripes."""
    rng = np.random.default_rng(5)
    return domains.gather([blotch(rng) for _ in range(7)], [stripes(rng) for _ in range(3)], recipe.load_size)


@pytest.fixture(scope="session")
def probes(recipe: CycleGan) -> domains.Pixels:
    """2 photos that no training sees: uint8 (2, 32, 32, 3)."""
    rng = np.random.default_rng(6)
    return np.stack([blotch(rng)[: recipe.crop_size, : recipe.crop_size] for _ in range(2)])


@pytest.fixture
def work_elsewhere(data: Domains, probes: domains.Pixels, tmp_path: Path) -> Callable[..., list[str]]:
    """Gives the command that runs a task of worker.py in a process of its own, on these pictures."""

    def command(task: str, recipe: CycleGan, *launcher: str) -> list[str]:
        np.savez(tmp_path / "pictures.npz", photos=data.photos, paintings=data.paintings, probes=probes)
        (tmp_path / "recipe.json").write_text(recipe.model_dump_json())
        return [sys.executable, *launcher, str(Path(__file__).with_name("worker.py")), task, str(tmp_path)]

    return command


def blotch(rng: np.random.Generator) -> domains.Pixels:
    """A coloured disc on another colour: uint8 (40, 44, 3)."""
    row, column = np.mgrid[:40, :44]
    inside = np.hypot(row - rng.integers(10, 30), column - rng.integers(10, 34)) < rng.integers(6, 16)
    ground, colour = rng.integers(0, 256, (2, 3))
    return np.where(inside[..., None], colour, ground).astype(np.uint8)


def stripes(rng: np.random.Generator) -> domains.Pixels:
    """Two colours in turn: uint8 (50, 40, 3)."""
    colours = rng.integers(0, 256, (2, 3)).astype(np.uint8)
    return np.broadcast_to(colours[np.arange(50) // 5 % 2][:, None], (50, 40, 3)).copy()
