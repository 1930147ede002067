"""The study's networks: sizes, what trains, what every trunk gets to see."""

from pathlib import Path

import keras
import numpy as np
import pytest

from pawtrait.classification import nets
from pawtrait.errors import BadWeights

BatchNorm = keras.layers.BatchNormalization
PICTURES = np.random.default_rng(1).uniform(0, 255, (8, 32, 32, 3)).astype(np.float32)


def build(net, weights=None, trainable=None, side=32, input_range="native"):
    return nets.build(net, side, 4, weights, trainable, input_range)


def trunk_of(model):
    return next(layer for layer in model.layers if isinstance(layer, keras.Model))


def statistics(layer):
    """The moving mean and variance of every norm inside."""
    norms = [one for one in layer._flatten_layers() if isinstance(one, BatchNorm)]
    return [np.array(value) for norm in norms for value in (norm.moving_mean, norm.moving_variance)]


@pytest.mark.parametrize(
    ("net", "parameters"),
    [
        ("cnn", 8_129_732),
        ("deep_cnn", 55_443_396),
        ("mobilenet_v2", 2_345_368),
        pytest.param("efficientnet_b5", 29_079_675, marks=pytest.mark.slow),
    ],
)
def test_a_network_has_exactly_as_many_parameters_as_the_studys(net, parameters):
    assert build(net, side=128).count_params() == parameters


# What no count of parameters tells of the study's table: dropout, L2, pooling, activations.
LAYERS = {
    "cnn": "conv 32 relu, pool, flatten, dense 64 relu",
    "deep_cnn": "conv 64 relu, norm, conv 64 relu, pool, drop 0.3,"
    " conv 128 relu, norm, conv 128 relu, pool, drop 0.3,"
    " flatten, dense 512 relu, dense 128 relu L2 0.0001, drop 0.5",
    "resnet50": "average, dense 256 relu, drop 0.5, dense 128 relu L2 0.01, drop 0.5",
    "mobilenet_v2": "average, drop 0.5, dense 68 relu L2 0.0001, drop 0.6",
    "efficientnet_b5": "maximum, norm, dense 256 relu, dense 128 relu L2 0.0001, drop 0.4",
}


@pytest.mark.parametrize("net", LAYERS)
def test_a_network_has_the_layers_of_the_study(net):
    if net in nets._OWN:
        above = build(net).layers[2:]  # pixels and their scaling
    else:
        maps = keras.Input((4, 4, 8))
        above = keras.Model(maps, nets._HEADS[net](maps, 4)).layers[1:]
    assert ", ".join(told(layer) for layer in above) == f"{LAYERS[net]}, dense 4 softmax"


def told(layer):
    """A layer in the words of the study's table."""
    words = {
        "MaxPooling2D": "pool",
        "Flatten": "flatten",
        "BatchNormalization": "norm",
        "GlobalAveragePooling2D": "average",
        "GlobalMaxPooling2D": "maximum",
    }
    if isinstance(layer, keras.layers.Dropout):
        return f"drop {layer.rate}"
    if isinstance(layer, keras.layers.Conv2D):
        assert (layer.kernel_size, layer.strides, layer.padding) == ((3, 3), (1, 1), "valid")
        return f"conv {layer.filters} {layer.activation.__name__}"
    if isinstance(layer, keras.layers.Dense):
        penalty = f" L2 {layer.kernel_regularizer.l2:g}" if layer.kernel_regularizer else ""
        return f"dense {layer.units} {layer.activation.__name__}{penalty}"
    return words[type(layer).__name__]


@pytest.mark.parametrize("net", ["cnn", "deep_cnn", "mobilenet_v2"])
def test_answers_are_probabilities_of_the_moods(net):
    answers = np.array(build(net)(PICTURES))
    assert answers.shape == (8, 4)
    assert np.allclose(answers.sum(axis=1), 1, atol=1e-5)
    assert answers.min() >= 0


def test_norms_of_a_loaded_trunk_stay_in_inference_mode_and_new_ones_train(made_up_weights):
    model = build("efficientnet_b0", made_up_weights("efficientnet_b0"))
    trunk = trunk_of(model)
    new = next(layer for layer in model.layers if isinstance(layer, BatchNorm))
    before, new_before = statistics(trunk), statistics(new)
    model(PICTURES, training=True)
    assert all(np.array_equal(old, now) for old, now in zip(before, statistics(trunk), strict=True))
    assert not np.array_equal(new_before[0], statistics(new)[0])


