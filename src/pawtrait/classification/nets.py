"""The study's networks, preprocessing inside: every one eats RGB in 0..255 and knows what its trunk wants.

In: float32 (B, side, side, 3), RGB in 0..255. Out: float32 (B, classes), rows sum to 1.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
from keras import layers, regularizers

from pawtrait.errors import BadWeights

IMAGENET_STD = (0.229, 0.224, 0.225)  # of RGB in 0..1, what EfficientNet's weights were trained with
RESNET_MEAN_BGR = (103.939, 116.779, 123.68)  # of BGR in 0..255, what ResNet50's weights were trained with

Tensor = Any  # a symbolic Keras tensor


def build(
    net: str, side: int, classes: int, weights: Path | None, trainable: int | None, input_range: str
) -> keras.Model:
    """Build a network, not compiled.

    Args:
        net: cnn, deep_cnn, resnet50, mobilenet_v2, efficientnet_b0 or efficientnet_b5.
        side: pixels a side.
        classes: how many labels.
        weights: an ImageNet file without top in Keras' layout, or None for a random start.
        trainable: how many last layers of a loaded trunk train, its norms never; None is all. A random
            start trains everything.
        input_range: "native" is what the trunk was trained on; "unit" is 0..1, as the study fed to all.

    Raises:
        BadWeights: the file does not fit the network.
    """
    pixels = keras.Input((side, side, 3), name="pixels")
    if net in _OWN:
        return keras.Model(pixels, _OWN[net](pixels, classes), name=net)
    trunk = load_trunk(net, side, weights)
    if weights is not None and trainable is not None:
        for layer in trunk.layers[:-trainable]:
            layer.trainable = False
    features = run_trunk(net, trunk, pixels, weights is not None, input_range)  # (B, h, w, C)
    return keras.Model(pixels, _HEADS[net](features, classes), name=net)


def load_trunk(net: str, side: int, weights: Path | None) -> keras.Model:
    """A network of keras.applications without its top; the norms of a loaded one are frozen.

    Raises:
        BadWeights: the file does not fit the network.
    """
    try:
        trunk = _TRUNKS[net](
            include_top=False, weights=str(weights) if weights else None, input_shape=(side, side, 3)
        )
    except (ValueError, OSError, KeyError) as error:
        first = str(error).strip().splitlines()[0]
        raise BadWeights(
            f"{weights}: not the weights of {net} without top ({first}); fetch the file again"
        ) from error
    if weights is not None:
        for layer in trunk.layers:
            if isinstance(layer, layers.BatchNormalization):
                layer.trainable = False  # inference mode; Keras' fit overrides trunk(…, training=False)
    return trunk


def run_trunk(net: str, trunk: keras.Model, pixels: Tensor, loaded: bool, input_range: str) -> Tensor:
    """Feature maps (B, h, w, C) of pixels in 0..255."""
    scaled = (
        layers.Rescaling(1 / 255)(pixels) if input_range == "unit" else _NATIVE[net](trunk, pixels, loaded)
    )
    return trunk(scaled)


def _cnn(pixels: Tensor, classes: int) -> Tensor:
    """The study's baseline: 8,129,732 parameters at 128 px and four classes."""
    x = layers.Rescaling(1 / 255)(pixels)
    x = layers.Conv2D(32, 3, activation="relu")(x)
    x = layers.MaxPooling2D()(x)
    x = layers.Flatten()(x)
    x = layers.Dense(64, activation="relu")(x)
    return _softmax(x, classes)


def _deep_cnn(pixels: Tensor, classes: int) -> Tensor:
    """The study's complex CNN: 55,443,396 parameters at 128 px and four classes."""
    x = layers.Rescaling(1 / 255)(pixels)
    for width in (64, 128):
        x = layers.Conv2D(width, 3, activation="relu")(x)
        x = layers.BatchNormalization()(x)
        x = layers.Conv2D(width, 3, activation="relu")(x)
        x = layers.MaxPooling2D()(x)
        x = layers.Dropout(0.3)(x)
    x = layers.Flatten()(x)
    x = layers.Dense(512, activation="relu")(x)
    x = layers.Dense(128, activation="relu", kernel_regularizer=regularizers.L2(1e-4))(x)
    x = layers.Dropout(0.5)(x)
    return _softmax(x, classes)


