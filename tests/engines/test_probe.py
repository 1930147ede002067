"""The linear probe: scikit-learn's answers from a Keras model."""

import keras
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from pawtrait.classification import nets, probe, train


def scikit_learn(inputs, classes, strength):
    return make_pipeline(StandardScaler(), LogisticRegression(C=strength, max_iter=2000)).fit(inputs, classes)


@pytest.mark.parametrize("strength", [0.01, 1.0])
def test_the_keras_model_gives_scikit_learns_probabilities(coloured, strength):
    frozen = probe.features(32, None, "native")
    inputs, classes = train.probabilities(frozen, coloured.pixels, 16), coloured.targets.argmax(axis=1)
    model = probe.assemble(frozen, *probe.regress(inputs, classes, coloured.weights, strength))
    expected = scikit_learn(inputs, classes, strength).predict_proba(inputs)
    assert expected.std() > 0.1
    assert np.abs(train.probabilities(model, coloured.pixels, 16) - expected).max() < 1e-5


def test_a_feature_that_never_changes_does_no_harm(coloured):
    rng = np.random.default_rng(2)
    classes = coloured.targets.argmax(axis=1)
    inputs = np.column_stack([rng.normal(size=48), np.full(48, 3.0), classes]).astype(np.float32)
    kernel, bias = probe.regress(inputs, classes, coloured.weights, 1.0)
    logits = inputs @ kernel + bias
    likely = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    assert np.abs(likely - scikit_learn(inputs, classes, 1.0).predict_proba(inputs)).max() < 1e-5


def test_without_weights_the_features_are_the_picture_averaged_over_four_by_four_pixels(coloured):
    pixels = coloured.pixels[:1]
    got = train.probabilities(probe.features(32, None, "native"), pixels, 1)
    expected = pixels.reshape(1, 8, 4, 8, 4, 3).mean(axis=(2, 4)) / 255
    assert np.allclose(got, expected.reshape(1, -1), atol=1e-6)


@pytest.mark.parametrize("side", [32, 48])  # 48 px make tapped maps of an odd height, 3
def test_with_weights_the_features_are_two_of_the_trunks_maps_by_halves_and_nothing_of_it_trains(
    side, made_up_weights
):
    weights = made_up_weights("mobilenet_v2")
    frozen = probe.features(side, weights, "native")
    assert frozen.output.shape == (None, 2 * (576 + 1280))
    assert frozen.trainable_variables == []
    trunk = nets.load_trunk("mobilenet_v2", side, weights)
    pixels = np.random.default_rng(1).integers(0, 256, (2, side, side, 3)).astype(np.float32)
    maps = keras.Model(trunk.input, [trunk.get_layer("block_13_expand_relu").output, trunk.output])
    tapped, last = (np.asarray(one) for one in maps(pixels / 127.5 - 1))
    places = np.arange(tapped.shape[1]) // 2
    large = last[:, places][:, :, places]
    both, half = np.concatenate([tapped, large], axis=-1), -(-tapped.shape[1] // 2)
    expected = [both[:, :half].mean(axis=(1, 2)), both[:, -half:].mean(axis=(1, 2))]
    assert np.allclose(frozen(pixels), np.concatenate(expected, axis=1), rtol=1e-4, atol=1e-5)


def test_only_the_softmax_on_top_has_coefficients(coloured):
    frozen = probe.features(32, None, "native")
    model = probe.assemble(frozen, np.zeros((192, 4), np.float32), np.zeros(4, np.float32))
    assert model.count_params() == 192 * 4 + 4
    assert np.allclose(train.probabilities(model, coloured.pixels[:2], 2), 0.25)
