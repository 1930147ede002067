"""Draws the app's samples; run from the root it writes them, and a test compares them."""

import io
import sys
from pathlib import Path

import numpy as np
from PIL import Image

from pawtrait.dataset.demo.portrait import picture
from pawtrait.dataset.images import Pixels

FOLDER = Path("src/pawtrait/app/samples")
SIDE = 384  # px
SITTERS = {  # sample → species, mood, seed
    "biscuit": ("dog", "happy", (5, 0, 0)),
    "minka": ("cat", "sad", (5, 1, 1)),
    "wilma": ("sheep", "sad", (5, 1, 1)),
    "pip": ("bird", "happy", (5, 0, 0)),
    "bruno": ("horse", "angry", (5, 0, 2)),
    "tiger": ("cat", "angry", (5, 1, 2)),
    "nugget": ("hamster", "other", (5, 0, 3)),
    "rex": ("dog", "other", (5, 1, 3)),
}


def drawn(sample: str) -> Pixels:
    """A sample, uint8 (SIDE, SIDE, 3)."""
    species, mood, seed = SITTERS[sample]
    return picture(species, mood, SIDE, np.random.default_rng(seed))


def write(folder: Path) -> None:
    """All of them as JPEGs."""
    for sample in SITTERS:
        stream = io.BytesIO()
        Image.fromarray(drawn(sample)).save(stream, "JPEG", quality=88)
        (folder / f"{sample}.jpg").write_bytes(stream.getvalue())


if __name__ == "__main__":
    sys.exit(write(FOLDER))
