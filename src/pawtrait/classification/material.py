"""What a training starts from: a split's packed pictures with their rows, and where its trunk lies."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pawtrait.classification import arrays as packing
from pawtrait.classification.fit import Examples
from pawtrait.dataset.labels import LABELS
from pawtrait.dataset.manifest import Placed


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
    return Material(mine, Examples(pixels, targets(packing.classes(mine)), weights(mine)))


def targets(classes: NDArray[np.int64]) -> NDArray[np.float32]:
    """One-hot float32 (N, 4) of indices into LABELS."""
    return np.eye(len(LABELS), dtype=np.float32)[classes]


def weights(rows: Sequence[Placed]) -> NDArray[np.float32]:
    """float32 (N,): the pictures of a group share a weight of 1."""
    sizes = Counter(one.group for one in rows)
    return np.array([1 / sizes[one.group] for one in rows], np.float32)


def trunk(net: str, weights: Path) -> Path | None:
    """The file of a network's trunk, where the folder that the stage weights filled has one."""
    known = json.loads((weights / "weights.json").read_text(encoding="utf-8"))
    found = known.get("mobilenet_v2" if net == "linear_probe" else net, {})
    return weights / found["file"] if found.get("file") else None