def _resnet50_head(features: Tensor, classes: int) -> Tensor:
    x = layers.GlobalAveragePooling2D()(features)
    x = layers.Dense(256, activation="relu")(x)
    x = layers.Dropout(0.5)(x)
    x = layers.Dense(128, activation="relu", kernel_regularizer=regularizers.L2(0.01))(x)
    x = layers.Dropout(0.5)(x)
    return _softmax(x, classes)


def _mobilenet_v2_head(features: Tensor, classes: int) -> Tensor:
    x = layers.GlobalAveragePooling2D()(features)
    x = layers.Dropout(0.5)(x)
    x = layers.Dense(68, activation="relu", kernel_regularizer=regularizers.L2(1e-4))(x)
    x = layers.Dropout(0.6)(x)
    return _softmax(x, classes)


def _efficientnet_head(features: Tensor, classes: int) -> Tensor:
    x = layers.GlobalMaxPooling2D()(features)
    x = layers.BatchNormalization()(x)
    x = layers.Dense(256, activation="relu")(x)
    x = layers.Dense(128, activation="relu", kernel_regularizer=regularizers.L2(1e-4))(x)
    x = layers.Dropout(0.4)(x)
    return _softmax(x, classes)


def _softmax(x: Tensor, classes: int) -> Tensor:
    """float32 also under mixed precision, where a float16 softmax would lose small probabilities."""
    return layers.Dense(classes, activation="softmax", dtype="float32", name="probabilities")(x)


def _resnet50_input(_trunk: keras.Model, pixels: Tensor, _loaded: bool) -> Tensor:
    """BGR minus the ImageNet mean."""
    bgr = keras.ops.flip(pixels, axis=-1)
    return layers.Rescaling(1.0, offset=[-mean for mean in RESNET_MEAN_BGR])(bgr)


def _mobilenet_v2_input(_trunk: keras.Model, pixels: Tensor, _loaded: bool) -> Tensor:
    """-1..1."""
    return layers.Rescaling(1 / 127.5, offset=-1.0)(pixels)


def _efficientnet_input(trunk: keras.Model, pixels: Tensor, loaded: bool) -> Tensor:
    """0..255; the trunk scales by itself.

    Keras divides by the ImageNet deviation after the trunk's normalisation, but only with
    ``weights="imagenet"``; a file leaves the division out. The same affine map in front restores it:
    s * (x / 255 - m) = (s * x + 255 * m * (1 - s)) / 255 - m, with s = 1 / deviation, m = the trunk's mean.
    """
    if not loaded:
        return pixels
    norm = next(layer for layer in trunk.layers if isinstance(layer, layers.Normalization))
    means = keras.ops.convert_to_numpy(norm.mean).reshape(-1)
    scales = [std**-0.5 for std in IMAGENET_STD]  # Keras divides by the root of it (tensorflow#49930)
    offsets = [float(255 * mean * (1 - scale)) for mean, scale in zip(means, scales, strict=True)]
    return layers.Rescaling(scales, offset=offsets)(pixels)


_OWN: dict[str, Callable[[Tensor, int], Tensor]] = {"cnn": _cnn, "deep_cnn": _deep_cnn}

_TRUNKS: dict[str, Callable[..., keras.Model]] = {
    "resnet50": keras.applications.ResNet50,
    "mobilenet_v2": keras.applications.MobileNetV2,
    "efficientnet_b0": keras.applications.EfficientNetB0,
    "efficientnet_b5": keras.applications.EfficientNetB5,
}

_NATIVE: dict[str, Callable[[keras.Model, Tensor, bool], Tensor]] = {
    "resnet50": _resnet50_input,
    "mobilenet_v2": _mobilenet_v2_input,
    "efficientnet_b0": _efficientnet_input,
    "efficientnet_b5": _efficientnet_input,
}

_HEADS: dict[str, Callable[[Tensor, int], Tensor]] = {
    "resnet50": _resnet50_head,
    "mobilenet_v2": _mobilenet_v2_head,
    "efficientnet_b0": _efficientnet_head,
    "efficientnet_b5": _efficientnet_head,
}
