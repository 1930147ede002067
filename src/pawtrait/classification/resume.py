"""A network's training as a checkpoint, and back: one killed at any moment goes on to the same weights."""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from pawtrait import checkpoints

COUNTED = ("best", "wait", "best_epoch", "cooldown_counter")  # what a stopping rule of Keras remembers


class Keeper(keras.callbacks.Callback):  # type: ignore[misc]
    """Collects the history and keeps the training's state in a folder; stands last among the callbacks.

    A checkpoint of a training under way holds every variable (weights, dropout's seeds, the optimizer's
    moments and its learning rate), what the rules remember, and the history. That of one that has ended holds
    the model's variables and the history, and replaces the others.
    """

    def __init__(
        self, place: Path | None, seconds: float, rules: Sequence[keras.callbacks.Callback] = ()
    ) -> None:
        """Look for a checkpoint.

        Args:
            place: the folder of this training alone, or None to keep nothing.
            seconds: at least so long between two checkpoints; each waits for the end of an epoch.
            rules: callbacks that stop the training or change its rate; they stand before the keeper.
        """
        super().__init__()
        self._place = place
        self._seconds = seconds
        self._rules = rules
        self._found = checkpoints.load(place) if place else None
        state: dict[str, Any] = self._found.state if self._found else {"history": {}, "ended": False}
        self.history: dict[str, list[float]] = state["history"]
        self.ended: bool = state["ended"]
        self._written = time.monotonic()

    @property
    def epochs(self) -> int:
        """How many epochs lie behind."""
        return len(self.history.get("loss", []))

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Put the checkpoint into the fresh network, after the rules have forgotten all."""
        if self._found is None:
            return
        for name, variable in self._variables(self.ended):
            variable.assign(self._found.arrays[name])
        if not self.ended:
            self._remind(self._found)
        self._found = None  # its arrays are as large as the network and its optimizer

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Add to the history; write a checkpoint where it is time for one and epochs are left."""
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(float(value))
        last = self.model.stop_training or epoch + 1 == self.params["epochs"]
        if not last and time.monotonic() - self._written >= self._seconds:
            self._write(ended=False)

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        """Write the network as it stays, the best weights brought back by the rules before."""
        if not self.ended:
            self._write(ended=True)

    def _variables(self, ended: bool) -> Iterator[tuple[str, Any]]:
        """Variables by name; a network of the same code has the same ones in the same order."""
        parts = {"model": self.model.variables}
        if not ended:
            parts["optimizer"] = self.model.optimizer.variables
        for part, variables in parts.items():
            yield from ((f"{part}/{index:04}", variable) for index, variable in enumerate(variables))

    def _write(self, ended: bool) -> None:
        if self._place is None:
            return
        held = {name: _array(variable) for name, variable in self._variables(ended)}
        state: dict[str, Any] = {"history": self.history, "ended": ended}
        if not ended:
            state["rules"] = [
                {name: getattr(rule, name) for name in COUNTED if hasattr(rule, name)} for rule in self._rules
            ]
            for key, weights in self._best().items():
                held |= {f"{key}/{index:04}": weight for index, weight in enumerate(weights)}
        checkpoints.save(self._place, held, state, kept=1 if ended else checkpoints.KEPT)
        self._written = time.monotonic()

    def _best(self) -> dict[str, list[NDArray[Any]]]:
        """The best weights so far of each rule that keeps some, unless they are those of this epoch."""
        return {
            f"best_{index}": rule.best_weights
            for index, rule in enumerate(self._rules)
            if getattr(rule, "best_weights", None) is not None and rule.best_epoch != self.epochs - 1
        }

    def _remind(self, found: checkpoints.Checkpoint) -> None:
        """Give the rules back what they knew."""
        for index, (rule, known) in enumerate(zip(self._rules, found.state["rules"], strict=True)):
            for name, value in known.items():
                setattr(rule, name, value)
            if getattr(rule, "restore_best_weights", False):
                names = sorted(name for name in found.arrays if name.startswith(f"best_{index}/"))
                rule.best_weights = [found.arrays[name] for name in names] or self.model.get_weights()


def _array(variable: Any) -> NDArray[Any]:
    array: NDArray[Any] = np.asarray(keras.ops.convert_to_numpy(variable))
    return array
