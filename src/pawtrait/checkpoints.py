"""A training's last states on disk, so that one killed at any moment goes on: named arrays and a small state.

One folder a checkpoint, ``000001``, ``000002`` and so on, the last two kept:

    arrays.safetensors   every array under its name
    state.json           counters, seeds, history: whatever JSON can hold
    SHA256SUMS           of the two, checked before either is believed
"""

import json
import logging
import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from pawtrait.files import sha256, whole_folder, write_text

ARRAYS = "arrays.safetensors"
STATE = "state.json"
SUMS = "SHA256SUMS"
KEPT = 2  # the newest, and one to fall back on
DIGITS = 6

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What was saved: arrays of any dtype and shape by name, and the state as JSON gives it back."""

    number: int
    arrays: dict[str, NDArray[Any]]
    state: dict[str, Any]


def save(
    folder: Path, arrays: Mapping[str, NDArray[Any]], state: Mapping[str, Any], kept: int = KEPT
) -> Path:
    """Write the next checkpoint, whole or not at all, then remove all but the last ``kept``.

    One process at a time writes to a folder. The state must be what JSON can hold; tuples come back as lists.

    Returns:
        The checkpoint's own folder.
    """
    there = _numbers(folder)
    target = folder / f"{max(there, default=0) + 1:0{DIGITS}}"
    with whole_folder(target) as draft:
        # safetensors writes the memory as it lies, so it has to lie in order
        save_file({name: np.asarray(arrays[name], order="C") for name in sorted(arrays)}, draft / ARRAYS)
        write_text(draft / STATE, json.dumps(state, indent=1, ensure_ascii=False) + "\n")
        write_text(draft / SUMS, "".join(f"{sha256(draft / name)}  {name}\n" for name in (ARRAYS, STATE)))
    for number in there[: max(len(there) + 1 - kept, 0)]:
        shutil.rmtree(folder / f"{number:0{DIGITS}}")
    return target


def load(folder: Path) -> Checkpoint | None:
    """The newest checkpoint that is whole; None where there is none.

    A damaged one is set aside with a line in the log, and the one before it is taken.
    """
    for number in reversed(_numbers(folder)):
        place = folder / f"{number:0{DIGITS}}"
        fault = _fault(place)
        if not fault:
            state = json.loads((place / STATE).read_text(encoding="utf-8"))
            return Checkpoint(number, load_file(place / ARRAYS), state)
        log.warning("checkpoint %s is damaged (%s); going back to the one before it", place, fault)
        with suppress(OSError):  # of several processes one is the first
            place.rename(place.with_name(f"{place.name}.damaged"))  # so that it is no more among those kept
    return None


def _numbers(folder: Path) -> list[int]:
    """The numbers of the checkpoints in a folder, in order; none where there is no folder."""
    return sorted(int(path.name) for path in folder.glob("[0-9]*") if path.name.isdecimal())


def _fault(place: Path) -> str:
    """What is wrong with a checkpoint; "" where nothing is."""
    try:
        lines = (place / SUMS).read_text(encoding="utf-8").splitlines()
        sums = {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
        return next(
            (f"{name} has changed" for name in (ARRAYS, STATE) if sums.get(name) != sha256(place / name)), ""
        )
    except (OSError, UnicodeDecodeError) as error:
        return " ".join(str(error).split())
