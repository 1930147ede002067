"""The floor: a logistic regression on frozen features or on pixels, stored as a dense softmax."""

from pathlib import Path

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from pawtrait.classification import nets

TRUNK = "mobilenet_v2"
TAP = "block_13_expand_relu"  # stride 16; SSDLite taps the trunk here (Sandler et al. 2018, sec. 6.2)
POOL = 4  # without weights: 128 px are averaged to 32, as many features as pictures can bear


def features(side: int, weights: Path | None, input_range: str) -> keras.Model:
    """Frozen features: pixels float32 (B, side, side, 3) in 0..255 → float32 (B, C).

    With weights, TAP's maps (576 channels) and the trunk's last (1280, stride 32), averaged over the upper
    and the lower half of the picture: C = 2 · 1856. A mood lies in smaller parts than the objects that the
    last maps were trained to tell apart, and eyes and mouth lie in different halves. Without weights, the
    picture shrunk by averaging.
    """
    pixels = keras.Input((side, side, 3), name="pixels")
    if weights is None:
        small = layers.AveragePooling2D(POOL)(layers.Rescaling(1 / 255)(pixels))
        return keras.Model(pixels, layers.Flatten()(small))
    trunk = nets.load_trunk(TRUNK, side, weights)
    tapped = trunk.get_layer(TAP).output
    height, width = tapped.shape[1:3]
    spare = -height % 2, -width % 2  # of an odd height, twice the last maps' is one more
    last = layers.Cropping2D(((0, spare[0]), (0, spare[1])))(layers.UpSampling2D(2)(trunk.output))
    both = keras.Model(trunk.input, layers.Concatenate()([tapped, last]))
    both.trainable = False
    maps = nets.run_trunk(TRUNK, both, pixels, True, input_range)  # (B, h, w, 1856)
    rows = -(-height // 2)  # an odd height's middle row counts in both halves
    halves = layers.AveragePooling2D((rows, width), strides=(height // 2, width))(maps)  # (B, 2, 1, 1856)
    return keras.Model(pixels, layers.Flatten()(halves))


def regress(
    inputs: NDArray[np.float32],
    classes: NDArray[np.int64],
    weights: NDArray[np.float32],
    inverse_strength: float,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Fit on standardised inputs; fold the standardisation into the coefficients.

    Args:
        inputs: float32 (N, C).
        classes: int64 (N,), every class 0..K-1 at least once.
        weights: float32 (N,) > 0, how much each counts; where copies share a 1, they teach what one does.
        inverse_strength: scikit-learn's C, of the sum of weights.

    Returns:
        float32 (C, K) and (K,): softmax(x @ kernel + bias) are the regression's probabilities.
    """
    scaler = StandardScaler().fit(inputs, sample_weight=weights)
    regression = LogisticRegression(C=inverse_strength, max_iter=2000)
    regression.fit(scaler.transform(inputs), classes, sample_weight=weights)
    kernel = regression.coef_.T / scaler.scale_[:, None]  # (C, K)
    bias = regression.intercept_ - scaler.mean_ @ kernel
    return kernel.astype(np.float32), bias.astype(np.float32)


def assemble(frozen: keras.Model, kernel: NDArray[np.float32], bias: NDArray[np.float32]) -> keras.Model:
    """The features with a dense softmax on top: pixels → probabilities."""
    dense = layers.Dense(len(bias), activation="softmax", name="probabilities")
    model = keras.Model(frozen.input, dense(frozen.output), name="linear_probe")
    dense.set_weights([kernel, bias])
    return model
