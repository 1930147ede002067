"""Training: compile, fit with the recipe's stopping rules, show a bar, return the history."""

import math
import time
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray
from rich.progress import Progress

from pawtrait import environment, progress
from pawtrait.classification import batches
from pawtrait.classification.resume import Keeper
from pawtrait.errors import BadTraining
from pawtrait.params import Augment, Model, Train


@dataclass(frozen=True, slots=True)
class Recipe:
    """What decides a training besides data and seed."""

    name: str
    model: Model
    train: Train
    augment: Augment
    side: int
    weights: Path | None  # of the trunk; None is a random start

    @property
    def epochs(self) -> int:
        """At most so many: the study's number, or the demo's cap."""
        return min(self.model.epochs, self.model.cap) if self.train.capped else self.model.epochs

    @property
    def start(self) -> str:
        """The words that every table shows beside the model."""
        if self.model.net == "linear_probe":
            return "features: ImageNet" if self.weights else "pixels"
        return "ImageNet" if self.weights else "random start"


@dataclass(frozen=True, slots=True)
class Examples:
    """Pictures uint8 (N, side, side, 3) RGB, their targets float32 (N, classes), one-hot, and their weights.

    The weights, float32 (N,), let copies of one picture count as one for the linear probe and the
    temperature; the networks learn from every picture alike, as in the study.
    """

    pixels: NDArray[np.uint8]
    targets: NDArray[np.float32]
    weights: NDArray[np.float32]

    def take(self, rows: NDArray[np.int64]) -> "Examples":
        """The chosen rows."""
        return Examples(self.pixels[rows], self.targets[rows], self.weights[rows])

    def joined(self, more: "Examples") -> "Examples":
        """These, then those."""
        pairs = ((getattr(self, part), getattr(more, part)) for part in ("pixels", "targets", "weights"))
        return Examples(*map(np.concatenate, pairs))


@dataclass(frozen=True, slots=True)
class Epoch:
    """The figures of one epoch, as Keras reports them."""

    epoch: int
    loss: float
    accuracy: float
    val_loss: float
    val_accuracy: float
    learning_rate: float


def prepare(seed: int, mixed_precision: bool) -> None:
    """Seed every generator, make operations repeatable, let a GPU's memory grow. Call before building."""
    keras.utils.set_random_seed(seed)
    keras.mixed_precision.set_global_policy("mixed_float16" if mixed_precision else "float32")
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf  # late: another backend must not load it

        tf.config.experimental.enable_op_determinism()
        devices = tf.config.list_physical_devices("GPU")
        for device in devices:
            tf.config.experimental.set_memory_growth(device, True)
        if not devices:
            _tell_of_idle_gpus()


@cache
def _tell_of_idle_gpus() -> None:
    """Say once a process that TensorFlow does not see a GPU of this machine: of itself it says nothing."""
    if found := environment.gpus():
        progress.say(
            f"TensorFlow sees no GPU, though this machine has {len(found)}: classifiers train on the CPU;"
            " `make setup GPU=1` installs CUDA's libraries for it"
        )


def fit(
    model: keras.Model,
    train: Examples,
    valid: Examples,
    recipe: Recipe,
    seed: int,
    title: str,
    place: Path | None = None,
) -> list[Epoch]:
    """Train in place by the recipe and return a row an epoch.

    The validation examples steer early stopping and the learning rate, so they are no test. ``place`` is a
    folder for checkpoints of this very training (the same data, recipe and seed): one that was killed goes on
    from there to the same bits.

    Raises:
        BadTraining: a loss that is no number.
    """
    rules = _stopping(recipe.model)
    keeper = Keeper(place, recipe.train.checkpoint_seconds, rules)
    batch, epochs = recipe.train.batch, recipe.epochs
    augment = recipe.augment if recipe.model.augment else None
    model.compile(
        optimizer=keras.optimizers.Adam(recipe.model.learning_rate),
        loss="categorical_crossentropy",
        metrics=["accuracy"],
        jit_compile=False,  # XLA on a CPU compiles for longer than these nets train
    )
    _make_variables(model, train.targets[:1])
    if keeper.epochs:
        verb = "was done" if keeper.ended else "goes on"
        progress.say(f"{title}: {verb} after epoch {keeper.epochs}/{epochs}")
    with progress.bar() as display:  # a training that breaks off gives a terminal its cursor back too
        model.fit(
            batches.stream(train.pixels, train.targets, batch, augment, seed, keeper.epochs),
            steps_per_epoch=batches.count(len(train.pixels), batch),
            shuffle=False,  # the stream does
            initial_epoch=keeper.epochs,
            epochs=keeper.epochs if keeper.ended else epochs,
            validation_data=(valid.pixels, valid.targets),  # uint8: Keras makes a batch at a time float32
            validation_batch_size=batch,
            callbacks=[_Numbers(title), *rules, _Bar(display, title, epochs, keeper.epochs), keeper],
            verbose=0,
        )
    return _rows(keeper.history, recipe.model.learning_rate)


