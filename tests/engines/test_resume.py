"""A classifier's training goes on where it was killed, to the bytes that it would have come to."""

import os
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import yaml

from pawtrait import checkpoints, progress, sealed
from pawtrait.adapters import tracking
from pawtrait.classification import train
from pawtrait.classification.fit import Recipe
from pawtrait.dataset import manifest
from pawtrait.dataset.labels import LABELS
from pawtrait.params import Plateau
from pawtrait.stages import train as stage

ROOT = Path(__file__).parents[2]
SEED = 7
SIZES = {"train": 32, "valid": 16}
EPOCHS = 6
OUT = Path("data/models/cnn")


@pytest.fixture
def recipe(knobs):
    """Everything that a checkpoint has to hold: dropout, norms, augmentation, a plateau, early stopping."""
    changes = {"cap": EPOCHS, "plateau": Plateau(factor=0.1, patience=1, floor=0.0), "early_stop": 3}
    often = knobs.train.model_copy(update={"checkpoint_seconds": 0.0})
    return Recipe(
        "deep_cnn", knobs.models["deep_cnn"].model_copy(update=changes), often, knobs.augment, 32, None
    )


@pytest.fixture
def cut_off(monkeypatch):
    """Interrupts the training at the end of an epoch, before its checkpoint."""

    def after(epoch, *arguments):
        def say(text):
            if f"epoch {epoch}/" in text:
                raise KeyboardInterrupt

        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(progress, "say", say)
            train.train(*arguments)

    return after


def steering(coloured):
    """The next mood for each picture, so that a network does worse the more it learns."""
    return replace(coloured, targets=np.roll(coloured.targets, 1, axis=1))


def same(model, other):
    return all(
        np.array_equal(a.numpy(), b.numpy()) for a, b in zip(model.variables, other.variables, strict=True)
    )


def test_cut_off_twice_it_gives_the_weights_and_the_history_of_one_that_was_not(
    recipe, coloured, cut_off, tmp_path
):
    arguments = (recipe, coloured, steering(coloured), SEED, "deep cnn")
    whole = train.train(*arguments)
    assert len({row.learning_rate for row in whole.history}) > 1  # the plateau rule has had its say
    best = int(np.argmin([row.val_loss for row in whole.history]))
    assert best < len(whole.history) - 1  # and so has early stopping, whose weights are of an earlier epoch
    cut_off(best + 2, *arguments, tmp_path)  # its checkpoint is of the best epoch itself
    cut_off(len(whole.history), *arguments, tmp_path)
    again = train.train(*arguments, tmp_path)
    assert again.history == whole.history
    assert again.temperature == whole.temperature
    assert same(again.model, whole.model)


@pytest.mark.slow
def test_in_mixed_precision_the_scale_of_the_losses_goes_on_too(recipe, coloured, cut_off, tmp_path):
    mixed = recipe.train.model_copy(update={"mixed_precision": True})
    plain = {"net": "cnn", "cap": 3, "plateau": None, "early_stop": None}
    arguments = (
        replace(recipe, train=mixed, model=recipe.model.model_copy(update=plain)),
        *(coloured, coloured, SEED, "cnn"),
    )
    whole = train.train(*arguments)
    cut_off(3, *arguments, tmp_path)
    again = train.train(*arguments, tmp_path)
    assert again.history == whole.history
    assert again.temperature == whole.temperature
    assert same(again.model, whole.model)


def test_one_that_had_ended_is_read_and_not_trained_again(recipe, coloured, tmp_path, capsys):
    short = replace(recipe, model=recipe.model.model_copy(update={"cap": 2}))
    arguments = (short, coloured, coloured, SEED, "deep cnn", tmp_path)
    whole = train.train(*arguments)
    (place,) = tmp_path.iterdir()
    assert [one.name for one in place.iterdir()] == ["000002"]  # the one of epoch 1 has gone
    capsys.readouterr()
    again = train.train(*arguments)
    assert again.history == whole.history
    assert again.temperature == whole.temperature
    assert same(again.model, whole.model)
    assert capsys.readouterr().err.splitlines() == ["deep cnn: was done after epoch 2/2"]


