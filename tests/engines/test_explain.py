"""Grad-CAM, on networks of which one knows where they look; the service's, on what the pipeline exports."""

import keras
import numpy as np
import pytest

from pawtrait.classification import explain, export, nets, predict, probe
from pawtrait.serving import explain as served

SLOW = pytest.mark.slow


def reds(places):
    """Grey pictures, each with a red square of 8 px at (row, column): uint8 (N, 32, 32, 3)."""
    pictures = np.full((len(places), 32, 32, 3), 90, np.uint8)
    for picture, (row, column) in zip(pictures, places, strict=True):
        picture[row : row + 8, column : column + 8] = (250, 20, 20)
    return pictures


@pytest.fixture(scope="module")
def red_finder():
    """Says the first mood where it sees red: one filter of red minus green, shrunk to 16 × 16 maps."""
    pixels = keras.Input((32, 32, 3), name="pixels")
    filters = keras.layers.Conv2D(2, 1, activation="relu")
    x = keras.layers.MaxPooling2D()(filters(keras.layers.Rescaling(1 / 255)(pixels)))
    dense = keras.layers.Dense(4, activation="softmax")
    model = keras.Model(pixels, dense(keras.layers.GlobalAveragePooling2D()(x)))
    kernel = np.array([[1.0, 0.3], [-1.0, 0.3], [0.0, 0.3]], np.float32)  # RGB → (redness, brightness)
    filters.set_weights([kernel[None, None], np.zeros(2, np.float32)])
    dense.set_weights(
        [np.array([[60, 0, 0, 0], [-1, 0, 0, 0]], np.float32), np.array([0, 0.5, 0, 0], np.float32)]
    )
    return model


def test_the_peak_lies_on_the_part_that_decides(red_finder):
    places = [(2, 2), (20, 6), (12, 22)]
    heat = explain.heat_maps(red_finder, reds(places))
    assert heat.shape == (3, 32, 32)
    for one, (row, column) in zip(heat, places, strict=True):
        peak_row, peak_column = np.unravel_index(one.argmax(), one.shape)
        assert row <= peak_row < row + 8
        assert column <= peak_column < column + 8
        inside = one[row : row + 8, column : column + 8].sum()
        assert inside > 0.7 * one.sum()


def test_heat_lies_between_zero_and_one_with_a_peak_of_one(red_finder):
    heat = explain.heat_maps(red_finder, reds([(2, 2)]))
    assert heat.dtype == np.float32
    assert heat.min() >= 0
    assert heat.max() == 1


def test_what_speaks_against_the_other_moods_is_warm_too(red_finder):
    grey = np.full((1, 32, 32, 3), 90, np.uint8)  # answered by the bias; brightness only lowers another mood
    assert explain.heat_maps(red_finder, grey).min() == pytest.approx(1)


def test_a_picture_of_which_nothing_speaks_stays_cold(red_finder):
    black = np.zeros((1, 32, 32, 3), np.uint8)
    assert explain.heat_maps(red_finder, black).max() == 0


def test_a_trunk_within_the_network_is_looked_into(made_up_weights):
    model = nets.build("mobilenet_v2", 32, 4, made_up_weights("mobilenet_v2"), 20, "native")
    heat = explain.heat_maps(model, reds([(2, 2), (20, 6)]))
    assert heat.shape == (2, 32, 32)


def test_a_network_is_cut_behind_its_trunk(made_up_weights):
    model = nets.build("mobilenet_v2", 64, 4, made_up_weights("mobilenet_v2"), 20, "native")
    body, head = explain._split(model)
    assert body.output.shape == (None, 2, 2, 1280)
    pixels = np.random.default_rng(3).uniform(0, 255, (3, 64, 64, 3)).astype(np.float32)
    np.testing.assert_allclose(head(body(pixels)), model(pixels), rtol=1e-4, atol=1e-6)


def test_the_studys_own_networks_show_where_they_look():
    for net in ("cnn", "deep_cnn"):
        heat = explain.heat_maps(nets.build(net, 32, 4, None, None, "native"), reds([(2, 2)]))
        assert heat.shape == (1, 32, 32)


