"""Stage train: packed arrays and pretrained weights → a sealed model folder and its run in MLflow."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from pawtrait import params, sealed
from pawtrait.adapters import registry, tracking
from pawtrait.classification import arrays as packing
from pawtrait.classification import crossval, explain, export, material
from pawtrait.classification import train as trainer
from pawtrait.classification.fit import Epoch, Recipe
from pawtrait.classification.material import Material
from pawtrait.classification.train import Trained
from pawtrait.dataset import manifest
from pawtrait.dataset.labels import LABELS
from pawtrait.evaluation import drawing, metrics, plots
from pawtrait.evaluation.predictions import Fold, rows, scored
from pawtrait.files import whole_folder, write_csv

CHECKPOINTS = Path(".cache/checkpoints")  # outside DVC's outputs, so that a killed training goes on
PROBES = 2  # pictures of each mood that every run shows


@dataclass(frozen=True, slots=True)
class Seed:
    """One training of several that differ in the seed alone, scored on the validation split."""

    seed: int
    valid_accuracy: float
    valid_macro_f1: float


def run(*, name: str, arrays: Path, splits: Path, weights: Path, out: Path) -> None:
    """Train the model called ``name`` in params.yaml; ``out`` is replaced as a whole or stays as it was.

    Raises:
        BadTraining: Keras runs on something else than TensorFlow, there are too few pictures for the folds,
            or a loss is no number.
    """
    trainer.need_tensorflow("export to ONNX and Grad-CAM need tensorflow")
    knobs = params.load()
    model = knobs.models[name]
    trunk = material.trunk(model.net, weights)
    recipe = Recipe(name, model, knobs.train, knobs.augment, knobs.pictures.side, trunk)
    placed = manifest.read(splits, manifest.Placed)
    train, valid = (material.load(arrays, placed, split) for split in ("train", "valid"))
    cuts = _cuts(recipe, train, valid, knobs.seed)  # before hours of training: they may be impossible
    known = trainer.fingerprint(recipe, train.examples, valid.examples, knobs.seed)
    place = CHECKPOINTS / f"train-{name}-{known}"
    inputs = [arrays, splits, weights]
    with tracking.training(knobs, name, inputs, place=place) as record, whole_folder(out) as folder:
        record.params(knobs.models[name].model_dump() | {"start": recipe.start, "seed": knobs.seed})
        trained = trainer.train(recipe, train.examples, valid.examples, knobs.seed, name, place)
        told = record.steps("loss")  # before it was cut off
        record.history([asdict(row) for row in trained.history if row.epoch not in told])
        record.metrics({"temperature": trained.temperature})
        facts = _save(folder, trained, recipe, valid)
        _write(folder / "history.csv", trained.history, Epoch)
        sheet, shown = _explained(trained.model, valid)
        drawing.save(sheet, folder / "gradcam.png")
        _write(folder / "seeds.csv", _seeds(recipe, train, valid, trained.model, knobs.seed, place), Seed)
        _write(folder / "folds.csv", _folds(recipe, cuts, train, valid, knobs.seed, place), Fold)
        sealed.write_facts(folder, facts | {"trained_on": len(train.rows)})
        sealed.seal(folder)
        for index, picture in enumerate(shown):
            record.probe(picture, f"probe_{index}")
        registry.log(record, folder)


def _save(folder: Path, trained: Trained, recipe: Recipe, valid: Material) -> dict[str, Any]:
    """Write both forms of the model; give what model.json says of it."""
    export.save_keras(trained.model, folder / "model.keras")
    probes = valid.examples.pixels[packing.probes(valid.classes, PROBES)]
    parity = export.save_onnx(trained.model, folder / "model.onnx", probes)
    return {
        "name": recipe.name,
        "net": recipe.model.net,
        "start": recipe.start,
        "parameters": trained.model.count_params(),
        "side": recipe.side,
        "labels": list(LABELS),
        "input_range": recipe.model.input_range,
        "epochs": len(trained.history),
        "capped": recipe.epochs < recipe.model.epochs,
        "temperature": round(trained.temperature, 4),
        "parity": parity,
        "recipe": recipe.model.model_dump(),
    }


def _explained(model: keras.Model, valid: Material) -> tuple[Any, list[NDArray[np.uint8]]]:
    """The sheet of probe pictures with their Grad-CAM, and the single pictures of it."""
    chosen = packing.probes(valid.classes, PROBES)
    pixels = valid.examples.pixels[chosen]
    answers = trainer.probabilities(model, pixels, len(pixels))
    heat = explain.heat_maps(model, pixels)
    shown = [
        picture if heat is None else explain.overlay(picture, heat[index])
        for index, picture in enumerate(pixels)
    ]
    sheet, captions = [], []
    for row, picture, overlay, answer in zip(chosen, pixels, shown, answers, strict=True):
        sheet += [picture, overlay]
        captions += [valid.rows[row].label, f"says {LABELS[answer.argmax()]} {answer.max():.2f}"]
    return plots.samples(np.array(sheet), captions, across=8), shown


def _seeds(
    recipe: Recipe, train: Material, valid: Material, first: keras.Model, seed: int, place: Path
) -> Iterator[Seed]:
    """The model itself, then the repeats that the parameters ask for."""
    for offset in range(recipe.model.repeats):
        title = f"{recipe.name} seed {seed + offset}"
        model = (
            trainer.train(recipe, train.examples, valid.examples, seed + offset, title, place).model
            if offset
            else first
        )
        answers = trainer.probabilities(model, valid.examples.pixels, recipe.train.batch)
        figures = metrics.headline(scored(rows(valid.rows, answers), title))
        yield Seed(seed + offset, figures["accuracy"], figures["macro_f1"])


def _cuts(recipe: Recipe, train: Material, valid: Material, seed: int) -> list[crossval.Fold]:
    """The folds that the parameters ask for, over the training and validation splits together."""
    count = recipe.train.folds if recipe.model.folds else 0
    placed = [*train.rows, *valid.rows]
    classes = packing.classes(placed)
    groups = np.array([one.group for one in placed])
    kinds = ("group", "picture") if recipe.model.random_folds else ("group",)
    return [fold for kind in kinds for fold in crossval.folds(classes, groups, count, seed, kind)]


def _folds(
    recipe: Recipe, cuts: Sequence[crossval.Fold], train: Material, valid: Material, seed: int, place: Path
) -> Iterator[Fold]:
    """Answers on pictures that the training did not see."""
    if not cuts:
        return  # before a copy of all pictures is made
    placed = [*train.rows, *valid.rows]
    examples = train.examples.joined(valid.examples)
    for fold in cuts:
        title = f"{recipe.name} fold {fold.number + 1}/{recipe.train.folds} by {fold.kind}"
        fitted = trainer.train(
            recipe, examples.take(fold.train), examples.take(fold.steer), seed, title, place
        )
        answers = trainer.probabilities(fitted.model, examples.pixels[fold.score], recipe.train.batch)
        for index, answer in zip(fold.score, answers, strict=True):
            one = placed[index]
            yield Fold(fold.kind, fold.number, one.id, one.group, one.label, *map(float, answer))


def _write(path: Path, lines: Any, kind: type) -> None:
    write_csv(path, (asdict(row) for row in lines), [field.name for field in fields(kind)])
