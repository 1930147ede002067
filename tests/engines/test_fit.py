"""Training by a recipe: what it reports, when it stops, and that it repeats itself."""

import re
from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf

from pawtrait import environment
from pawtrait.classification import fit, nets
from pawtrait.errors import BadTraining
from pawtrait.params import Plateau

KEYS = ("loss", "accuracy", "val_loss", "val_accuracy")


def trained(examples, knobs, epochs=3, valid=None, seed=7, augment=False, **changes):
    """A cnn after at most so many epochs, and its history."""
    fit.prepare(seed, False)
    model = nets.build("cnn", 32, 4, None, None, "native")
    made = recipe(knobs, epochs, **changes, augment=augment)
    return model, fit.fit(model, examples, valid or examples, made, seed, "cnn on colours")


def recipe(knobs, epochs, **changes):
    """The cnn's, changed, for at most so many epochs."""
    tuned = knobs.models["cnn"].model_copy(update={"augment": False, **changes, "epochs": epochs})
    plain = knobs.train.model_copy(update={"capped": False, "batch": 16, "checkpoint_seconds": 0.0})
    return fit.Recipe("cnn", tuned, plain, knobs.augment, 32, None)


def mislabelled(examples):
    """The same pictures with the next mood: the better a network learns the one, the worse the other."""
    return replace(examples, targets=np.roll(examples.targets, 1, axis=1))


def test_history_has_a_row_an_epoch_with_the_figures_of_keras(coloured, knobs):
    model, history = trained(coloured, knobs)
    assert [row.epoch for row in history] == [0, 1, 2]
    assert history[-1].loss < history[0].loss
    assert {row.learning_rate for row in history} == {1e-3}
    loss, accuracy = model.evaluate(coloured.pixels.astype(np.float32), coloured.targets, verbose=0)
    assert (history[-1].val_loss, history[-1].val_accuracy) == pytest.approx((loss, accuracy), abs=1e-5)


def test_validation_pictures_stay_as_small_as_they_are(coloured, knobs, monkeypatch):
    held, fitting = [], keras.Model.fit
    monkeypatch.setattr(
        keras.Model, "fit", lambda *given, **named: held.append(named) or fitting(*given, **named)
    )
    trained(coloured, knobs, epochs=1)
    assert held[0]["validation_data"][0] is coloured.pixels  # no copy, of float32 four times as large


def test_tensorflow_traces_a_training_step_once(coloured, knobs, monkeypatch):
    traces, step = [], keras.Model.train_step
    monkeypatch.setattr(keras.Model, "train_step", lambda *given: traces.append(1) or step(*given))
    trained(coloured, knobs, epochs=2)
    assert len(traces) == 1


def test_colours_are_learnt(coloured, knobs):
    _, history = trained(coloured, knobs, epochs=8)
    assert history[-1].val_accuracy > 0.9


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(coloured, knobs):
    first, again, other = (
        trained(coloured, knobs, epochs=1, augment=True, seed=seed)[0].get_weights() for seed in (7, 7, 8)
    )
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first[0], other[0])


def test_early_stopping_ends_it_and_brings_back_the_best_weights(coloured, knobs):
    valid = mislabelled(coloured)
    model, history = trained(coloured, knobs, epochs=12, valid=valid, early_stop=2)
    losses = [row.val_loss for row in history]
    best = int(np.argmin(losses))
    assert len(history) == best + 3 < 12
    loss, _ = model.evaluate(valid.pixels.astype(np.float32), valid.targets, verbose=0)
    assert loss == pytest.approx(losses[best], abs=1e-5)


def test_on_a_plateau_the_learning_rate_falls_to_its_floor_and_no_further(coloured, knobs):
    plateau = Plateau(factor=0.1, patience=1, floor=5e-5)
    _, history = trained(coloured, knobs, epochs=8, valid=mislabelled(coloured), plateau=plateau)
    rates = [row.learning_rate for row in history]
    assert rates[0] == pytest.approx(1e-3)
    assert 1e-4 in [pytest.approx(rate) for rate in rates]
    assert rates[-1] == pytest.approx(5e-5)
    assert rates == sorted(rates, reverse=True)


