"""Rewritten graphs give the same pictures, and what only looks alike is left alone."""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from pawtrait import onnx_files
from pawtrait.style_transfer import identities

RNG = np.random.default_rng(5)
FREE = {"x": ("B", "C", "H", "W"), "gamma": ("B",), "beta": ("B",), "y": ("B", "C", "H", "W")}


def model(nodes, constants, inputs=("x",)):
    """A graph from float inputs (B, C, H, W) to ``y``; nodes are (operator, inputs, output, attributes)."""
    made = [helper.make_node(kind, ins, [out], **more) for kind, ins, out, more in nodes]
    entries = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [None] * 4) for name in (*inputs, "y")]
    weights = [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()]
    graph = helper.make_graph(made, "part", entries[:-1], entries[-1:], initializer=weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def lightened(plain):
    lighter = onnx.ModelProto()
    lighter.CopyFrom(plain)
    identities.lighten(lighter)
    onnx_files.settle(lighter.graph, FREE)
    onnx.checker.check_model(lighter)
    return lighter


def operators(part):
    return {node.op_type for node in part.graph.node}


def answer(part, **inputs):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(part.SerializeToString(), options).run(None, inputs)[0]


def noise(*shape):
    return RNG.normal(0, 1, shape).astype(np.float32)


def convolution(kernel, bias=True, **attributes):
    constants = {"kernel": kernel} | ({"bias": noise(len(kernel))} if bias else {})
    return model([("Conv", ["x", *constants], "y", attributes)], constants)


def normalisation(subtracted="mean"):
    """As TensorFlow's converter writes tf.nn.moments and tf.nn.batch_normalization, a reshape in between."""
    nodes = [
        ("Conv", ["x", "one"], "c", {}),
        ("GlobalAveragePool", ["c"], "mean", {}),
        ("Reshape", ["mean", "shape"], "reshaped", {}),
        ("Sub", ["c", "reshaped"], "off", {}),
        ("Mul", ["off", "off"], "squared", {}),
        ("GlobalAveragePool", ["squared"], "variance", {}),
        ("Add", ["variance", "epsilon"], "sum", {}),
        ("Sqrt", ["sum"], "root", {}),
        ("Reciprocal", ["root"], "inverse", {}),
        ("Mul", ["inverse", "gamma"], "scale", {}),
        ("Mul", ["c", "scale"], "scaled", {}),
        ("Mul", [subtracted, "scale"], "shift", {}),
        ("Sub", ["beta", "shift"], "rest", {}),
        ("Add", ["scaled", "rest"], "y", {}),
    ]
    constants = {
        "one": np.eye(4, dtype=np.float32)[:, :, None, None],
        "shape": np.array([-1, 4, 1, 1]),
        "epsilon": np.array([[[[0.1]]]], np.float32),
    }
    return model(nodes, constants, inputs=("x", "gamma", "beta"))


def test_normalisation_becomes_one_operator_with_the_same_answer():
    plain = normalisation()
    lighter = lightened(plain)
    given = {"x": noise(2, 4, 6, 8), "gamma": noise(2, 4, 1, 1), "beta": noise(2, 4, 1, 1)}
    assert operators(lighter) == {"Conv", "InstanceNormalization", "Mul", "Add"}
    assert np.abs(answer(plain, **given) - answer(lighter, **given)).max() < 1e-5


def test_what_only_looks_like_normalisation_is_left_alone():
    assert "InstanceNormalization" not in operators(lightened(normalisation(subtracted="variance")))


def resized():
    return [("Resize", ["x", "", "scales"], "double", {"mode": "nearest", **ASYMMETRIC})]


ASYMMETRIC = {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
DOUBLING = {"scales": np.array([1, 1, 2, 2], np.float32)}


def doubling(steps, constants, kernel=None, mode="reflect"):
    kernel = noise(8, 4, 3, 3) if kernel is None else kernel
    edge = kernel.shape[-1] // 2
    nodes = [
        *steps,
        ("Pad", ["double", "pads"], "padded", {"mode": mode}),
        ("Conv", ["padded", "kernel", "bias"], "y", {}),
    ]
    pads = np.array([0, 0, edge, edge] * 2)
    return model(nodes, {**constants, "pads": pads, "kernel": kernel, "bias": noise(len(kernel))})


def test_a_convolution_after_doubling_is_done_before_it():
    plain = doubling(resized(), DOUBLING)
    lighter = lightened(plain)
    assert operators(lighter) == {"Pad", "Conv", "Slice", "Concat", "DepthToSpace"}
    for size in ((2, 4, 3, 5), (1, 4, 1, 1)):
        x = noise(*size)
        assert np.abs(answer(plain, x=x) - answer(lighter, x=x)).max() < 1e-5


def repeated():
    """tf.repeat along H and W of a picture (3, 5), as its converter writes it, ended by tf.pad in NHWC."""
    nodes = [
        ("Unsqueeze", ["x", "three"], "u", {}),
        ("Tile", ["u", "twice"], "t", {}),
        ("Transpose", ["t"], "p", {"perm": [0, 2, 3, 4, 1]}),
        ("Reshape", ["p", "tall"], "h", {}),
        ("Unsqueeze", ["h", "three"], "v", {}),
        ("Tile", ["v", "twice"], "s", {}),
        ("Reshape", ["s", "wide"], "double", {}),
        ("Pad", ["double", "pads"], "padded", {"mode": "reflect"}),
        ("Transpose", ["padded"], "first", {"perm": [0, 3, 1, 2]}),
        ("Conv", ["first", "kernel"], "y", {}),
    ]
    constants = {
        "three": np.array([3]),
        "twice": np.array([1, 1, 1, 2, 1]),
        "tall": np.array([-1, 6, 5, 4]),
        "wide": np.array([-1, 6, 10, 4]),
        "pads": np.array([0, 1, 1, 0] * 2),
        "kernel": noise(16, 4, 3, 3),
    }
    return model(nodes, constants)


def test_doubling_by_repeating_counts_too():
    plain = repeated()
    lighter = lightened(plain)
    x = noise(2, 4, 3, 5)
    assert operators(lighter) == {"Pad", "Conv", "Slice", "Concat", "DepthToSpace"}
    assert np.abs(answer(plain, x=x) - answer(lighter, x=x)).max() < 1e-5


@pytest.mark.parametrize("size", [5, 7, 9])
@pytest.mark.parametrize("bias", [True, False], ids=["bias", "no bias"])
def test_a_wide_kernel_with_few_outputs_gives_four_pixels_at_once(size, bias):
    plain = convolution(noise(3, 8, size, size), bias)
    lighter = lightened(plain)
    x = noise(2, 8, size + 3, size + 7)
    assert operators(lighter) == {"Conv", "DepthToSpace"}
    assert np.abs(answer(plain, x=x) - answer(lighter, x=x)).max() < 1e-4


@pytest.mark.parametrize(
    "plain",
    [
        convolution(noise(16, 8, 9, 9)),
        convolution(noise(3, 8, 3, 3)),
        convolution(noise(3, 8, 9, 9), strides=[2, 2]),
        convolution(noise(3, 8, 9, 9), pads=[4, 4, 4, 4]),
        convolution(noise(4, 1, 9, 9), group=4),
        convolution(noise(3, 8, 9, 9), dilations=[2, 2]),
        convolution(noise(3, 8, 9, 9), auto_pad="SAME_UPPER"),
    ],
    ids=["many outputs", "small", "strided", "padded", "grouped", "dilated", "automatic"],
)
def test_other_convolutions_stay_as_they_are(plain):
    assert operators(lightened(plain)) == {"Conv"}


@pytest.mark.parametrize(
    "plain",
    [
        doubling(resized(), DOUBLING, kernel=noise(16, 4, 5, 5)),
        doubling(resized(), DOUBLING, mode="constant"),
        doubling(resized(), {"scales": np.array([1, 1, 3, 3], np.float32)}),
        doubling([("Resize", ["x", "", "scales"], "double", {"mode": "linear"})], DOUBLING),
    ],
    ids=["another kernel", "zeros around", "threefold", "linear"],
)
def test_other_enlargements_stay_as_they_are(plain):
    assert "Resize" in operators(lightened(plain))
