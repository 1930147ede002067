"""Painting photos of any size with exported networks: neither TensorFlow nor torch is loaded.

A photo is painted at a longer side of at most ``side`` px, which bounds time and memory, and the result is
brought to the photo's own size. A small photo is first enlarged to 64 px on its shorter side if ``side``
allows it; one still narrower, or no multiple of 4, is continued by its mirror picture, later cut off.
"""

from collections.abc import Callable, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from pawtrait import sealed
from pawtrait.dataset import images
from pawtrait.dataset.images import Pixels
from pawtrait.errors import BadImage, BadModel, BadParams
from pawtrait.style_transfer import runners, vectors
from pawtrait.style_transfer.runners import Engine, Run
from pawtrait.style_transfer.vectors import Vector

FAST = ("style.onnx", "transformer.onnx")
CYCLEGAN = ("photo_to_painting.onnx", "painting_to_photo.onnx")
LEAST = 64  # px a side that a network gets to see; it halves a picture twice and mirrors its edges
STEP = 4  # px; sides come out of two halvings and two doublings unchanged


class FastPainter:
    """Magenta's network in two parts: a painting becomes a vector; a photo and a vector, a painted picture.

    Attributes:
        facts: what ``model.json`` says.
        engine: what paints, onnxruntime or openvino; vectors always come from onnxruntime, in float32.
    """

    def __init__(self, look: Run, paint: Run, facts: dict[str, Any], engine: str) -> None:
        self._look = look
        self._paint = paint
        self.facts = facts
        self.engine = engine

    @classmethod
    def load(
        cls, folder: Path, kept: Path | None = None, engine: Engine = "auto", threads: int | None = None
    ) -> "FastPainter":
        """Check a sealed folder and open its files.

        Args:
            folder: the painter's.
            kept: a folder where vectors stay known; None keeps none.
            engine: what paints.
            threads: how many; None is all cores.

        Raises:
            BadModel: a file is missing or changed, it is another painter's folder, or says why it is empty.
            BadParams: the engine is not installed.
        """
        sums, facts = _checked(folder, "fast", FAST)
        engine = runners.choose(engine)
        look = runners.open_file(folder / FAST[0], "onnxruntime", threads)
        paint = runners.open_file(folder / FAST[1], engine, threads)
        return cls(
            vectors.keeping(look, kept / "vectors" / sums[FAST[0]][:16]) if kept else look,
            paint,
            facts,
            engine,
        )

    def vector(self, style: Pixels) -> Vector:
        """Sum up a painting, uint8 (H, W, 3), by the square in its middle, as TensorFlow's tutorial does.

        Raises:
            BadImage: that is no picture.
        """
        _check(style)
        square = images.resize(images.middle(style), int(self.facts["side"]))
        return self._look({"pixels": square[np.newaxis].astype(np.float32)})

    def paint(self, photo: Pixels, vector: Vector, side: int) -> Pixels:
        """Paint a photo, uint8 (H, W, 3), in a style; the answer has the same size.

        Raises:
            BadImage: that is no picture.
            BadModel: the network answers with something else than colours.
            BadParams: ``side`` is too large for the memory.
        """
        return _painted(lambda pixels: self._paint({"pixels": pixels, "vector": vector}), photo, side)

    def paint_like(self, photo: Pixels, style: Pixels, strength: float, side: int) -> Pixels:
        """Paint a photo like a picture, both uint8 (H, W, 3).

        ``strength`` mixes the two pictures' vectors: at 1 the style is the painting's, at 0 the photo's own.

        Raises:
            BadImage, BadModel, BadParams: as ``paint`` does, or the strength is not from 0 to 1.
        """
        if not 0 <= strength <= 1:
            raise BadParams(f"strength {strength:g}: expected 0, the photo's own style, to 1, the painting's")
        vector = self.vector(style)
        if strength < 1:
            vector = mix([self.vector(photo), vector], [1 - strength, strength])
        return self.paint(photo, vector, side)