def test_between_two_checkpoints_lie_as_many_seconds_as_told(recipe, coloured, cut_off, tmp_path):
    rare = replace(recipe, train=recipe.train.model_copy(update={"checkpoint_seconds": 3600.0}))
    cut_off(3, rare, coloured, coloured, SEED, "deep cnn", tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "other", ["recipe", "epochs", "augmentation", "seed", "picture", "copies", "steering", "weights"]
)
def test_another_recipe_seed_picture_or_trunk_is_another_training(recipe, coloured, tmp_path, other):
    changed = replace(coloured, pixels=coloured.pixels.copy())
    assert train.fingerprint(recipe, changed, changed, 7) == train.fingerprint(recipe, coloured, coloured, 7)
    changed.pixels[3, 5, 5, 1] ^= 1
    trunk = tmp_path / "trunk.h5"
    trunk.write_bytes(b"weights")
    slower = recipe.model.model_copy(update={"learning_rate": 1e-5})
    augment = recipe.augment.model_copy(update={"rotation": 1.0})
    longer = recipe.train.model_copy(update={"capped": False})
    arguments = {
        "recipe": (replace(recipe, model=slower), coloured, coloured, 7),
        "epochs": (replace(recipe, train=longer), coloured, coloured, 7),
        "augmentation": (replace(recipe, augment=augment), coloured, coloured, 7),
        "seed": (recipe, coloured, coloured, 8),
        "picture": (recipe, changed, coloured, 7),
        "copies": (recipe, replace(coloured, weights=coloured.weights / 2), coloured, 7),
        "steering": (recipe, coloured, changed, 7),
        "weights": (replace(recipe, weights=trunk), coloured, coloured, 7),
    }[other]
    assert train.fingerprint(*arguments) != train.fingerprint(recipe, coloured, coloured, 7)


def test_how_often_it_is_kept_makes_no_other_training(recipe, coloured):
    rare = replace(recipe, train=recipe.train.model_copy(update={"checkpoint_seconds": 60.0}))
    assert train.fingerprint(rare, coloured, coloured, 7) == train.fingerprint(recipe, coloured, coloured, 7)


@pytest.fixture
def project(tmp_path, monkeypatch, mlflow_store, coloured):
    """Packed pictures and a CNN that trains twice, with two seeds."""
    knobs = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    knobs["pictures"]["side"] = 32
    knobs["train"] |= {"checkpoint_seconds": 0}
    knobs["models"]["cnn"] |= {"cap": EPOCHS, "repeats": 2}
    root = tmp_path / "project"
    root.mkdir()
    monkeypatch.chdir(root)
    Path("params.yaml").write_text(yaml.safe_dump(knobs), encoding="utf-8")
    Path("weights.json").write_text("{}")
    bounds = [0, *np.cumsum(list(SIZES.values()))]
    placed = []
    for split, (start, end) in zip(SIZES, pairwise(bounds), strict=True):
        np.save(f"{split}.npy", coloured.pixels[start:end])
        for row, targets in enumerate(coloured.targets[start:end]):
            name = f"{split}/{row:03d}.png"
            placed.append(manifest.Placed(name, name, LABELS[targets.argmax()], name, split))
    manifest.write(Path("splits.csv"), placed, manifest.Placed)
    return root


def train_here():
    """The stage in this process; the sums of what it made, and the run that made it."""
    stage.run(name="cnn", arrays=Path(), splits=Path("splits.csv"), weights=Path(), out=OUT)
    sums = sealed.check(OUT)
    run = tracking.of_model(sums["model.onnx"])
    assert run is not None
    return sums, run.id


def kill(line):
    """Start the stage as DVC does and kill it as soon as it has said this."""
    options = ["--arrays", ".", "--splits", "splits.csv", "--weights", ".", "--out", str(OUT)]
    command = [sys.executable, "-m", "pawtrait.stages", "train", "--name", "cnn", *options]
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}/src"}
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment) as process:
        said = []
        for text in process.stderr:
            said.append(text)
            if text.startswith(line):
                process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL, "".join(said)


@pytest.mark.slow  # that weights and history are the same, the quick one above shows in this process
def test_a_stage_killed_in_its_second_training_goes_on_in_its_run_to_the_same_bytes(project, capsys):
    kill(f"cnn seed 8: epoch 4/{EPOCHS}")
    (place,) = stage.CHECKPOINTS.iterdir()
    begun = (place / "run_id").read_text()
    first, second = sorted(
        (checkpoints.load(one).state for one in place.iterdir() if one.is_dir()),
        key=lambda state: not state["ended"],
    )
    assert first["ended"] and len(first["history"]["loss"]) == EPOCHS
    assert not second["ended"] and 3 <= len(second["history"]["loss"]) < EPOCHS
    assert not OUT.exists()
    shutil.copytree(project, project.parent / "other", ignore=shutil.ignore_patterns(".cache"))

    resumed, run_id = train_here()
    said = capsys.readouterr().err
    assert f"cnn: was done after epoch {EPOCHS}/{EPOCHS}" in said
    assert f"cnn seed 8: goes on after epoch {len(second['history']['loss'])}/{EPOCHS}" in said
    assert run_id == begun
    assert not place.exists()
    logged = tracking.client().get_metric_history(run_id, "loss")
    assert [one.step for one in logged] == list(range(EPOCHS))

    os.chdir(project.parent / "other")
    whole, other_id = train_here()
    assert other_id != run_id
    assert whole == resumed  # every file, to the last byte
