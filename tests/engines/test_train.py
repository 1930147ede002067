"""From examples to a trained network of any kind."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from pawtrait.classification import material, temperature, train
from pawtrait.classification.fit import Recipe


def recipe(knobs, name, capped=True, weights=None, **changes):
    model = knobs.models[name].model_copy(update=changes)
    return Recipe(name, model, knobs.train.model_copy(update={"capped": capped}), knobs.augment, 32, weights)


def loss_before(trained, examples):
    """The mean log loss of a model without its temperature."""
    cooled = np.log(train.probabilities(trained.model, examples.pixels, 32).astype(float))
    logits = cooled * trained.temperature
    return (np.logaddexp.reduce(logits, axis=1) - (logits * examples.targets).sum(axis=1)).mean()


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
    trained = train.train(recipe(knobs, "cnn", cap=6), coloured, coloured, 7, "cnn")
    assert len(trained.history) == 6
    answers = train.probabilities(trained.model, coloured.pixels, 32)
    assert (answers.argmax(axis=1) == coloured.targets.argmax(axis=1)).mean() > 0.9


def test_the_linear_probe_needs_no_mixed_precision(knobs, coloured):
    mixed = knobs.train.model_copy(update={"mixed_precision": True})
    made = replace(recipe(knobs, "linear_probe"), train=mixed)
    model = train.train(made, coloured, coloured, 7, "probe").model
    assert {layer.compute_dtype for layer in model._flatten_layers()} == {"float32"}


def test_what_was_trained_in_mixed_precision_answers_in_float32(knobs, coloured):
    mixed = knobs.train.model_copy(update={"mixed_precision": True})
    made = replace(recipe(knobs, "cnn", cap=1), train=mixed)
    trained = train.train(made, coloured, coloured, 7, "cnn")
    assert {layer.compute_dtype for layer in trained.model._flatten_layers()} == {"float32"}
    (row,) = trained.history
    assert row.val_loss == pytest.approx(loss_before(trained, coloured), abs=0.02)  # as it was in float16


def test_the_linear_probe_is_trained_by_the_same_call_with_one_row_of_history(knobs, coloured):
    trained = train.train(recipe(knobs, "linear_probe"), coloured, coloured, 7, "probe")
    (row,) = trained.history
    assert row.loss == pytest.approx(loss_before(trained, coloured), abs=1e-5)
    answers = train.probabilities(trained.model, coloured.pixels, 32)
    assert row.accuracy == (answers.argmax(axis=1) == coloured.targets.argmax(axis=1)).mean() > 0.9


def test_what_steers_is_not_learnt_from(knobs, coloured):
    half = len(coloured.pixels) // 2
    seen, held = coloured.take(np.arange(half)), coloured.take(np.arange(half, 2 * half))
    trained = train.train(recipe(knobs, "linear_probe"), seen, held, 7, "probe")
    (row,) = trained.history
    answers = train.probabilities(trained.model, held.pixels, 32)
    assert row.val_accuracy == (answers.argmax(axis=1) == held.targets.argmax(axis=1)).mean()
    assert row.val_loss > row.loss


def test_answers_do_not_depend_on_the_batch(knobs, coloured):
    model = train.train(recipe(knobs, "linear_probe"), coloured, coloured, 7, "probe").model
    together, apart = (train.probabilities(model, coloured.pixels[:7], batch) for batch in (7, 2))
    assert together.dtype == np.float32
    assert np.allclose(together, apart, atol=1e-6)


def test_answers_do_not_depend_on_how_many_are_float_at_once(knobs, coloured, monkeypatch):
    model = train.train(recipe(knobs, "linear_probe"), coloured, coloured, 7, "probe").model
    whole = train.probabilities(model, coloured.pixels[:7], 2)
    monkeypatch.setattr(train, "SLICE", 5)
    np.testing.assert_array_equal(train.probabilities(model, coloured.pixels[:7], 2), whole)


def test_folds_take_the_rows_they_name(coloured):
    some = coloured.take(np.array([5, 2]))
    assert np.array_equal(some.pixels, coloured.pixels[[5, 2]])
    assert np.array_equal(some.targets, coloured.targets[[5, 2]])
    assert np.array_equal(some.weights, coloured.weights[[5, 2]])


def test_the_pictures_of_a_group_share_a_weight_of_one():
    @dataclass
    class Row:
        group: str

    rows = [Row(group) for group in "abaa"]
    assert material.weights(rows) == pytest.approx([1 / 3, 1, 1 / 3, 1 / 3])


def test_joined_examples_are_these_then_those(coloured):
    both = coloured.take(np.array([5])).joined(coloured.take(np.array([2, 3])))
    assert np.array_equal(both.pixels, coloured.pixels[[5, 2, 3]])
    assert np.array_equal(both.targets, coloured.targets[[5, 2, 3]])
    assert both.weights.shape == (3,)


@pytest.mark.parametrize("name", ["linear_probe", "cnn"])
def test_every_network_is_as_sure_as_what_steers_it_says(knobs, coloured, monkeypatch, name):
    weights = np.linspace(0.1, 1.0, 48, dtype=np.float32)
    steer = replace(coloured, targets=np.roll(coloured.targets, 1, axis=1), weights=weights)
    given = (recipe(knobs, name, cap=1, early_stop=None), coloured, steer, 7, name)
    with monkeypatch.context() as patch:
        patch.setattr(temperature, "fit", lambda *_: 1.0)
        raw = train.probabilities(train.train(*given).model, steer.pixels, 32)
    trained = train.train(*given)
    assert trained.temperature == pytest.approx(temperature.fit(raw, steer.targets, weights), rel=1e-3)
    assert trained.temperature > 1.1  # it was wrong about most of them
    cooled = np.power(raw.astype(float), 1 / trained.temperature)
    answers = train.probabilities(trained.model, steer.pixels, 32)
    assert answers == pytest.approx(cooled / cooled.sum(axis=1, keepdims=True), abs=1e-4)


def test_copies_of_one_picture_count_as_one_for_the_linear_probe(knobs, coloured):
    """Twelve copies that share a weight teach what one does alone."""
    rows = np.arange(48)
    copies = np.concatenate([rows, np.full(11, 3)])
    weights = np.where(copies == 3, np.float32(1 / 12), np.float32(1))
    many = replace(coloured.take(copies), weights=weights)
    standard = recipe(knobs, "linear_probe")

    def answers(examples):
        model = train.train(standard, examples, coloured, 7, "probe").model
        return train.probabilities(model, coloured.pixels, 32)

    shared, unshared = answers(many), answers(coloured.take(copies))
    alone = answers(coloured)
    assert np.abs(shared - alone).max() < 1e-3 < np.abs(unshared - alone).max()
