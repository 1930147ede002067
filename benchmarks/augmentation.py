"""From JPEG files to augmented float32 batches: ImageDataGenerator, which the study used, and ours."""

import contextlib
import io
from collections import deque
from collections.abc import Iterable
from pathlib import Path
from statistics import median
from typing import Any

import cv2
import numpy as np
from keras.src.legacy.preprocessing.image import ImageDataGenerator

from benchmarks import race
from pawtrait import params
from pawtrait.classification import augment
from pawtrait.dataset import images

SIDE, BATCH = 128, 32  # the study's


def run(plan: race.Plan) -> race.Row:
    """Every file once in each round, batch by batch, both with the study's settings of params.yaml."""
    cv2.setNumThreads(1)
    knobs = params.load()
    generator = _generator(Path(plan.pictures), knobs.augment)
    files = [Path(name) for name in generator.filepaths]
    largest = knobs.manifest.largest_pixels
    rounds = 3 if plan.quick else 9
    taken = race.run(
        {
            "keras": lambda: _exhaust(map(generator.__getitem__, range(len(generator)))),
            "ours": lambda: _augmented(files, knobs.augment, largest),
            "limit": lambda: _exhaust(_decoded(file, largest) for file in files),
        },
        rounds,
    )
    times, spread = race.ratios(taken["keras"], taken["ours"])
    bound = median(taken["limit"]) / median(taken["ours"])
    return race.Row(
        job=f"decode + augment, {plan.called}",
        theirs=f"ImageDataGenerator {race.each(taken['keras'], len(files))}",
        ours=f"one fused warp {race.each(taken['ours'], len(files))}",
        limit=f"decoding alone {race.each(taken['limit'], len(files))} ({bound:.0%} of ours)",
        times=times,
        spread=spread,
        how=f"CPU a picture, one core, {len(files)} files × {rounds}",
    )


def _generator(folder: Path, knobs: params.Augment) -> Any:
    """Keras' iterator over the class folders; by index it gives a batch, as training does."""
    generator = ImageDataGenerator(
        rescale=1 / 255,
        rotation_range=knobs.rotation,
        width_shift_range=knobs.shift,
        height_shift_range=knobs.shift,
        horizontal_flip=knobs.horizontal_flip,
        vertical_flip=knobs.vertical_flip,
        zoom_range=knobs.zoom,
        shear_range=knobs.shear,
        brightness_range=knobs.brightness,
        fill_mode="nearest",
    )
    with contextlib.redirect_stdout(io.StringIO()):  # it greets with a count
        return generator.flow_from_directory(str(folder), (SIDE, SIDE), batch_size=BATCH, seed=1)


def _augmented(files: list[Path], knobs: params.Augment, largest: int) -> None:
    """Decode each file and warp it straight into its place in a batch."""
    rng = np.random.default_rng(1)
    for start in range(0, len(files), BATCH):
        chosen = files[start : start + BATCH]
        batch = np.empty((len(chosen), SIDE, SIDE, 3), np.float32)
        for row, file in enumerate(chosen):
            augment.apply(_decoded(file, largest), augment.draw(knobs, rng), batch[row])


def _decoded(file: Path, largest: int) -> images.Pixels:
    return images.decode(file.read_bytes(), largest_pixels=largest, name=file.name)


def _exhaust(items: Iterable[object]) -> None:
    """Make them all and keep none: memory that is not given back would cost more than the work."""
    deque(items, maxlen=0)