def test_the_linear_probe_on_pixels_has_no_maps_to_show():
    frozen = probe.features(32, None, "native")
    model = probe.assemble(frozen, np.zeros((192, 4), np.float32), np.zeros(4, np.float32))
    assert explain.heat_maps(model, reds([(2, 2)])) is None


def test_explaining_changes_nothing_in_the_network(red_finder):
    before = [value.copy() for value in red_finder.get_weights()]
    explain.heat_maps(red_finder, reds([(2, 2)]))
    assert all(np.array_equal(a, b) for a, b in zip(before, red_finder.get_weights(), strict=True))


def test_an_overlay_is_warm_where_the_heat_is_and_leaves_the_rest_recognisable():
    picture = np.full((16, 16, 3), 128, np.uint8)
    heat = np.zeros((16, 16), np.float32)
    heat[4, 4] = 1.0
    laid = explain.overlay(picture, heat)
    assert laid.dtype == np.uint8
    red, _, blue = (int(value) for value in laid[4, 4])
    assert red > blue
    assert np.abs(laid[12, 12].astype(int) - 128).max() < 25


def test_the_service_s_map_of_an_exported_network_is_that_of_the_report(red_finder, tmp_path):
    pictures = reds([(2, 2), (20, 6), (12, 22)])
    path = tmp_path / "model.onnx"
    export.save_onnx(red_finder, path, pictures)
    explainer = served.Explainer(predict.Classifier(predict.session(path), {}, ""), served._cut(path))
    assert explainer.method == "grad-cam"
    for picture, expected in zip(pictures, explain.heat_maps(red_finder, pictures), strict=True):
        heat = explainer.heat(picture, 0)  # the mood that red means
        assert np.corrcoef(heat.ravel(), expected.ravel())[0, 1] > 0.99


@pytest.mark.parametrize(
    ("net", "channels", "side"),  # of the last feature maps
    [
        ("cnn", 32, 31),
        ("deep_cnn", 128, 13),
        pytest.param("mobilenet_v2", 1280, 2, marks=SLOW),
        pytest.param("resnet50", 2048, 2, marks=SLOW),
        pytest.param("efficientnet_b0", 1280, 2, marks=SLOW),
    ],
)
def test_the_service_finds_the_feature_maps_of_every_exported_network(net, channels, side, tmp_path):
    """Where it found none it would answer with occlusion maps, and nobody would hear of it."""
    model = nets.build(net, 64, 4, None, None, "native")
    path = tmp_path / "model.onnx"
    export.save_onnx(model, path, np.random.default_rng(1).integers(0, 256, (2, 64, 64, 3), np.uint8))
    cut = served._cut(path)
    assert cut is not None
    _, *shape = cut.body.get_outputs()[0].shape
    assert (cut.channels, shape) == (1, [channels, side, side])
    assert explain._split(model)[0].output.shape == (None, side, side, channels)  # the report's


@SLOW
@pytest.mark.parametrize(("side", "rows"), [(64, 4), (48, 3)])
def test_the_linear_probe_s_maps_are_found_before_its_halves(side, rows, made_up_weights, tmp_path):
    frozen = probe.features(side, made_up_weights("mobilenet_v2"), "native")
    chance = np.random.default_rng(2)
    kernel = chance.normal(size=(frozen.output.shape[1], 4)).astype(np.float32)
    model = probe.assemble(frozen, kernel, np.zeros(4, np.float32))
    pictures = chance.integers(0, 256, (2, side, side, 3), np.uint8)
    path = tmp_path / "model.onnx"
    export.save_onnx(model, path, pictures)
    cut = served._cut(path)
    assert cut is not None
    maps = predict.run(cut.body, pictures[:1])
    assert sorted(maps.shape[1:]) == [rows, rows, 576 + 1280]
    assert explain._split(model)[0].output.shape == (None, rows, rows, 576 + 1280)
    explainer = served.Explainer(predict.Classifier(predict.session(path), {}, ""), cut)
    for picture, expected in zip(pictures, explain.heat_maps(model, pictures), strict=True):
        mood = int(model(picture[np.newaxis].astype(np.float32))[0].numpy().argmax())
        assert np.corrcoef(explainer.heat(picture, mood).ravel(), expected.ravel())[0, 1] > 0.99
