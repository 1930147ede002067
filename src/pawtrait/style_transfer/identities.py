"""The same function in less work: parts of an exported painter's graph put otherwise.

Three identities, exact up to rounding. Converters write the first as a dozen passes over the picture; the
others save multiplications, or fill the lanes of a processor that multiplies 16 channels at a time. They want
sides that are multiples of 4, which painters give. A size computed while the graph runs is taken for the
double, so an exporter compares the pictures of both graphs.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import helper, numpy_helper

NARROW = 8  # output channels up to which a convolution leaves many lanes empty
WIDE = 5  # px from which a kernel may grow by one at little cost
PHASES = ((0, 0), (0, 1), (1, 0), (1, 1))  # row and column of the four pixels in a block of 2×2

Pattern = Any  # a variable's name, or (operator, pattern of its first input, …)

# As tf.nn.moments and tf.nn.batch_normalization write it.
_MEAN = ("GlobalAveragePool", "x")
_OFF = ("Sub", "x", _MEAN)
_VARIANCE = ("GlobalAveragePool", ("Mul", _OFF, _OFF))
_SCALE = ("Mul", ("Reciprocal", ("Sqrt", ("Add", _VARIANCE, "epsilon"))), "gamma")
_NORM = ("Add", ("Mul", "x", _SCALE), ("Sub", "beta", ("Mul", _MEAN, _SCALE)))

_REPEATED = ("Tile", ("Unsqueeze", ("Transpose", ("Tile", ("Unsqueeze", "x")))))  # tf.repeat along H, then W
_DOUBLED = (
    ("Conv", ("Pad", ("Resize", "x"), "pads"), "kernel"),
    ("Conv", ("Transpose", ("Pad", _REPEATED, "pads")), "kernel"),
)


def lighten(model: Any) -> None:
    """Rewrite an onnx.ModelProto in place; ``onnx_files.settle`` removes what is no longer needed.

    - Instance normalisation (Ulyanov et al. 2016) becomes one operator.
    - Doubling by nearest neighbour, mirrored by a pixel and convolved with 3×3, becomes a convolution with
      2×2 of the undoubled picture for each of the four pixels in a block: 4/9 of the multiplications.
    - A convolution with a wide kernel and few outputs gives the four pixels of a block as channels: at stride
      2, with a kernel wider by one and four times the outputs.
    """
    graph = _Graph(model.graph)
    for node in list(model.graph.node):
        if node.op_type == "Add":
            _norm(graph, node)
        elif node.op_type == "Conv" and _is_plain(graph, node):
            _after_doubling(graph, node) or _few_outputs(graph, node)


class _Graph:
    """A graph with its constants and the maker of each tensor at hand, as they were when it was opened."""

    def __init__(self, graph: Any) -> None:
        self.nodes = graph.node
        self.initializers = graph.initializer
        self.constants = {one.name: numpy_helper.to_array(one) for one in graph.initializer}
        self.makers = {name: node for node in graph.node for name in node.output}

    def match(self, name: str, pattern: Pattern, found: dict[str, str]) -> bool:
        """Whether a tensor is made as the pattern says; reshapes and further inputs do not matter.

        ``found`` gets the tensor of each variable, and of each operator the output nearest to ``name``.
        """
        if isinstance(pattern, str):
            return found.setdefault(pattern, name) == name
        maker = self.makers.get(name)
        while maker is not None and maker.op_type == "Reshape":
            maker = self.makers.get(maker.input[0])
        if maker is None or maker.op_type != pattern[0] or len(maker.input) < len(pattern) - 1:
            return False
        found.setdefault(maker.op_type, maker.output[0])
        pairs = zip(maker.input, pattern[1:], strict=False)
        return all(self.match(given, wanted, found) for given, wanted in pairs)

    def attribute(self, name: str, attribute: str) -> Any:
        """An attribute of the node that makes a tensor, or None."""
        given = {one.name: helper.get_attribute_value(one) for one in self.makers[name].attribute}
        return given.get(attribute)

    def add(self, operator: str, inputs: Sequence[str], output: str, **attributes: Any) -> str:
        self.nodes.append(helper.make_node(operator, inputs, [output], **attributes))
        return output

    def constant(self, value: Any, name: str) -> str:
        self.initializers.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def bias(self, conv: Any) -> list[str]:
        """The name of a convolution's bias for four pixels at once, if it has one."""
        given = [self.constants[name] for name in conv.input[2:]]
        return [self.constant(np.tile(one, 4), f"{conv.output[0]}/bias") for one in given]


