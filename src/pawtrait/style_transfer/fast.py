"""Magenta's arbitrary stylization (Ghiasi et al. 2017, arXiv:1705.06830): whole, in two parts, and as ONNX.

One network looks at the painting and sums its style up in 100 numbers; another paints the photo, and learns
nothing else of the painting. Published is one graph with one signature, cut here where the numbers pass.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import tensorflow as tf
import tensorflow_hub as hub
import tf2onnx
from numpy.typing import NDArray
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from pawtrait import onnx_files
from pawtrait.errors import BadModel, BadWeights
from pawtrait.style_transfer import identities, painter, runners

HANDLE = "https://tfhub.dev/google/magenta/arbitrary-image-stylization-v1-256/2"
LENGTH = 100  # numbers in a style vector
PARITY = 0.5  # the largest difference, in grey levels of 0..255, that rounding may explain
OPSET = 17
AXES = {"pixels": ("B", "H", "W"), "vector": ("B",), "painted": ("B", "H", "W")}

_PICTURES = (None, None, None, 3)
_UNLOADABLE = (  # what TensorFlow and its Hub let through, from a missing file to another signature
    OSError,
    ValueError,
    RuntimeError,
    AttributeError,
    TypeError,
    LookupError,
    tf.errors.OpError,
)


@dataclass(frozen=True)
class Network:
    """The published network. Pictures are float32 (B, H, W, 3), RGB in 0..255, H and W multiples of 4.

    Attributes:
        whole: (content, style) → painted; styles are average-pooled first, as in TensorFlow's tutorial.
        style: style → vector, float32 (B, 100); pooled too.
        transformer: (content, vector) → painted.
    """

    whole: Callable[[Any, Any], Any]
    style: Callable[[Any], Any]
    transformer: Callable[[Any, Any], Any]


def load(handle: str | Path) -> Network:
    """Load a SavedModel: by its handle on TensorFlow Hub or a mirror's address (network), or from a folder.

    Raises:
        BadWeights: there is none, it is damaged, or it is another kind of network.
    """
    try:
        loaded = hub.load(str(handle))
        spec = tf.TensorSpec(_PICTURES, tf.float32)
        published = loaded.__call__.get_concrete_function(spec, spec)
    except _UNLOADABLE as error:
        raise BadWeights(
            f"{handle}: no SavedModel that takes a content and a style picture ({str(error).strip()[:200]});"
            f" expected {HANDLE} or a folder unpacked from it; fetch it again"
        ) from error
    return _split(convert_variables_to_constants_v2(published), handle)


def export(saved_model: str | Path, out: Path, side: int) -> dict[str, Any]:
    """Write ``style.onnx`` and ``transformer.onnx`` into ``out`` and compare them with the whole.

    Args:
        saved_model: a handle or a folder, as for ``load``.
        out: an existing folder.
        side: px of the square in which a style is looked at; 256 is what the network was trained on.

    Returns:
        What ``model.json`` has to say. ``parity`` is the largest difference on the probes, in grey levels.

    Raises:
        BadWeights: as ``load`` does.
        BadModel: the two parts paint otherwise than the whole; the files are removed.
    """
    network = load(saved_model)
    pixels, vector = _spec("pixels", _PICTURES), _spec("vector", (None, LENGTH))
    style, transformer = (out / name for name in painter.FAST)
    look = _converted("vector", network.style, pixels)
    plain = _converted("painted", network.transformer, pixels, vector)
    onnx.helper.set_model_props(plain, {"style_side": str(side)})  # by this file's sum the painter is known
    _save(look, style)
    for lighter in (True, False):
        _save(_lightened(plain) if lighter else plain, transformer)
        difference = _difference(network, style, transformer)
        if difference <= PARITY:  # never so for NaN
            break
    else:
        style.unlink()
        transformer.unlink()
        raise BadModel(
            f"{out}: ONNX and {saved_model} differ by {difference:.2g} grey levels on the probe pictures,"
            f" at most {PARITY:g} is allowed; report it with the versions of tensorflow and tf2onnx"
        )
    return {
        "name": "fast",
        "kind": "fast",
        "start": "published",
        "side": side,
        "parameters": _parameters(look) + _parameters(plain),
        "parity": float(f"{difference:.2g}"),
        "lightened": lighter,
    }


def probes() -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Contents (2, 96, 128, 3) and styles (2, 128, 128, 3) to compare on: smooth blots in 0..255."""
    rng = np.random.default_rng(7)
    blots = [rng.uniform(0, 255, shape).astype(np.float32) for shape in ((2, 12, 16, 3), (2, 32, 32, 3))]
    sizes = ((96, 128), (128, 128))
    content, style = (tf.image.resize(one, size).numpy() for one, size in zip(blots, sizes, strict=True))
    return content, style


