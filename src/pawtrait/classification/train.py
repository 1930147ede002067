"""From examples to a trained network of any kind: the same for the model, its folds and its seeds."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from pawtrait.classification import fit, nets, probe, temperature
from pawtrait.classification.fit import Epoch, Examples, Recipe
from pawtrait.dataset.labels import LABELS
from pawtrait.errors import BadTraining
from pawtrait.files import sha256

SLICE = 4096  # pictures that are float32 at once, 200 kB each at 128 px


@dataclass(frozen=True, slots=True)
class Trained:
    """A network with calibrated probabilities, and how it came about."""

    model: keras.Model
    history: list[Epoch]  # as it trained, before the temperature
    temperature: float  # folded into the model


def train(
    recipe: Recipe, examples: Examples, steer: Examples, seed: int, title: str, keep: Path | None = None
) -> Trained:
    """Build, train and calibrate one network.

    Killed and called again with the same arguments it goes on from its last checkpoint, to the same bits.

    Args:
        recipe: what to train and how.
        examples: what it learns from.
        steer: what early stopping, the learning rate and the temperature follow.
        seed: of start, order, dropout and augmentation.
        title: what the progress bar says.
        keep: a folder where each training has its checkpoints in a folder of its own; None keeps none. The
            linear probe, which takes one step, has none.
    """
    keras.utils.clear_session()
    regresses = recipe.model.net == "linear_probe"
    fit.prepare(seed, recipe.train.mixed_precision and not regresses)
    if regresses:
        model, history = _regress(recipe, examples, steer)
    else:
        place = keep / fingerprint(recipe, examples, steer, seed) if keep else None
        model, history = _descend(recipe, examples, steer, seed, title, place)
    answers = probabilities(model, steer.pixels, recipe.train.batch)
    degree = temperature.fit(answers, steer.targets, steer.weights)
    temperature.fold(model, degree)
    return Trained(model, history, degree)


def need_tensorflow(why: str) -> None:
    """Refuse another backend of Keras for what needs, or stands beside, TensorFlow's.

    Raises:
        BadTraining: ``KERAS_BACKEND`` names another.
    """
    if (backend := keras.backend.backend()) != "tensorflow":
        raise BadTraining(
            f"KERAS_BACKEND={backend}: {why}; unset it, or train through pawtrait.classification.train"
        )


def fingerprint(recipe: Recipe, examples: Examples, steer: Examples, seed: int) -> str:
    """A name for this training: another picture, number, seed or line of code gives another."""
    known = [recipe.model.model_dump(), recipe.epochs, recipe.train.batch, recipe.train.mixed_precision]
    known += [recipe.augment.model_dump(), recipe.side, seed, keras.__version__, keras.backend.backend()]
    files = [*sorted(Path(__file__).parent.glob("*.py")), *([recipe.weights] if recipe.weights else [])]
    digest = hashlib.sha256(json.dumps([known, [sha256(file) for file in files]]).encode())
    for some in (examples, steer):
        for array in (some.pixels, some.targets, some.weights):
            digest.update(str(array.shape).encode())
            digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()[:16]


def probabilities(model: keras.Model, pixels: NDArray[np.uint8], batch: int) -> NDArray[np.float32]:
    """float32 (N, classes) for uint8 (N, side, side, 3); only ``SLICE`` of them at once are float32."""
    size = max(SLICE // batch, 1) * batch  # whole batches, so that slices change no bit
    parts = [
        model.predict(pixels[start : start + size].astype(np.float32), batch_size=batch, verbose=0)
        for start in range(0, len(pixels), size)
    ]
    answers: NDArray[np.float32] = np.concatenate(parts)
    return answers


def _descend(
    recipe: Recipe, examples: Examples, steer: Examples, seed: int, title: str, place: Path | None
) -> tuple[keras.Model, list[Epoch]]:
    model = _build(recipe)
    history = fit.fit(model, examples, steer, recipe, seed, title, place)
    if recipe.train.mixed_precision:  # what is kept computes in float32, so that it answers alike everywhere
        keras.mixed_precision.set_global_policy("float32")
        trained, model = model, _build(recipe)
        model.set_weights(trained.get_weights())
    return model, history


def _build(recipe: Recipe) -> keras.Model:
    knobs = recipe.model
    return nets.build(knobs.net, recipe.side, len(LABELS), recipe.weights, knobs.trainable, knobs.input_range)


def _regress(recipe: Recipe, examples: Examples, steer: Examples) -> tuple[keras.Model, list[Epoch]]:
    """The linear probe: one step, its row of history worked out from the answers."""
    batch = recipe.train.batch
    frozen = probe.features(recipe.side, recipe.weights, recipe.model.input_range)
    inputs = probabilities(frozen, examples.pixels, batch)
    classes = examples.targets.argmax(axis=1)
    kernel, bias = probe.regress(inputs, classes, examples.weights, recipe.model.inverse_strength)
    model = probe.assemble(frozen, kernel, bias)
    seen, held = (
        _loss_and_accuracy(probabilities(model, some.pixels, batch), some.targets)
        for some in (examples, steer)
    )
    return model, [Epoch(0, *seen, *held, recipe.model.learning_rate)]


def _loss_and_accuracy(answers: NDArray[np.float32], targets: NDArray[np.float32]) -> tuple[float, float]:
    """Categorical cross-entropy and accuracy, as Keras reports them for the other models."""
    right = (answers * targets).sum(axis=1)
    loss = -np.log(np.clip(right, 1e-7, 1.0)).mean()
    return float(loss), float((answers.argmax(axis=1) == targets.argmax(axis=1)).mean())
