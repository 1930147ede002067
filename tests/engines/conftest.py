"""Small pictures that a network can learn, and weights files of the right layout with made-up values."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest
from keras.src.legacy.saving import legacy_h5_format  # the layout of every file in keras.applications

from pawtrait import params
from pawtrait.classification import nets
from pawtrait.classification.fit import Examples

ROOT = Path(__file__).parents[2]
SIDE = 32
IMAGENET_MEAN: Any = np.array([0.485, 0.456, 0.406], np.float32)
IMAGENET_VARIANCE: Any = np.array([0.229, 0.224, 0.225], np.float32) ** 2
COLOURS = np.array([[220, 180, 60], [60, 90, 200], [200, 60, 50], [130, 130, 130]], np.float32)  # a mood each


@pytest.fixture(scope="session")
def knobs() -> params.Params:
    """The project's own params.yaml."""
    return params.load(ROOT / "params.yaml")


@pytest.fixture(scope="session")
def coloured() -> Examples:
    """48 noisy pictures, each in its mood's colour: uint8 (48, 32, 32, 3)."""
    return colours(48, seed=3)


def colours(count: int, seed: int) -> Examples:
    """Pictures whose colour is their mood."""
    rng = np.random.default_rng(seed)
    moods = np.arange(count) % 4
    noise = rng.normal(0, 20, (count, SIDE, SIDE, 3))
    pixels = (COLOURS[moods][:, None, None, :] + noise).clip(0, 255).astype(np.uint8)
    return Examples(pixels, np.eye(4, dtype=np.float32)[moods], np.ones(count, np.float32))


@pytest.fixture(scope="session")
def made_up_weights(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The path of a weights file without top for a network, in Keras' layout; made once for each network."""
    made: dict[str, Path] = {}

    def make(net: str) -> Path:
        if net not in made:
            keras.utils.set_random_seed(5)
            made[net] = tmp_path_factory.mktemp("weights") / f"{net}_notop.h5"
            save_weights(shaken(net, nets.load_trunk(net, SIDE, None)), made[net])
        return made[net]

    return make


def save_weights(trunk: keras.Model, path: Path) -> None:
    """Write weights as the files that Keras downloads have them."""
    with h5py.File(path, "w") as file:
        legacy_h5_format.save_weights_to_hdf5_group(file, trunk)


def shaken(net: str, trunk: keras.Model) -> keras.Model:
    """Give the norms values that no fresh network has and that keep signals alive through all layers."""
    rng = np.random.default_rng(5)
    norms = [one for one in trunk.layers if isinstance(one, keras.layers.BatchNormalization)]
    for norm in norms:
        gamma, beta, mean, variance = norm.get_weights()
        norm.set_weights([rng.uniform(0.8, 1.2, gamma.shape), rng.normal(0, 0.2, beta.shape), mean, variance])
        norm.momentum = 0.0  # one pass in training sets mean and variance to what arrives there
    for layer in trunk.layers:
        if isinstance(layer, keras.layers.Normalization):
            layer.set_weights([IMAGENET_MEAN, IMAGENET_VARIANCE, np.array(0, "int32")])
            layer.finalize_state()
    pixels = keras.Input((SIDE, SIDE, 3))
    whole = keras.Model(pixels, nets.run_trunk(net, trunk, pixels, True, "native"))
    whole(rng.uniform(0, 255, (32, SIDE, SIDE, 3)).astype(np.float32), training=True)
    for norm in norms:
        norm.moving_variance.assign(np.maximum(norm.moving_variance, 0.05))
    return trunk
