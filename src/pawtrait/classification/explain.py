"""Grad-CAM: which part of a picture spoke for the predicted mood (Selvaraju et al. 2017, eqs. 1 and 2).

Of the mood's log-probability where the paper takes its logit: what speaks against the other moods is warm
too, as it is in the maps of the service.
"""

import cv2
import keras
import numpy as np
import tensorflow as tf
from keras import layers
from numpy.typing import NDArray


def heat_maps(model: keras.Model, pixels: NDArray[np.uint8]) -> NDArray[np.float32] | None:
    """Grad-CAM of each picture's most probable class on the last feature maps.

    Args:
        model: a network of this package.
        pixels: uint8 (N, side, side, 3), RGB.

    Returns:
        float32 (N, side, side) in 0..1, or None for a network without spatial feature maps.
    """
    split = _split(model)
    if split is None:
        return None
    body, head = split
    maps = tf.convert_to_tensor(body.predict(pixels.astype(np.float32), verbose=0))  # A: (N, h, w, C)
    with tf.GradientTape() as tape:
        tape.watch(maps)
        best = tf.reduce_max(head(maps, training=False), axis=1)
        logs = tf.math.log(best + 1e-9)
    weights = tf.reduce_mean(tape.gradient(logs, maps), axis=(1, 2), keepdims=True)  # eq. 1: (N, 1, 1, C)
    raw = tf.nn.relu(tf.reduce_sum(weights * maps, axis=-1)).numpy()  # eq. 2: (N, h, w)
    side = pixels.shape[1]
    return np.stack([_scaled(one, side) for one in raw])


def overlay(picture: NDArray[np.uint8], heat: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Lay a heat map over its picture: uint8 (side, side, 3) RGB, blue is cold and red is warm."""
    colours = cv2.cvtColor(
        cv2.applyColorMap((heat * 255).astype(np.uint8), cv2.COLORMAP_JET), cv2.COLOR_BGR2RGB
    )
    share = 0.15 + 0.45 * heat[..., None]  # where nothing speaks the picture stays clear
    return np.asarray(picture * (1 - share) + colours * share, np.uint8)


def _split(model: keras.Model) -> tuple[keras.Model, keras.Model] | None:
    """Cut behind the last layer whose output is as high as wide: pixels → maps, maps → probabilities."""
    if not any(isinstance(layer, _CONVOLVING) for layer in model.layers):
        return None
    cut = max(i for i, layer in enumerate(model.layers) if _is_maps(layer.output.shape))
    maps = model.layers[cut + 1].input  # a nested trunk's own output lies in another graph
    entry = keras.Input(maps.shape[1:])
    x = entry
    for layer in model.layers[cut + 1 :]:
        x = layer(x)
    return keras.Model(model.input, maps), keras.Model(entry, x)


def _is_maps(shape: tuple[int | None, ...]) -> bool:
    """(B, h, w, C) of a square picture; the halves that the linear probe averages over are not square."""
    return len(shape) == 4 and shape[1] == shape[2]


_CONVOLVING = (layers.Conv2D, keras.Model)


def _scaled(raw: NDArray[np.float32], side: int) -> NDArray[np.float32]:
    """Bring a map to the picture's size and 0..1; an all-zero map stays zero."""
    large = cv2.resize(raw, (side, side), interpolation=cv2.INTER_CUBIC)
    large = np.clip(large, 0, None)
    peak = float(large.max())
    return (large / peak if peak > 0 else large).astype(np.float32)