def _norm(graph: _Graph, node: Any) -> bool:
    found: dict[str, str] = {}
    out = node.output[0]
    if not graph.match(out, _NORM, found) or found["epsilon"] not in graph.constants:
        return False
    maker = graph.makers.get(found["x"])
    if maker is None or maker.op_type != "Conv" or maker.input[1] not in graph.constants:
        return False  # nothing says how many channels there are
    channels = len(graph.constants[maker.input[1]])
    ones = graph.constant(np.ones(channels, np.float32), f"{out}/ones")
    zeros = graph.constant(np.zeros(channels, np.float32), f"{out}/zeros")
    epsilon = graph.constants[found["epsilon"]].item()
    normal = graph.add("InstanceNormalization", [found["x"], ones, zeros], f"{out}/normal", epsilon=epsilon)
    scaled = graph.add("Mul", [normal, found["gamma"]], f"{out}/scaled")
    graph.nodes.remove(node)
    graph.add("Add", [scaled, found["beta"]], out)
    return True


def _after_doubling(graph: _Graph, node: Any) -> bool:
    out, kernel = node.output[0], graph.constants[node.input[1]]
    found: dict[str, str] = {}
    if kernel.shape[2:] != (3, 3) or not any(graph.match(out, one, found := {}) for one in _DOUBLED):
        return False
    if not _is_mirrored_double(graph, found):
        return False
    graph.nodes.remove(node)
    room = graph.constant(np.array([0, 0, 1, 1, 0, 0, 1, 1]), f"{out}/room")
    # Of a doubled picture the mirrored pixel is that of the edge.
    around = graph.add("Pad", [found["x"], room], f"{out}/around", mode="edge")
    weights = graph.constant(np.concatenate([_halved(kernel, *phase) for phase in PHASES]), f"{out}/weights")
    four = graph.add("Conv", [around, weights, *graph.bias(node)], f"{out}/four")  # (B, 4·C, H + 1, W + 1)
    parts = [_part(graph, four, index, len(kernel)) for index in range(4)]
    together = graph.add("Concat", parts, f"{out}/together", axis=1)
    graph.add("DepthToSpace", [together], out, blocksize=2, mode="DCR")
    return True


def _is_mirrored_double(graph: _Graph, found: dict[str, str]) -> bool:
    """Whether what was found repeats every pixel, as far as that can be seen, and mirrors one at the edge."""
    pads = graph.constants.get(found["pads"], np.zeros(8)).tolist()
    mirrored = graph.attribute(found["Pad"], "mode") == b"reflect" and sorted(pads) == [0] * 4 + [1] * 4
    if "Resize" not in found:
        return mirrored
    given = graph.makers[found["Resize"]].input[2:3]  # scales; empty where a size is computed
    scales = [graph.constants[name].tolist() for name in given if name in graph.constants]
    nearest = graph.attribute(found["Resize"], "mode") == b"nearest"
    return mirrored and nearest and scales in ([], [[]], [[1, 1, 2, 2]])


def _halved(kernel: NDArray[np.float32], row: int, column: int) -> NDArray[np.float32]:
    """(O, I, 3, 3) for doubled pixels → (O, I, 2, 2) for those they come from, at one place in a block."""
    for axis, place in ((2, row), (3, column)):
        one, two, three = np.split(kernel, 3, axis)
        pair = (one, two + three) if place == 0 else (one + two, three)
        kernel = np.concatenate(pair, axis)
    return kernel


def _part(graph: _Graph, four: str, index: int, channels: int) -> str:
    """The channels of one pixel in a block, cut to (B, C, H, W)."""
    row, column = PHASES[index]
    starts = graph.constant(np.array([index * channels, row, column]), f"{four}/{index}/starts")
    last = np.iinfo(np.int64).max
    stops = [(index + 1) * channels, last if row else -1, last if column else -1]
    ends = graph.constant(np.array(stops), f"{four}/{index}/ends")
    axes = graph.constant(np.array([1, 2, 3]), f"{four}/{index}/axes")
    return graph.add("Slice", [four, starts, ends, axes], f"{four}/{index}")


def _few_outputs(graph: _Graph, node: Any) -> bool:
    out, kernel = node.output[0], graph.constants[node.input[1]]
    outputs, inputs, height, width = kernel.shape
    if outputs > NARROW or min(height, width) < WIDE:
        return False
    graph.nodes.remove(node)
    wider = np.zeros((4, outputs, inputs, height + 1, width + 1), np.float32)
    for index, (row, column) in enumerate(PHASES):
        wider[index, :, :, row : row + height, column : column + width] = kernel
    weights = graph.constant(wider.reshape(4 * outputs, *wider.shape[2:]), f"{out}/weights")
    four = graph.add("Conv", [node.input[0], weights, *graph.bias(node)], f"{out}/four", strides=[2, 2])
    graph.add("DepthToSpace", [four], out, blocksize=2, mode="DCR")
    return True


def _is_plain(graph: _Graph, node: Any) -> bool:
    """A convolution with constant weights, at stride 1, of one group, whose padding is done before it."""
    given = {one.name: helper.get_attribute_value(one) for one in node.attribute}
    alike = all(set(given.get(name, [1])) == {1} for name in ("strides", "dilations"))
    unpadded = not any(given.get("pads", [])) and given.get("auto_pad", b"NOTSET") == b"NOTSET"
    return alike and unpadded and given.get("group", 1) == 1 and set(node.input[1:]) <= graph.constants.keys()
