"""Stage augment: placed pictures → packed arrays, and sheets that show the data and its augmentation."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pawtrait import params
from pawtrait.adapters import tracking
from pawtrait.classification import arrays as packing
from pawtrait.classification import augment
from pawtrait.dataset import manifest
from pawtrait.dataset.labels import LABELS, SPLITS
from pawtrait.evaluation import drawing, plots
from pawtrait.files import whole_folder

EXAMPLES, VARIANTS = 4, 8  # of the preview sheet


def run(*, raw: Path, splits: Path, arrays: Path, preview: Path, samples: Path, pies: Path) -> None:
    """Pack every split into ``arrays`` and draw the sheets."""
    knobs = params.load()
    placed = manifest.read(splits, manifest.Placed)
    of = {split: [one for one in placed if one.split == split] for split in SPLITS}
    with whole_folder(arrays) as folder:
        for split, rows in of.items():
            pixels = packing.pack(raw, rows, knobs.pictures.side, knobs.manifest.largest_pixels, split)
            np.save(folder / f"{split}.npy", pixels, allow_pickle=False)
            if split == "train":
                labels = packing.classes(rows)
                drawing.save(plots.samples(*_samples(pixels, labels)), samples)
                drawing.save(plots.samples(*_variants(pixels, labels, knobs), across=1 + VARIANTS), preview)
    drawing.save(plots.class_pies(_counts(of)), pies)
    with tracking.pipeline(knobs) as run:
        for sheet in (pies, samples, preview):
            run.picture(sheet)


def _samples(pixels: NDArray[np.uint8], labels: NDArray[np.int64]) -> tuple[NDArray[np.uint8], list[str]]:
    rows = packing.probes(labels, each=4)
    return pixels[rows], [LABELS[labels[row]] for row in rows]


def _variants(
    pixels: NDArray[np.uint8], labels: NDArray[np.int64], knobs: params.Params
) -> tuple[NDArray[np.uint8], list[str]]:
    """Each original before its variants: uint8 (EXAMPLES * (1 + VARIANTS), side, side, 3), and captions."""
    rng = np.random.default_rng(knobs.seed)
    originals = pixels[packing.probes(labels, each=1)][:EXAMPLES]
    sheet = np.empty((len(originals), 1 + VARIANTS, *originals.shape[1:]), np.float32)
    for row, original in enumerate(originals):
        sheet[row, 0] = original
        for column in range(1, 1 + VARIANTS):
            augment.apply(original, augment.draw(knobs.augment, rng), sheet[row, column])
    captions = ["original", *(f"{index}" for index in range(1, 1 + VARIANTS))] * len(originals)
    return sheet.astype(np.uint8).reshape(-1, *originals.shape[1:]), captions


def _counts(of: dict[str, list[manifest.Placed]]) -> dict[str, dict[str, int]]:
    return {
        split: {label: sum(one.label == label for one in rows) for label in LABELS}
        for split, rows in of.items()
    }
