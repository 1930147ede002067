"""Style vectors of known paintings, kept in files, so that a style is summed up once."""

import hashlib
from pathlib import Path

import numpy as np

from pawtrait.dataset import images
from pawtrait.errors import BadImage
from pawtrait.files import whole
from pawtrait.style_transfer.painter import FastPainter, Vector


def of(painting: Path, painter: FastPainter, kept: Path, largest_pixels: int) -> Vector:
    """The style vector of a painting: from the folder ``kept``, else by decoding and looking at it.

    It is found again by the SHA-256 of the painting's file and the painter's ``digest``; one that is
    damaged is made anew.

    Raises:
        BadImage: the painting is no picture, or one of more than ``largest_pixels``.
    """
    data = _read(painting)
    path = kept / painter.digest[:16] / f"{hashlib.sha256(data).hexdigest()}.npy"
    known = _known(path)
    if known is not None:
        return known
    vector = painter.vector(images.decode(data, largest_pixels=largest_pixels, name=str(painting)))
    with whole(path) as draft, draft.open("wb") as stream:
        np.save(stream, vector, allow_pickle=False)
    return vector


def _read(painting: Path) -> bytes:
    try:
        return painting.read_bytes()
    except OSError as error:
        raise BadImage(f"{painting}: cannot be read ({error.strerror}); name a picture") from error


def _known(path: Path) -> Vector | None:
    """The vector in a file, or None where there is none that can be used."""
    try:
        vector = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    return vector if vector.dtype == np.float32 and vector.shape == (1, 100) else None
