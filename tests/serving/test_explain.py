"""Grad-CAM from differences is Grad-CAM: against the formula, worked out by hand for a small network."""

import threading
from concurrent.futures import ThreadPoolExecutor, as_completed
from functools import partial
from itertools import islice

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from pawtrait import sealed
from pawtrait.dataset.labels import LABELS
from pawtrait.serving import explain, models
from pawtrait.serving.places import Place
from tests.serving.callers import pixels, png

SIDE, CHANNELS = 32, 5
CHANCE = np.random.default_rng(3)
KERNEL = CHANCE.normal(size=(CHANNELS, 3, 3, 3)).astype(np.float32) / 255
DENSE = CHANCE.normal(size=(CHANNELS, 4)).astype(np.float32)


@pytest.fixture(params=[False, True], ids=["channels first", "channels last"])
def folder(request, tmp_path):
    """Convolution, mean over the picture, dense, softmax; the maps in either order."""
    last = request.param
    nodes = [
        helper.make_node("Transpose", ["pixels"], ["first"], perm=[0, 3, 1, 2]),
        helper.make_node("Conv", ["first", "kernel"], ["conv"], strides=[4, 4]),
        helper.make_node("Relu", ["conv"], ["relu"]),
    ]
    if last:
        nodes.append(helper.make_node("Transpose", ["relu"], ["maps"], perm=[0, 2, 3, 1]))
    mean = helper.make_node("ReduceMean", ["maps" if last else "relu"], ["mean"], keepdims=0)
    mean.attribute.append(helper.make_attribute("axes", [1, 2] if last else [2, 3]))
    nodes += [
        mean,
        helper.make_node("MatMul", ["mean", "dense"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1),
    ]
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["N", SIDE, SIDE, 3])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["N", 4])],
        [numpy_helper.from_array(KERNEL, "kernel"), numpy_helper.from_array(DENSE, "dense")],
    )
    network = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    where = tmp_path / "small"
    where.mkdir()
    onnx.save(network, where / "model.onnx")
    sealed.write_facts(where, {"name": "small", "net": "small", "side": SIDE, "labels": list(LABELS)})
    sealed.seal(where)
    return where


def by_hand(square, mood):
    """Weights are the gradients, which are constant here: relu of the weighted sum of the maps, (h, w)."""
    places = range(0, SIDE - 2, 4)
    patches = np.array([[square[y : y + 3, x : x + 3] for x in places] for y in places], np.float32)
    maps = np.maximum(np.einsum("yxabc,kcab->yxk", patches, KERNEL), 0)
    logits = maps.mean(axis=(0, 1)) @ DENSE
    likely = np.exp(logits - logits.max())
    return np.maximum(maps @ (DENSE[:, mood] - DENSE @ (likely / likely.sum())), 0)


@pytest.mark.parametrize("mood", range(4))
def test_the_maps_are_those_of_the_formula(folder, mood):
    noise = np.random.default_rng(mood).integers(-60, 60, (SIDE, SIDE, 3))
    square = (pixels("sad", SIDE).astype(int) + noise).clip(0, 255).astype(np.uint8)
    cut = explain._cut(folder / "model.onnx")
    got, expected = explain._gradcam(cut, square, mood), by_hand(square, mood)
    scale = got.sum() / expected.sum() if expected.sum() else 0.0  # the mean's division by the area
    assert (got.sum() > 0) == (expected.sum() > 0)
    assert np.abs(got - scale * expected).max() <= 1e-3 * max(got.max(), 1e-6)


def test_a_heat_map_has_the_pictures_size_and_lies_between_0_and_1(folder):
    explainer = explain.Explainer(
        models.load(Place("x", "1", "", folder)).classifier, explain._cut(folder / "model.onnx")
    )
    square = pixels("angry", SIDE)
    spoken = [mood for mood in range(4) if by_hand(square, mood).any()]  # for the others no map speaks
    assert spoken
    for mood in spoken:
        heat = explainer.heat(square, mood)
        assert explainer.method == "grad-cam" and heat.shape == (SIDE, SIDE)
        assert heat.min() >= 0 and heat.max() == 1


def test_without_feature_maps_hidden_patches_tell(colour_model):
    """One quarter is sad among happy ones: only hiding it costs the answer `sad` anything."""
    classifier = models.load(Place("x", "1", "", colour_model("vague", sharpness=0.05))).classifier
    square = pixels("happy", SIDE)
    square[:16, :16] = pixels("sad", SIDE)[:16, :16]
    explainer = explain.Explainer(classifier, explain._cut(colour_model("again") / "model.onnx"))
    heat = explainer.heat(square, 1)
    assert explainer.method == "occlusion"
    assert heat[2:14, 2:14].mean() > 5 * heat[18:, 18:].mean()


def test_of_a_flood_as_many_are_explained_as_there_is_room_for(serving, monkeypatch):
    monkeypatch.setattr(explain, "MOST", 2)
    service, free = serving(timeout=60, wait=60), threading.Event()
    thread = service.app.state.door.explainers._thread
    thread.submit(free.wait, 60)  # nothing is done before all have come
    ask = partial(
        service.post, "/v1/moods?explain=true", content=png(), headers={"content-type": "image/png"}
    )
    with ThreadPoolExecutor(20) as crowd:
        asked = [crowd.submit(ask) for _ in range(20)]
        refused = [one.result() for one in islice(as_completed(asked, 50), 18)]
        in_hand = thread._work_queue.qsize()
        free.set()
    assert {(one.status_code, one.headers["retry-after"]) for one in refused} == {(429, "1")}
    answered = [one.result().json()["answers"][0] for one in asked if one.result().status_code == 200]
    assert [one["explanation"]["method"] for one in answered] == ["occlusion"] * 2
    assert in_hand <= 2 and ask().status_code == 200  # the places are free again


def test_an_overlay_keeps_the_pictures_shape():
    shown = explain.overlay(pixels("sad", 60)[:40], np.ones((SIDE, SIDE), np.float32))
    assert shown.shape == (40, 60, 3) and shown.dtype == np.uint8
