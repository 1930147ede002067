"""An exported ONNX graph in one settled form, so that the same weights give the same bytes."""

from collections.abc import Mapping
from typing import Any


def settle(graph: Any, axes: Mapping[str, tuple[str, ...]]) -> None:
    """Order and name nodes and constants by their place in the graph; tf2onnx does it by memory addresses.

    What no output asks for is dropped.

    Args:
        graph: an onnx.GraphProto, changed in place.
        axes: for every input and output the names of its first axes, those that stay dynamic.
    """
    order = {node.output[0]: place for place, node in enumerate(_from_input_to_output(graph))}
    for node in [node for node in graph.node if node.output[0] not in order]:
        graph.node.remove(node)
    graph.node.sort(key=lambda node: order[node.output[0]])
    constants = {constant.name for constant in graph.initializer}
    used = dict.fromkeys(name for node in graph.node for name in node.input if name in constants)
    places = {name: place for place, name in enumerate(used)}
    names = {name: f"constant_{place}" for name, place in places.items()}
    names |= {entry.name: entry.name for entry in (*graph.input, *graph.output)}
    for place, node in enumerate(graph.node):
        node.name = f"{node.op_type}_{place}"
        for index, name in enumerate(node.output):
            names.setdefault(name, f"{node.name}:{index}")
        node.input[:] = [names.get(name, name) for name in node.input]
        node.output[:] = [names[name] for name in node.output]
    graph.initializer.sort(key=lambda constant: places.get(constant.name, len(places)))
    del graph.initializer[len(places) :]  # folded away
    for constant in graph.initializer:
        constant.name = names[constant.name]
    for entry in (*graph.input, *graph.output):
        for axis, name in enumerate(axes[entry.name]):
            entry.type.tensor_type.shape.dim[axis].dim_param = name  # a count through the process until now
    graph.ClearField("doc_string")  # this counts too
    graph.ClearField("value_info")  # shapes of what lies between, under the old names


def _from_input_to_output(graph: Any) -> list[Any]:
    """Every node after those it needs, in the order in which the outputs ask for them."""
    maker = {name: node for node in graph.node for name in node.output}
    done: dict[str, Any] = {}
    waiting = [maker[one.name] for one in reversed(graph.output)]
    while waiting:
        node = waiting[-1]
        needed = [maker[name] for name in node.input if name in maker]
        missing = [one for one in needed if one.output[0] not in done]
        if missing:
            waiting.append(missing[0])
        else:
            done[waiting.pop().output[0]] = node
    return list(done.values())
