"""Temperature scaling: the right sureness, the same label, no running away."""

import keras
import numpy as np
import pytest

from pawtrait.classification import temperature

COUNT = 4000


def drawn(rng, sharpness, count=COUNT):
    """Answers of a network, and truths that occur as often as softmax(logits / sharpness) says."""
    logits = rng.normal(0, 2, (count, 4))
    honest = softmax(logits / sharpness)
    truth = np.array([rng.choice(4, p=row) for row in honest])
    return softmax(logits).astype(np.float32), np.eye(4, dtype=np.float32)[truth]


def softmax(logits):
    raised = np.exp(logits - logits.max(axis=1, keepdims=True))
    return raised / raised.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("sharpness", [0.5, 1.0, 2.5])
def test_it_finds_how_much_too_sure_the_answers_are(sharpness):
    answers, targets = drawn(np.random.default_rng(4), sharpness)
    assert temperature.fit(answers, targets, np.ones(COUNT, np.float32)) == pytest.approx(sharpness, rel=0.07)


def test_few_pictures_that_are_all_right_make_nothing_certain():
    sure = np.array([[0.7, 0.1, 0.1, 0.1]], np.float32)
    found = temperature.fit(sure, np.eye(4, dtype=np.float32)[:1], np.ones(1, np.float32))
    assert 0.5 < found < 1  # without the prior: as low as it may


def test_an_answer_of_zero_that_was_right_is_a_number_not_a_hole():
    answers = np.array([[0.0, 1.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0]], np.float32)
    found = temperature.fit(answers, np.eye(4, dtype=np.float32)[:2], np.ones(2, np.float32))
    assert 5 < found <= 20


def test_weights_let_copies_count_as_one():
    answers, targets = drawn(np.random.default_rng(5), 2.0, 40)
    once = temperature.fit(answers, targets, np.ones(40, np.float32))
    copies = np.concatenate([np.arange(40), np.full(30, 7)])
    shared = np.where(copies == 7, np.float32(1 / 31), np.float32(1))
    assert temperature.fit(answers[copies], targets[copies], shared) == pytest.approx(once, rel=1e-3)
    assert temperature.fit(answers[copies], targets[copies], np.ones(70, np.float32)) != pytest.approx(
        once, rel=1e-2
    )


@pytest.mark.parametrize("degree", [0.5, 3.0])
def test_folded_in_it_divides_the_logits_and_keeps_the_label(degree):
    keras.utils.set_random_seed(2)
    pixels = keras.Input((5,))
    model = keras.Model(pixels, keras.layers.Dense(4, activation="softmax", name="probabilities")(pixels))
    model.get_layer("probabilities").set_weights(
        [np.random.default_rng(1).normal(size=shape).astype(np.float32) for shape in ((5, 4), (4,))]
    )
    inputs = np.random.default_rng(3).normal(size=(20, 5)).astype(np.float32)
    before = model.predict(inputs, verbose=0).astype(float)
    temperature.fold(model, degree)
    after = model.predict(inputs, verbose=0)
    assert np.abs(after - softmax(np.log(before) / degree)).max() < 1e-6
    assert np.array_equal(after.argmax(axis=1), before.argmax(axis=1))