def _split(frozen: Any, handle: str | Path) -> Network:
    """Cut the graph where the style vector passes."""
    content, style = frozen.inputs[:2]
    (painted,) = frozen.outputs
    vector = _bottleneck(frozen.graph.get_operations(), content, style, painted)
    if vector is None:
        raise BadWeights(
            f"{handle}: expected a tensor of {LENGTH} numbers that all of the style passes, found none;"
            f" is it {HANDLE}? Fetch that"
        )
    definition = frozen.graph.as_graph_def()
    graph = tf.compat.v1.wrap_function(lambda: tf.import_graph_def(definition, name=""), [])
    look = graph.prune([style.name], [vector.name])
    paint = graph.prune([content.name, vector.name], [painted.name])
    both = graph.prune([content.name, style.name], [painted.name])
    shape = [-1, *vector.shape[1:]]
    return Network(
        lambda content, style: both(content / 255.0, _pooled(style))[0] * 255.0,
        lambda style: tf.reshape(look(_pooled(style))[0], [-1, LENGTH]),
        lambda content, vector: paint(content / 255.0, tf.reshape(vector, shape))[0] * 255.0,
    )


def _pooled(style: Any) -> Any:
    """The style as TensorFlow's tutorial gives it to the network: averaged over 3×3, in 0..1."""
    return tf.nn.avg_pool2d(style / 255.0, ksize=3, strides=1, padding="SAME")


def _bottleneck(operations: Iterable[Any], content: Any, style: Any, painted: Any) -> Any | None:
    """The tensor of 100 numbers that is all the painted picture owes to the style; the last one, if several.

    Names differ between the published variants, so the graph's shape decides: such a tensor follows from the
    style alone, and without it nothing of the style reaches the output.
    """
    operations = list(operations)
    of_style, of_content = _reached(operations, style), _reached(operations, content)
    for operation in reversed(operations):
        for tensor in operation.outputs:
            fits = tensor.dtype == tf.float32 and _holds_a_vector(tensor.shape)
            alone = tensor.name in of_style and tensor.name not in of_content
            if fits and alone and painted.name not in _reached(operations, style, without=tensor.name):
                return tensor
    return None


def _holds_a_vector(shape: Any) -> bool:
    """Whether a shape is (B, 100), or (B, 1, 1, 100) as after a convolution of 1×1."""
    return shape.rank in (2, 4) and shape[-1] == LENGTH and all(size in (1, None) for size in shape[:-1])


def _reached(operations: Iterable[Any], start: Any, without: str = "") -> set[str]:
    """Names of the tensors that depend on ``start``, also when one is taken out; operations are in order."""
    reached = {start.name}
    for operation in operations:
        if any(tensor.name in reached for tensor in operation.inputs):
            reached |= {tensor.name for tensor in operation.outputs if tensor.name != without}
    return reached


def _spec(name: str, shape: tuple[int | None, ...]) -> Any:
    return tf.TensorSpec(shape, tf.float32, name=name)


def _converted(output: str, function: Callable[..., Any], *inputs: Any) -> Any:
    """A function as an onnx.ModelProto; inputs keep their names."""
    traced = tf.function(lambda *given: {output: function(*given)}, input_signature=inputs, autograph=False)
    return tf2onnx.convert.from_function(traced, input_signature=inputs, opset=OPSET)[0]


def _lightened(model: Any) -> Any:
    lighter = onnx.ModelProto()
    lighter.CopyFrom(model)
    identities.lighten(lighter)
    return lighter


def _save(model: Any, path: Path) -> None:
    onnx_files.settle(model.graph, AXES)
    onnx.checker.check_model(model)
    onnx.save(model, path)


def _difference(network: Network, style: Path, transformer: Path) -> float:
    """The largest difference, in grey levels, between the whole in TensorFlow and the two files."""
    content, styles = probes()
    with tf.device("CPU:0"):  # a GPU would round to TF32, and that would be what is measured
        expected = network.whole(tf.constant(content), tf.constant(styles)).numpy()
    vectors = runners.open_file(style, "onnxruntime", 1)({"pixels": styles})
    got = runners.open_file(transformer, "onnxruntime", 1)({"pixels": content, "vector": vectors})
    return float(np.abs(expected - got).max())


def _parameters(model: Any) -> int:
    """How many numbers a model holds as weights."""
    constants = model.graph.initializer
    return sum(int(np.prod(one.dims)) for one in constants if one.data_type == onnx.TensorProto.FLOAT)