class CycleGanPainter:
    """CycleGAN's two generators.

    Attributes:
        facts: what ``model.json`` says.
        engine: what paints, onnxruntime or openvino.
    """

    def __init__(self, paint: Run, back: Callable[[], Run], facts: dict[str, Any], engine: str) -> None:
        """``back`` opens the second one, which portraits do not need."""
        self._paint = paint
        self._back = cache(back)
        self.facts = facts
        self.engine = engine

    @classmethod
    def load(cls, folder: Path, engine: Engine = "auto", threads: int | None = None) -> "CycleGanPainter":
        """Check a sealed folder and open its files; arguments and errors as for ``FastPainter.load``."""
        _, facts = _checked(folder, "cyclegan", CYCLEGAN)
        engine = runners.choose(engine)
        paint, back = (partial(runners.open_file, folder / name, engine, threads) for name in CYCLEGAN)
        return cls(paint(), back, facts, engine)

    def paint(self, photo: Pixels, side: int) -> Pixels:
        """From photo to painting, uint8 (H, W, 3), same size; raises as ``FastPainter.paint`` does."""
        return _painted(lambda pixels: self._paint({"pixels": pixels}), photo, side)

    def back(self, painting: Pixels, side: int) -> Pixels:
        """From painting to photo, uint8 (H, W, 3), same size; raises as ``FastPainter.paint`` does."""
        return _painted(lambda pixels: self._back()({"pixels": pixels}), painting, side)


def missing(folder: Path) -> str:
    """Why a painter's folder holds no painter, or "" where it holds one.

    Raises:
        BadModel: the folder is missing or damaged.
    """
    sealed.check(folder)
    return str(sealed.facts(folder).get("missing", ""))


def mix(styles: Sequence[Vector], weights: Sequence[float]) -> Vector:
    """The weighted mean of style vectors, float32 (1, 100).

    Raises:
        BadParams: none are given, the counts differ, a weight is negative or no number, or all are zero.
    """
    shares = np.asarray(weights, np.float64)
    if not len(styles) == len(shares) > 0:
        raise BadParams(f"mixing {len(styles)} styles with {len(shares)} weights; give one weight for each")
    if not (np.isfinite(shares).all() and shares.min() >= 0 and shares.sum() > 0):
        given = ", ".join(f"{weight:g}" for weight in weights)
        raise BadParams(f"weights of styles {given}: expected numbers from 0 up, not all 0")
    return np.tensordot(shares / shares.sum(), np.stack(styles), 1).astype(np.float32)


def working_size(height: int, width: int, side: int) -> tuple[int, int]:
    """Rows and columns in which a photo is painted: at most ``side``, and ``LEAST`` where that allows it."""
    scale = min(side / max(height, width), max(1.0, LEAST / min(height, width)))
    return max(round(height * scale), 1), max(round(width * scale), 1)


def _checked(
    folder: Path, kind: Literal["fast", "cyclegan"], needed: Sequence[str]
) -> tuple[dict[str, str], dict[str, Any]]:
    """The sums and the facts of a folder that can paint."""
    sums = sealed.check(folder)
    facts = sealed.facts(folder)
    if facts.get("kind") != kind:
        raise BadModel(f"{folder} holds a {facts.get('kind')} painter, expected {kind}; name another folder")
    if "missing" in facts:
        raise BadModel(f"{folder} cannot paint: {facts['missing']}")
    for name in needed:
        if name not in sums:
            raise BadModel(f"{folder}/{sealed.SUMS} lists no {name}; make or download the painter again")
    return sums, facts


def _painted(run: Callable[[NDArray[np.float32]], NDArray[np.float32]], photo: Pixels, side: int) -> Pixels:
    """Bring to a size that the network takes, paint, and bring back."""
    _check(photo)
    height, width = photo.shape[:2]
    rows, columns = working_size(height, width, side)
    sized = images.stretch(photo, rows, columns)
    room = [(0, max(-size % STEP, LEAST - size)) for size in (rows, columns)]
    try:
        painted = run(np.pad(sized, [*room, (0, 0)], mode="reflect")[np.newaxis].astype(np.float32))
    except runners.FAILURES as error:
        told = (str(error).strip() or type(error).__name__).splitlines()[0][:160]
        raise BadParams(
            f"side {side}: {columns}x{rows} px cannot be painted here ({told}); lower it"
        ) from error
    if not np.isfinite(painted.sum()):
        raise BadModel("the painter answers with NaN where colours are expected; train or download it again")
    np.clip(np.rint(painted, out=painted), 0, 255, out=painted)
    return images.stretch(painted[0, :rows, :columns].astype(np.uint8), height, width)


def _check(picture: Pixels) -> None:
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3 or picture.size == 0:
        raise BadImage(
            f"an array of {picture.dtype} {picture.shape} is no picture; expected uint8 (H, W, 3), RGB"
        )
