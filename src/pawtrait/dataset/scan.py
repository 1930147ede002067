"""From the raw folder to records: what can be known of each picture by looking at it."""

import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path, PurePosixPath

import cv2
import numpy as np
from numpy.typing import NDArray

from pawtrait.dataset import images
from pawtrait.dataset.labels import SPLITS, normalise
from pawtrait.dataset.layout import UNSPLIT
from pawtrait.dataset.manifest import Record
from pawtrait.environment import cores
from pawtrait.errors import BadData, BadImage

FLAT = 4.0  # grey levels of standard deviation; with less the hashes are noise and tell nothing apart
SIDE = 128  # px; sharpness and hashes are measured here, whatever size the picture came in


def files(raw: Path) -> list[str]:
    """The paths of all pictures below ``raw``, as SPLIT/LABEL/NAME, sorted; ``source.json`` is none of them.

    Raises:
        BadData: a file lies elsewhere, or its name is not UTF-8.
    """
    found = (path.relative_to(raw).as_posix() for path in raw.rglob("*") if path.is_file())
    names = sorted(name for name in found if name != "source.json")
    for name in names:
        _check_place(raw, name)
    return names


def records(raw: Path, names: list[str], *, source: str, largest_pixels: int) -> Iterator[Record]:
    """Look at every picture, on all cores, and yield the records in the order of ``names``, without groups.

    Threads, for the thousand pets on two cores: 0.47 s; processes took 0.30, but a forked one hangs where
    OpenCV has started threads before, and others first import for longer. One after the other: 0.52.
    """
    look = partial(_record, raw, source=source, largest_pixels=largest_pixels)
    with ThreadPoolExecutor(cores()) as pool:
        yield from pool.map(look, names)


def look(data: bytes, path: str, *, label: str, published: str, source: str, largest_pixels: int) -> Record:
    """What can be known of one picture from its bytes; it belongs to no group yet."""
    try:
        mode = images.open_header(data, largest_pixels=largest_pixels, name=path).mode
        seen = _measure(images.decode(data, largest_pixels=largest_pixels, name=path)) | {"mode": mode}
    except BadImage as error:
        seen = _nothing(str(error).removeprefix(f"{path}: "))
    return Record(
        id=hashlib.sha256(data).hexdigest(),
        path=path,
        label=normalise(label),
        group="",
        source=source,
        published=published,
        format=images.sniff(data),
        bytes=len(data),
        **seen,  # type: ignore[arg-type]
    )


def dhash(grey: NDArray[np.uint8]) -> str:
    """64 bits in hex: is a cell of an 8x9 reduction brighter than its right neighbour? In: uint8 (H, W)."""
    cells = cv2.resize(grey, (9, 8), interpolation=cv2.INTER_AREA)
    return _hex(cells[:, :-1] > cells[:, 1:])


def phash(grey: NDArray[np.uint8]) -> str:
    """64 bits in hex: is each of the 8x8 lowest cosines above their median? In: uint8 (H, W)."""
    cells = cv2.resize(grey, (32, 32), interpolation=cv2.INTER_AREA).astype(np.float32)
    low = cv2.dct(cells)[:8, :8]
    return _hex(low > np.median(low.ravel()[1:]))  # the first is the brightness


def _record(raw: Path, name: str, *, source: str, largest_pixels: int) -> Record:
    split, label, _ = name.split("/", 2)
    published = "" if split == UNSPLIT else split
    data = (raw / name).read_bytes()
    return look(data, name, label=label, published=published, source=source, largest_pixels=largest_pixels)


def _measure(pixels: images.Pixels) -> dict[str, object]:
    """What the pixels say. Rounded, so that the table is the same on every machine."""
    grey = np.asarray(cv2.cvtColor(images.resize(pixels, SIDE), cv2.COLOR_RGB2GRAY), np.uint8)
    flat = float(grey.std()) < FLAT
    return {
        "width": pixels.shape[1],
        "height": pixels.shape[0],
        "dhash": "" if flat else dhash(grey),
        "phash": "" if flat else phash(grey),
        "brightness": round(float(grey.mean()), 2),
        "sharpness": round(float(cv2.Laplacian(grey, cv2.CV_64F).var()), 2),
        "problem": "",
    }


def _nothing(problem: str) -> dict[str, object]:
    blank = dict.fromkeys(("width", "height", "brightness", "sharpness"), 0)
    return {**blank, "dhash": "", "phash": "", "mode": "", "problem": problem}


def _hex(bits: NDArray[np.bool_]) -> str:
    return np.packbits(bits.ravel()).tobytes().hex()


def _check_place(raw: Path, name: str) -> None:
    parts = PurePosixPath(name).parts
    if len(parts) != 3 or parts[0] not in (*SPLITS, UNSPLIT):
        places = "|".join((*SPLITS, UNSPLIT))
        raise BadData(f"{raw / name}: expected ({places})/LABEL/NAME; run the stage ingest again")
    if not name.isprintable() or not _is_utf8(name):
        raise BadData(f"{raw / ascii(name)}: the name is no plain UTF-8; rename the file")


def _is_utf8(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
