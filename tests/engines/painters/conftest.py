"""Painters' folders with networks of a few nodes: what they do can be worked out by hand."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from pawtrait import sealed

PICTURES = ["B", "H", "W", 3]


@pytest.fixture
def fast_folder(tmp_path):
    """A fast painter: a vector is the mean colour and 97 zeros; painting adds that colour to the photo."""
    folder = tmp_path / "fast"
    folder.mkdir()
    write(folder / "style.onnx", *summing_up())
    write(folder / "transformer.onnx", *adding())
    return seal(folder, kind="fast", side=8)


@pytest.fixture
def cyclegan_folder(tmp_path):
    """Two generators that turn a picture into its negative and take sides in multiples of 4 only."""
    folder = tmp_path / "cyclegan"
    folder.mkdir()
    for name in ("photo_to_painting", "painting_to_photo"):
        write(folder / f"{name}.onnx", *negating())
    return seal(folder, kind="cyclegan", side=64)


def seal(folder, **facts):
    sealed.write_facts(folder, {"name": folder.name, **facts})
    sealed.seal(folder)
    return folder


def summing_up():
    spread = np.zeros((3, 100), np.float32)
    spread[:, :3] = np.eye(3)
    nodes = [
        helper.make_node("ReduceMean", ["pixels"], ["mean"], axes=[1, 2], keepdims=0),
        helper.make_node("MatMul", ["mean", "spread"], ["vector"]),
    ]
    return nodes, {"pixels": PICTURES}, {"vector": ["B", 100]}, {"spread": spread}


def adding():
    constants = {
        "from": np.array([0], np.int64),
        "to": np.array([3], np.int64),
        "axis": np.array([1], np.int64),
        "shape": np.array([-1, 1, 1, 3], np.int64),
    }
    nodes = [
        helper.make_node("Slice", ["vector", "from", "to", "axis"], ["three"]),
        helper.make_node("Reshape", ["three", "shape"], ["colour"]),
        helper.make_node("Add", ["pixels", "colour"], ["painted"]),
    ]
    return nodes, {"pixels": PICTURES, "vector": ["B", 100]}, {"painted": PICTURES}, constants


def negating():
    """255 - pixels, plus a zero that only fits where H and W can be quartered and quadrupled."""
    constants = {
        "white": np.array(255, np.float32),
        "nothing": np.array(0, np.float32),
        "scales": np.array([1, 1, 4, 4], np.float32),
    }
    nodes = [
        helper.make_node("Transpose", ["pixels"], ["channels"], perm=[0, 3, 1, 2]),
        helper.make_node("MaxPool", ["channels"], ["quarter"], kernel_shape=[4, 4], strides=[4, 4]),
        helper.make_node("Resize", ["quarter", "", "scales"], ["again"], mode="nearest"),
        helper.make_node("Transpose", ["again"], ["coarse"], perm=[0, 2, 3, 1]),
        helper.make_node("Mul", ["coarse", "nothing"], ["zero"]),
        helper.make_node("Sub", ["white", "pixels"], ["negative"]),
        helper.make_node("Add", ["negative", "zero"], ["painted"]),
    ]
    return nodes, {"pixels": PICTURES}, {"painted": PICTURES}, constants


def write(path, nodes, inputs, outputs, constants):
    entries = [
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in side.items()]
        for side in (inputs, outputs)
    ]
    weights = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "tiny", *entries, initializer=weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, path)