def test_a_loss_that_is_no_number_is_told_and_nothing_is_kept(coloured, knobs, tmp_path):
    broken = replace(coloured, targets=np.full_like(coloured.targets, np.nan))
    fit.prepare(7, False)
    model = nets.build("cnn", 32, 4, None, None, "native")
    with pytest.raises(
        BadTraining, match=r"^cnn: loss is no number after epoch 1; lower the model's learning_rate"
    ):
        fit.fit(model, broken, coloured, recipe(knobs, 3), 7, "cnn", tmp_path / "kept")
    assert not list(tmp_path.rglob("*.*"))


def test_a_training_that_breaks_off_gives_the_terminal_its_cursor_back(coloured, knobs, monkeypatch, capsys):
    monkeypatch.setenv("FORCE_COLOR", "1")  # rich then takes standard error for a terminal
    monkeypatch.setenv("TERM", "xterm")
    with pytest.raises(BadTraining):
        trained(replace(coloured, targets=np.full_like(coloured.targets, np.nan)), knobs)
    said = capsys.readouterr().err
    assert said.rindex("\x1b[?25h") > said.rindex("\x1b[?25l")


def test_in_a_log_every_epoch_is_one_line_with_its_figures(coloured, knobs, capsys):
    trained(coloured, knobs, epochs=3)
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(" loss")[0] for line in lines] == [
        f"cnn on colours: epoch {number}/3" for number in (1, 2, 3)
    ]
    assert all(f" {key} 0." in line or f" {key} 1." in line for line in lines for key in KEYS)
    assert all(re.search(r", \d:\d\d:\d\d left at most$", line) for line in lines)
    assert lines[-1].endswith(", 0:00:00 left at most")


def test_in_a_terminal_a_bar_names_loss_accuracy_and_the_time_left(coloured, knobs, capsys, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")  # rich then takes standard error for a terminal
    monkeypatch.setenv("COLUMNS", "160")
    trained(coloured, knobs, epochs=2)
    shown = capsys.readouterr().err
    assert "cnn on colours" in shown
    assert "6/6" in shown  # two epochs of three batches
    assert "val_accuracy" in shown
    assert "epoch 1/2" not in shown


def test_memory_of_a_gpu_grows_with_need(monkeypatch):
    grows = []
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [f"{kind}:0", f"{kind}:1"])
    monkeypatch.setattr(tf.config.experimental, "set_memory_growth", lambda *given: grows.append(given))
    fit.prepare(7, False)
    assert grows == [("GPU:0", True), ("GPU:1", True)]


@pytest.mark.parametrize(("cards", "lines"), [([], 0), (["0"], 1)])
def test_a_gpu_that_tensorflow_does_not_see_is_told_once(monkeypatch, capsys, cards, lines):
    monkeypatch.setattr(environment, "gpus", lambda: cards)
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [])
    fit._tell_of_idle_gpus.cache_clear()
    for _ in range(2):
        fit.prepare(7, False)
    fit._tell_of_idle_gpus.cache_clear()
    said = capsys.readouterr().err.splitlines()
    assert len([line for line in said if "`make setup GPU=1`" in line]) == lines == len(said)


def test_mixed_precision_computes_in_float16_and_answers_in_float32(coloured, knobs):
    fit.prepare(7, True)
    try:
        model = nets.build("cnn", 32, 4, None, None, "native")
        kinds = {layer.compute_dtype for layer in model.layers if layer.weights}
        answers = model(coloured.pixels[:2].astype(np.float32))
    finally:
        fit.prepare(7, False)
    assert kinds == {"float16", "float32"}
    assert answers.dtype == "float32"
