"""A network of the shape that Magenta published, with made-up values: as much work, no picture worth seeing.

Ghiasi et al. 2017, appendix: Inception-v3 up to Mixed_6e looks at the style and sums it up in 100 numbers; a
network of 32 to 128 channels with five residual blocks paints, each of its norms scaled and shifted by them.
"""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

LENGTH = 100  # numbers in a style vector
_PICTURES = tf.TensorSpec((None, None, None, 3), tf.float32)


class Published(tf.Module):
    """(content, style) → [painted], float32 (B, H, W, 3) in 0..1, as on TensorFlow Hub."""

    def __init__(self) -> None:
        super().__init__()
        self.rng = np.random.default_rng(1)
        trunk = keras.applications.InceptionV3(include_top=False, weights=None)
        self.trunk = keras.Model(trunk.inputs, trunk.get_layer("mixed7").output)  # Mixed_6e
        self.sum_up = self._weights(1, 1, 768, LENGTH)
        blocks = [(3, 128, 128, 1)] * 10
        shapes = [
            (9, 3, 32, 1),
            (3, 32, 64, 2),
            (3, 64, 128, 2),
            *blocks,
            (3, 128, 64, 1),
            (3, 64, 32, 1),
            (9, 32, 3, 1),
        ]
        self.layers = [
            (self._weights(k, k, i, o), self._weights(1, 1, LENGTH, o), self._weights(1, 1, LENGTH, o))
            for k, i, o, _ in shapes
        ]
        self.strides = [stride for *_, stride in shapes]

    @tf.function(input_signature=[_PICTURES, _PICTURES])
    def __call__(self, placeholder: Any, placeholder_1: Any) -> list[Any]:
        maps = self.trunk(2 * placeholder_1 - 1)
        vector = tf.nn.conv2d(tf.reduce_mean(maps, [1, 2], keepdims=True), self.sum_up, 1, "SAME")
        x = placeholder
        for number in range(3):
            x = tf.nn.relu(self._layer(number, x, vector))
        for number in range(3, 13, 2):
            x = x + self._layer(number + 1, tf.nn.relu(self._layer(number, x, vector)), vector)
        for number in (13, 14):
            x = tf.image.resize(x, 2 * tf.shape(x)[1:3], "nearest")
            x = tf.nn.relu(self._layer(number, x, vector))
        return [tf.sigmoid(self._layer(15, x, vector))]

    def _layer(self, number: int, x: Any, vector: Any) -> Any:
        """Pad by reflection, convolve, and give each channel the mean and spread that the style asks for."""
        kernel, scale, shift = self.layers[number]
        room = kernel.shape[0] // 2
        x = tf.pad(x, [[0, 0], [room, room], [room, room], [0, 0]], "REFLECT")
        x = tf.nn.conv2d(x, kernel, self.strides[number], "VALID")
        mean, variance = tf.nn.moments(x, [1, 2], keepdims=True)
        gamma, beta = (tf.nn.conv2d(vector, one, 1, "SAME") for one in (scale, shift))
        return tf.nn.batch_normalization(x, mean, variance, beta, 1 + gamma, 1e-5)

    def _weights(self, *shape: int) -> Any:
        spread = np.sqrt(2 / np.prod(shape[:-1]))
        return tf.Variable(self.rng.normal(0, spread, shape).astype(np.float32))


def build(folder: Path) -> Path:
    """Write it as a SavedModel; the folder."""
    tf.saved_model.save(Published(), str(folder))
    return folder
