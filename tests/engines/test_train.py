"""From examples to a trained network of any kind."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pawtrait.classification import train
from pawtrait.classification.train import Recipe


def recipe(knobs, name, capped=True, weights=None, **changes):
    model = knobs.models[name].model_copy(update=changes)
    return Recipe(name, model, knobs.train.model_copy(update={"capped": capped}), knobs.augment, 32, weights)


def test_a_capped_training_stops_at_the_cap_and_no_cap_lengthens_it(knobs):
    assert recipe(knobs, "cnn", epochs=10, cap=6).epochs == 6
    assert recipe(knobs, "cnn", epochs=10, cap=60).epochs == 10
    assert recipe(knobs, "cnn", capped=False, epochs=10, cap=6).epochs == 10


@pytest.mark.parametrize(
    ("name", "weights", "words"),
    [
        ("linear_probe", None, "pixels"),
        ("linear_probe", Path("some.h5"), "features: ImageNet"),
        ("mobilenet_v2", None, "random start"),
        ("mobilenet_v2", Path("some.h5"), "ImageNet"),
        ("cnn", None, "random start"),
    ],
)
def test_the_start_is_told_in_words(knobs, name, weights, words):
    assert recipe(knobs, name, weights=weights).start == words


def test_a_network_learns_the_colours(knobs, coloured):
    model, history = train.train(recipe(knobs, "cnn", cap=6), coloured, coloured, 7, "cnn")
    assert len(history) == 6
    answers = train.probabilities(model, coloured.pixels, 32)
    assert (answers.argmax(axis=1) == coloured.targets.argmax(axis=1)).mean() > 0.9


def test_the_linear_probe_needs_no_mixed_precision(knobs, coloured):
    mixed = knobs.train.model_copy(update={"mixed_precision": True})
    made = replace(recipe(knobs, "linear_probe"), train=mixed)
    model, _ = train.train(made, coloured, coloured, 7, "probe")
    assert {layer.compute_dtype for layer in model._flatten_layers()} == {"float32"}


def test_what_was_trained_in_mixed_precision_answers_in_float32(knobs, coloured):
    mixed = knobs.train.model_copy(update={"mixed_precision": True})
    made = replace(recipe(knobs, "cnn", cap=1), train=mixed)
    model, (row,) = train.train(made, coloured, coloured, 7, "cnn")
    assert {layer.compute_dtype for layer in model._flatten_layers()} == {"float32"}
    answers = train.probabilities(model, coloured.pixels, 32).astype(float)
    loss = -np.log((answers * coloured.targets).sum(axis=1)).mean()
    assert row.val_loss == pytest.approx(loss, abs=0.02)  # as it was in float16


def test_the_linear_probe_is_trained_by_the_same_call_with_one_row_of_history(knobs, coloured):
    model, (row,) = train.train(recipe(knobs, "linear_probe"), coloured, coloured, 7, "probe")
    answers = train.probabilities(model, coloured.pixels, 32).astype(float)
    right = (answers * coloured.targets).sum(axis=1)
    assert row.loss == pytest.approx(-np.log(right).mean(), abs=1e-5)
    assert row.accuracy == (answers.argmax(axis=1) == coloured.targets.argmax(axis=1)).mean() > 0.9


def test_what_steers_is_not_learnt_from(knobs, coloured):
    half = len(coloured.pixels) // 2
    seen, held = coloured.take(np.arange(half)), coloured.take(np.arange(half, 2 * half))
    model, (row,) = train.train(recipe(knobs, "linear_probe"), seen, held, 7, "probe")
    answers = train.probabilities(model, held.pixels, 32)
    assert row.val_accuracy == (answers.argmax(axis=1) == held.targets.argmax(axis=1)).mean()
    assert row.val_loss > row.loss


def test_answers_do_not_depend_on_the_batch(knobs, coloured):
    model, _ = train.train(recipe(knobs, "linear_probe"), coloured, coloured, 7, "probe")
    together, apart = (train.probabilities(model, coloured.pixels[:7], batch) for batch in (7, 2))
    assert together.dtype == np.float32
    assert np.allclose(together, apart, atol=1e-6)


def test_folds_take_the_rows_they_name(coloured):
    some = coloured.take(np.array([5, 2]))
    assert np.array_equal(some.pixels, coloured.pixels[[5, 2]])
    assert np.array_equal(some.targets, coloured.targets[[5, 2]])
