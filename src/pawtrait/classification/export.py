"""From a trained network to files: ``.keras`` without a clock, and ONNX that gives the same answers."""

import json
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import onnx
import tensorflow as tf
import tf2onnx
from numpy.typing import NDArray

from pawtrait import onnx_files
from pawtrait.classification import predict
from pawtrait.errors import BadModel

PARITY = 1e-3  # the largest difference of a probability that rounding may explain
OPSET = 17
LARGE = 1_000_000  # numbers; tf2onnx copies a constant some fifty times, so larger ones join afterwards
EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest date that a zip can hold


def save_keras(model: keras.Model, path: Path) -> None:
    """Save without optimizer state; the same weights give the same bytes."""
    bare = type(model).from_config(model.get_config())  # clone_model would compile it, optimizer and all
    bare.set_weights(model.get_weights())
    with tempfile.TemporaryDirectory() as folder:
        draft = Path(folder) / "model.keras"
        bare.save(draft)
        _without_clock(draft, path)


def save_onnx(model: keras.Model, path: Path, probes: NDArray[np.uint8]) -> float:
    """Export with a dynamic batch axis and compare with the Keras model on probe pictures.

    Args:
        model: the network.
        path: where the file goes.
        probes: uint8 (N, side, side, 3), N ≥ 1.

    Returns:
        The largest absolute difference of a probability.

    Raises:
        BadModel: the difference is above ``PARITY``; the file is removed.
    """
    with tf.device("CPU:0"):  # a GPU would round to TF32, and that would be what is measured
        expected = model(probes.astype(np.float32), training=False).numpy()
    onnx.save(_convert(model), path)
    got = predict.run(predict.session(path), probes)
    difference = float(np.abs(expected - got).max())
    if not difference <= PARITY:  # also catches NaN
        path.unlink()
        raise BadModel(
            f"{path}: ONNX and Keras differ by {difference:.2g} on {len(probes)} probe pictures,"
            f" at most {PARITY:g} is allowed; report it with the versions of keras and tf2onnx"
        )
    return difference


def _convert(model: keras.Model) -> Any:
    """The network as an ONNX graph, ``pixels`` → ``probabilities``.

    The large weights travel as inputs of the traced function, and Keras' Normalization captures its constants
    as they are; tf2onnx leaves both as inputs of the graph, and here they become initializers.
    """
    weights = [*model.trainable_variables, *model.non_trainable_variables]
    large = {
        f"large_{i}": weight.numpy() for i, weight in enumerate(weights) if np.prod(weight.shape) > LARGE
    }
    signature = [tf.TensorSpec((None, *model.input_shape[1:]), tf.float32, name="pixels")]
    signature += [tf.TensorSpec(value.shape, value.dtype, name=name) for name, value in large.items()]
    function = tf.function(_stateless(model), input_signature=signature)
    captures = function.get_concrete_function().graph.captures
    held = {inner.name: outer.numpy() for outer, inner in captures if outer.dtype != tf.resource}
    graph = tf2onnx.convert.from_function(function, input_signature=signature, opset=OPSET)[0]
    for extra in [entry for entry in graph.graph.input if entry.name != "pixels"]:
        value = large[extra.name] if extra.name in large else held[extra.name]
        graph.graph.initializer.append(onnx.numpy_helper.from_array(value, extra.name))
        graph.graph.input.remove(extra)
    onnx_files.settle(graph.graph, {"pixels": ("N",), "probabilities": ("N",)})
    return graph


def _stateless(model: keras.Model) -> Callable[..., Any]:
    """Inference as a function of the pixels and the large weights, in the order of the model's variables."""

    def answer(pixels: Any, *large: Any) -> Any:
        rest = iter(large)
        trained, other = (
            [next(rest) if np.prod(weight.shape) > LARGE else weight.value for weight in weights]
            for weights in (model.trainable_variables, model.non_trainable_variables)
        )
        return {"probabilities": model.stateless_call(trained, other, pixels, training=False)[0]}

    return answer


def _without_clock(source: Path, target: Path) -> None:
    """Copy a ``.keras`` archive, its dates fixed and the saving time left out."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as new:
        for name in sorted(old.namelist()):
            content = old.read(name)
            if name == "metadata.json":
                facts = json.loads(content)
                facts.pop("date_saved", None)
                content = json.dumps(facts).encode()
            new.writestr(zipfile.ZipInfo(name, EPOCH), content)