def test_a_loaded_trunk_gives_training_the_maps_that_it_gives_inference(made_up_weights):
    model = build("mobilenet_v2", made_up_weights("mobilenet_v2"))
    pooled = next(layer for layer in model.layers if "pooling" in layer.name).output
    maps = keras.Model(model.input, pooled)
    assert np.array_equal(np.array(maps(PICTURES, training=True)), np.array(maps(PICTURES, training=False)))


def test_norms_of_a_random_start_train():
    model = build("mobilenet_v2")
    before = statistics(trunk_of(model))
    model(PICTURES, training=True)
    assert not np.array_equal(before[0], statistics(trunk_of(model))[0])


def test_a_random_start_trains_every_layer_whatever_the_recipe_freezes():
    model = build("mobilenet_v2", trainable=20)
    assert all(layer.trainable for layer in trunk_of(model).layers)
    assert all(layer.trainable for layer in model.layers)


def test_of_a_loaded_trunk_the_last_layers_train_and_no_others(made_up_weights):
    model = build("mobilenet_v2", made_up_weights("mobilenet_v2"), trainable=20)
    layers = trunk_of(model).layers
    norms = [isinstance(layer, BatchNorm) for layer in layers]
    assert not any(layer.trainable for layer in layers[:-20])
    assert [layer.trainable for layer in layers[-20:]] == [not norm for norm in norms[-20:]]
    assert all(layer.trainable for layer in model.layers)


def test_without_a_number_all_of_a_loaded_trunk_but_its_norms_trains(made_up_weights):
    layers = trunk_of(build("mobilenet_v2", made_up_weights("mobilenet_v2"))).layers
    assert all(layer.trainable != isinstance(layer, BatchNorm) for layer in layers)


def test_the_files_values_arrive_in_the_trunk(made_up_weights):
    loaded = trunk_of(build("mobilenet_v2", made_up_weights("mobilenet_v2")))
    assert np.ptp(np.array(loaded.get_layer("bn_Conv1").gamma)) > 0.1  # a fresh norm has ones


def test_efficientnet_from_a_file_sees_what_keras_shows_it_with_imagenet_weights(
    made_up_weights, monkeypatch
):
    file = made_up_weights("efficientnet_b0")
    monkeypatch.setattr(  # Keras would download, and refuse made-up values by their hash
        "keras.src.applications.efficientnet.file_utils.get_file", lambda *_, **__: str(file)
    )
    theirs = keras.applications.EfficientNetB0(include_top=False, weights="imagenet", input_shape=(32, 32, 3))
    pixels = keras.Input((32, 32, 3))
    trunk = nets.load_trunk("efficientnet_b0", 32, file)
    ours = keras.Model(pixels, nets.run_trunk("efficientnet_b0", trunk, pixels, True, "native"))
    expected = np.array(theirs(PICTURES, training=False))
    got = np.array(ours(PICTURES, training=False))
    assert np.abs(got - expected).max() < 1e-4
    plain = np.array(trunk(PICTURES, training=False))  # what the file alone would give
    assert np.abs(plain - expected).max() > 1e-2


def shown(net, input_range="native"):
    """What the trunk of a network gets to see of PICTURES."""
    pixels, inside = keras.Input((32, 32, 3)), keras.Input((32, 32, 3))
    mirror = keras.Model(inside, keras.layers.Identity()(inside))
    return np.array(keras.Model(pixels, nets.run_trunk(net, mirror, pixels, True, input_range))(PICTURES))


def test_resnet50_sees_what_keras_own_preprocessing_makes():
    expected = keras.applications.resnet50.preprocess_input(PICTURES.copy())
    assert np.allclose(shown("resnet50"), expected, atol=1e-4)


def test_mobilenet_v2_sees_what_keras_own_preprocessing_makes():
    expected = keras.applications.mobilenet_v2.preprocess_input(PICTURES.copy())
    assert np.allclose(shown("mobilenet_v2"), expected, atol=1e-6)


@pytest.mark.parametrize("net", ["resnet50", "mobilenet_v2", "efficientnet_b0"])
def test_the_unit_range_feeds_every_trunk_as_the_study_did(net):
    assert np.allclose(shown(net, "unit"), PICTURES / 255, atol=1e-6)


def test_a_file_that_is_no_weights_file_is_named(tmp_path: Path):
    file = tmp_path / "mobilenet_v2_notop.h5"
    file.write_text("<html>not found</html>")
    with pytest.raises(BadWeights, match=r"mobilenet_v2_notop\.h5: not the weights of mobilenet_v2"):
        build("mobilenet_v2", file)


def test_weights_of_another_network_are_refused(made_up_weights):
    with pytest.raises(BadWeights, match="not the weights of mobilenet_v2"):
        build("mobilenet_v2", made_up_weights("efficientnet_b0"))
