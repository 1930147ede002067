"""What a training starts from: a split's packed pictures with their rows, and the recipe with its weights."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pawtrait.classification import arrays as packing
from pawtrait.classification.fit import Examples
from pawtrait.classification.train import Recipe
from pawtrait.dataset.labels import LABELS
from pawtrait.dataset.manifest import Placed
from pawtrait.params import Params


@dataclass(frozen=True, slots=True)
class Material:
    """The pictures of one split, with what the table says of them."""

    rows: list[Placed]
    examples: Examples

    @property
    def classes(self) -> NDArray[np.int64]:
        """int64 (N,): indices into LABELS."""
        return packing.classes(self.rows)


def load(arrays: Path, placed: Sequence[Placed], split: str) -> Material:
    """One split of the packed pictures; ``placed`` is the table that they were packed by."""
    mine = [one for one in placed if one.split == split]
    pixels = np.load(arrays / f"{split}.npy", allow_pickle=False)
    return Material(mine, Examples(pixels, targets(packing.classes(mine))))


def targets(classes: NDArray[np.int64]) -> NDArray[np.float32]:
    """One-hot float32 (N, 4) of indices into LABELS."""
    return np.eye(len(LABELS), dtype=np.float32)[classes]


def recipe(name: str, knobs: Params, weights: Path) -> Recipe:
    """The recipe of one model of params.yaml, with the trunk's file where the folder ``weights`` has it."""
    known = json.loads((weights / "weights.json").read_text(encoding="utf-8"))
    net = knobs.models[name].net
    trunk = known.get("mobilenet_v2" if net == "linear_probe" else net, {})
    file = weights / trunk["file"] if trunk.get("file") else None
    return Recipe(name, knobs.models[name], knobs.train, knobs.augment, knobs.pictures.side, file)
