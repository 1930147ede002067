"""The demo's folder: its pictures in the layout of the real set, with faults planted on purpose."""

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pawtrait.dataset.demo import crew
from pawtrait.dataset.demo.portrait import picture
from pawtrait.dataset.demo.species import SPECIES
from pawtrait.dataset.labels import LABELS, SPLITS
from pawtrait.errors import BadParams
from pawtrait.files import whole_folder

TOP = "Master Folder"
FOLDERS: dict[str, str] = {"happy": "happy", "sad": "Sad", "angry": "Angry", "other": "Other"}  # as on Kaggle
_QUALITY = 92
_WORTH = 100  # pictures a process should draw to earn its start of half a second


@dataclass(frozen=True, slots=True)
class Planted:
    """A fault: the file, what is wrong with it, and the picture it was made from ("" where there is none)."""

    path: str  # relative to the folder that `draw` wrote, with /
    kind: str  # truncated | copy | near copy | tiny | png | text | augmented
    original: str


@dataclass(frozen=True, slots=True)
class _Job:
    path: str
    species: str
    mood: str
    seed: tuple[int, int, int, int]


def draw(folder: Path, counts: Mapping[str, int], side: int, seed: int, faults: bool) -> None:
    """Write ``folder``/Master Folder/SPLIT/LABEL/NNN.jpg, JPEGs of ``side`` px, and PLANTED if ``faults``.

    A picture hangs on (seed, split, label, number) alone: larger counts change no picture of smaller ones.
    The folder is replaced as a whole.

    Raises:
        BadParams: faults are wanted, but a split has not one picture a label to make them from.
    """
    few = [split for split in SPLITS if counts.get(split, 0) < len(LABELS)]
    if faults and few:
        raise BadParams(
            f"ingest.demo: planting faults needs {len(LABELS)} pictures in each split, {few[0]} has "
            f"{counts.get(few[0], 0)}; draw more or set ingest.demo.faults to false"
        )
    jobs = list(_jobs(counts, seed))
    with whole_folder(folder) as draft, crew.one_thread():
        for path in sorted({(draft / job.path).parent for job in jobs}):
            path.mkdir(parents=True)
        crew.draw(partial(_write, draft, side), jobs, _WORTH, "drawing")
        if faults:
            _plant(draft, side, seed)


def _jobs(counts: Mapping[str, int], seed: int) -> Iterator[_Job]:
    """Every picture to draw: labels and species take turns, so that their counts differ by one at most."""
    for s, split in enumerate(SPLITS):
        for n in range(counts.get(split, 0)):
            label, number = n % len(LABELS), n // len(LABELS)
            mood = LABELS[label]
            species = list(SPECIES)[(number + 2 * label) % len(SPECIES)]
            yield _Job(_path(split, mood, number), species, mood, (seed, s, label, number))


def _path(split: str, mood: str, number: int) -> str:
    """A name that no other split uses under the same label, as in the real set."""
    return f"{TOP}/{split}/{FOLDERS[mood]}/{number * len(SPLITS) + SPLITS.index(split) + 1:03d}.jpg"


def _write(folder: Path, side: int, job: _Job) -> None:
    pixels = picture(job.species, job.mood, side, np.random.default_rng(job.seed))
    (folder / job.path).write_bytes(_jpeg(pixels, _QUALITY))


def _jpeg(pixels: NDArray[np.uint8], quality: int) -> bytes:
    """RGB (H, W, 3) as the bytes of a JPEG."""
    _, data = cv2.imencode(".jpg", pixels[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    return bytes(data.tobytes())


def _faults() -> Iterator[Planted]:
    """What is planted: names like a camera's, so that nothing but a look inside gives them away."""
    first = {(split, mood): _path(split, mood, 0) for split in SPLITS for mood in LABELS}
    stray = (
        ("sad", "IMG_2041.jpg", "truncated", first["train", "sad"]),
        ("happy", "IMG_2042.jpg", "copy", first["test", "happy"]),
        ("angry", "IMG_2043.jpg", "near copy", first["valid", "angry"]),
        ("other", "IMG_2044.jpg", "tiny", first["train", "other"]),
        ("happy", "IMG_2045.jpg", "png", ""),
        ("sad", "IMG_2046.jpg", "text", ""),
    )
    for mood, name, kind, original in stray:
        yield Planted(f"{TOP}/train/{FOLDERS[mood]}/{name}", kind, original)
    for number in range(12):
        original = first["train", LABELS[number % len(LABELS)]]
        parent, _, name = original.rpartition("/")
        yield Planted(f"{parent}/aug-{number}-{name}", "augmented", original)


PLANTED: tuple[Planted, ...] = tuple(_faults())


def _plant(folder: Path, side: int, seed: int) -> None:
    rng = np.random.default_rng((seed, len(SPLITS)))
    for fault in PLANTED:
        (folder / fault.path).write_bytes(_spoiled(folder, fault, side, rng))


def _spoiled(folder: Path, fault: Planted, side: int, rng: np.random.Generator) -> bytes:
    """The bytes of one faulty file."""
    if fault.kind == "text":
        return b"This is a note about the pictures, not a picture.\n"
    if fault.kind == "png":
        stream = io.BytesIO()
        Image.fromarray(picture("cat", "happy", side, rng)).save(stream, "PNG")
        return stream.getvalue()
    data = (folder / fault.original).read_bytes()
    if fault.kind == "truncated":
        return data[: len(data) * 6 // 10]
    if fault.kind == "copy":
        return data
    with Image.open(io.BytesIO(data)) as image:
        return _jpeg(_altered(np.asarray(image, np.uint8), fault.kind, rng), 85)


def _altered(pixels: NDArray[np.uint8], kind: str, rng: np.random.Generator) -> NDArray[np.uint8]:
    """A smaller, a tiny, or a turned and cropped copy of (S, S, 3)."""
    side = len(pixels)
    if kind == "tiny":
        return np.asarray(cv2.resize(pixels, (24, 24), interpolation=cv2.INTER_AREA))
    if kind == "near copy":
        small = round(side * 0.9)
        return np.asarray(cv2.resize(pixels, (small, small), interpolation=cv2.INTER_AREA))
    turn = np.asarray(
        cv2.getRotationMatrix2D((side / 2, side / 2), rng.uniform(-40, 40), rng.uniform(1.0, 1.2)), np.float64
    )
    turn[:, 2] += rng.uniform(-0.1, 0.1, 2) * side
    return np.asarray(cv2.warpAffine(pixels, turn, (side, side), borderMode=cv2.BORDER_REPLICATE))
