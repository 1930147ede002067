"""The linear probe: scikit-learn's answers from a Keras model."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from pawtrait.classification import probe, train


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


def test_with_weights_the_features_are_the_trunks_pooled_maps_and_nothing_of_it_trains(made_up_weights):
    frozen = probe.features(32, made_up_weights("mobilenet_v2"), "native")
    assert frozen.output.shape == (None, 1280)
    assert frozen.trainable_variables == []


def test_only_the_softmax_on_top_has_coefficients(coloured):
    frozen = probe.features(32, None, "native")
    model = probe.assemble(frozen, np.zeros((192, 4), np.float32), np.zeros(4, np.float32))
    assert model.count_params() == 192 * 4 + 4
    assert np.allclose(train.probabilities(model, coloured.pixels[:2], 2), 0.25)
