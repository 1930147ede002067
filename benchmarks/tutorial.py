"""TensorFlow's tutorial "Neural style transfer", its loop written out again: what ours races against.

Keras' VGG19 in float32, Adam on the pixels with its numbers, ``tf.function``, pixels cut to 0..1 after each
step. The loss is ours, so that both lower the same; it is brought to the magnitude it has in the tutorial,
where Adam's epsilon of 0.1 is next to nothing.
"""

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from pawtrait import params
from pawtrait.dataset.images import Pixels
from pawtrait.style_transfer.features import Features

MAGNITUDE = 1e6

_LEAST = 1e-3  # as in goal.py


class Tutorial:
    """The loop with its network, built and traced once for a size of picture."""

    def __init__(self, features: Features, network: params.FeatureNetwork, side: int) -> None:
        self.network = network
        self.extractor = _extractor(features, network)
        self.image = tf.Variable(tf.zeros((1, side, side, 3)))
        self.optimizer = keras.optimizers.Adam(learning_rate=0.02, beta_1=0.99, epsilon=1e-1)
        self.optimizer.build([self.image])
        self.fresh = [np.array(one) for one in self.optimizer.variables]
        maps = self.extractor(self.image)
        self.contents = {n: (tf.Variable(maps[n]), tf.Variable(1.0)) for n in network.content_layers}
        self.styles = {n: (tf.Variable(_gram(maps[n])), tf.Variable(1.0)) for n in network.style_layers}
        self._step = tf.function(self._train)

    def begin(self, photo: Pixels, painting: Pixels) -> None:
        """Take the targets of both pictures, uint8 (side, side, 3), and start from the photo."""
        of_photo, of_painting = (self.extractor(_batch(picture)) for picture in (photo, painting))
        for name, (wanted, whole) in self.contents.items():
            plain = tf.reduce_mean(of_photo[name], [1, 2], keepdims=True)
            wanted.assign(of_photo[name])
            whole.assign(tf.reduce_mean((plain - of_photo[name]) ** 2) / 2)
        for name, (wanted, whole) in self.styles.items():
            wanted.assign(_gram(of_painting[name]))
            distance = tf.reduce_mean((_gram(of_photo[name]) - wanted) ** 2) / 4
            whole.assign(tf.maximum(distance, _LEAST * tf.reduce_mean(wanted**2) / 4))
        for variable, value in zip(self.optimizer.variables, self.fresh, strict=True):
            variable.assign(value)
        self.image.assign(_batch(photo))

    def step(self) -> float:
        """One step; the loss before it."""
        return float(self._step()) / MAGNITUDE

    def picture(self) -> Pixels:
        """As it is now, uint8 (side, side, 3)."""
        return np.rint(self.image.numpy()[0] * 255).astype(np.uint8)

    def _train(self) -> Any:
        with tf.GradientTape() as tape:
            loss = MAGNITUDE * self._loss(self.image)
        self.optimizer.apply_gradients([(tape.gradient(loss, self.image), self.image)])
        self.image.assign(tf.clip_by_value(self.image, 0.0, 1.0))
        return loss

    def _loss(self, image: Any) -> Any:
        net, maps = self.network, self.extractor(image)
        content = tf.add_n(
            [
                net.content_layers[name] * tf.reduce_mean((maps[name] - wanted) ** 2) / 2 / whole
                for name, (wanted, whole) in self.contents.items()
            ]
        )
        style = tf.add_n(
            [
                net.style_layers[name] * tf.reduce_mean((_gram(maps[name]) - wanted) ** 2) / 4 / whole
                for name, (wanted, whole) in self.styles.items()
            ]
        )
        down, right = image[:, 1:] - image[:, :-1], image[:, :, 1:] - image[:, :, :-1]
        variation = tf.reduce_mean(down**2) + tf.reduce_mean(right**2)
        return net.content_weight * content + net.style_weight * style + net.variation_weight * variation


def _extractor(features: Features, network: params.FeatureNetwork) -> Any:
    """Pictures in 0..1 to the maps of the layers, through Keras' VGG19 with the same weights."""
    vgg = keras.applications.VGG19(include_top=False, weights=None)
    for name, (kernel, bias) in features.to("fp32").weights.items():
        array = kernel.numpy().transpose(2, 3, 1, 0)
        if name == "block1_conv1":  # ours takes RGB in 0..1, Keras' BGR in 0..255
            array = array[:, :, ::-1] / 255
        vgg.get_layer(name).set_weights([array, bias.numpy()])
    vgg.trainable = False
    names = [*network.content_layers, *network.style_layers]
    model = keras.Model(vgg.inputs, [vgg.get_layer(name).output for name in names])

    def extract(image: Any) -> dict[str, Any]:
        maps = model(keras.applications.vgg19.preprocess_input(image * 255.0))
        return dict(zip(names, maps, strict=True))

    return extract


def _gram(maps: Any) -> Any:
    places = tf.cast(tf.shape(maps)[1] * tf.shape(maps)[2], tf.float32)
    return tf.linalg.einsum("bijc,bijd->bcd", maps, maps) / places


def _batch(picture: Pixels) -> Any:
    return tf.constant(picture[np.newaxis].astype(np.float32) / 255)