def _make_variables(model: keras.Model, targets: NDArray[np.float32]) -> None:
    """Make those of optimizer and metrics now: within the first step they cost TensorFlow a second trace."""
    model.optimizer.build(model.trainable_variables)
    model.compute_metrics(None, targets, targets)
    model.reset_metrics()


def _stopping(recipe: Model) -> list[keras.callbacks.Callback]:
    rules: list[keras.callbacks.Callback] = []
    if recipe.plateau is not None:
        rules.append(
            keras.callbacks.ReduceLROnPlateau(
                monitor="val_loss",
                factor=recipe.plateau.factor,
                patience=recipe.plateau.patience,
                min_lr=recipe.plateau.floor,
            )
        )
    if recipe.early_stop is not None:
        rules.append(
            keras.callbacks.EarlyStopping(
                monitor="val_loss", patience=recipe.early_stop, restore_best_weights=True
            )
        )
    return rules


def _rows(history: dict[str, list[float]], first_rate: float) -> list[Epoch]:
    """Keras lists learning rates only under a plateau rule; without one the first rate holds."""
    rates = history.get("learning_rate", [first_rate] * len(history["loss"]))
    columns = [history[name] for name in ("loss", "accuracy", "val_loss", "val_accuracy")]
    numbers = zip(*columns, rates, strict=True)
    return [Epoch(index, *map(float, row)) for index, row in enumerate(numbers)]


class _Numbers(keras.callbacks.Callback):  # type: ignore[misc]
    """Stops at a loss that is no number, before anything is kept of that epoch."""

    def __init__(self, title: str) -> None:
        super().__init__()
        self._title = title

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        for name in ("loss", "val_loss"):
            if math.isnan((logs or {}).get(name, 0.0)):
                raise BadTraining(
                    f"{self._title}: {name} is no number after epoch {epoch + 1}; lower the model's"
                    " learning_rate, or leave train.mixed_precision off"
                )


class _Bar(keras.callbacks.Callback):  # type: ignore[misc]
    """A bar that counts batches and names loss and accuracy; in a log, a line an epoch."""

    def __init__(self, display: Progress, title: str, epochs: int, done: int) -> None:
        super().__init__()
        self._display = display
        self._title = title
        self._epochs = epochs
        self._done = done
        self._began = 0.0

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        self._began = time.monotonic()
        steps = self.params["steps"]
        self._task = self._display.add_task(
            self._title, total=self._epochs * steps, completed=self._done * steps, note=""
        )

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        self._display.update(self._task, advance=1, note=_figures(logs))

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._display.update(self._task, note=_figures(logs))
        if self._display.disable:
            each = (time.monotonic() - self._began) / (epoch + 1 - self._done)
            left = timedelta(seconds=round(each * (self._epochs - epoch - 1)))
            progress.say(
                f"{self._title}: epoch {epoch + 1}/{self._epochs} {_figures(logs)}, {left} left at most"
            )


def _figures(logs: dict[str, Any] | None) -> str:
    shown = (name for name in ("loss", "accuracy", "val_loss", "val_accuracy") if logs and name in logs)
    return " ".join(f"{name} {float(logs[name]):.3f}" for name in shown) if logs else ""
