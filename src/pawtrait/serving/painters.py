"""The painters that paint at once, by onnxruntime alone: fast style transfer and CycleGAN."""

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from pawtrait import sealed
from pawtrait.dataset.images import Pixels
from pawtrait.errors import BadModel
from pawtrait.serving.styles import Work
from pawtrait.style_transfer import painter
from pawtrait.style_transfer.painter import CycleGanPainter, FastPainter
from pawtrait.style_transfer.vectors import Vector

KEPT = 256  # style vectors of known paintings, 400 bytes each

log = logging.getLogger(__name__)


class Painters:
    """Both of them, opened with their first portrait, and again when their files change. For any thread."""

    def __init__(self, folder: Path, threads: int) -> None:
        """Nothing is opened yet.

        Args:
            folder: holds the folders ``fast`` and ``cyclegan``.
            threads: of a network; 0 is one a core.
        """
        self._folder, self._threads = folder, threads
        self._lock = threading.Lock()
        self._opened: dict[str, tuple[int, Any]] = {}
        self._lacks: dict[str, tuple[int, str]] = {}
        self._vectors: OrderedDict[tuple[str, int], Vector] = OrderedDict()

    def lack(self, kind: str) -> str:
        """Why ``fast`` or ``cyclegan`` cannot paint here, in words for a client; "" where it can."""
        stamp = self._stamp(kind)
        if stamp == 0:
            return "this service has no such painter; train or download one"
        with self._lock:
            if self._lacks.get(kind, (0, ""))[0] != stamp:
                self._lacks[kind] = stamp, self._looked(kind)
            return self._lacks[kind][1]

    def fast(self, photo: Pixels, painting: Pixels, known: Work | None, strength: float, side: int) -> Pixels:
        """Paint a photo like a painting, both uint8 (H, W, 3).

        ``strength`` mixes their style vectors. The vector of a ``known`` painting is kept, those of pictures
        that people send are not.

        Raises:
            BadModel, BadParams: as ``FastPainter.paint`` does.
        """
        network, stamp = self._open("fast", FastPainter.load)
        vector = self._vector(network, painting, known, stamp)
        if strength < 1:
            vector = painter.mix([network.vector(photo), vector], [1 - strength, strength])
        painted: Pixels = network.paint(photo, vector, side)
        return painted

    def cyclegan(self, photo: Pixels, strength: float, side: int) -> Pixels:
        """Paint a photo, uint8 (H, W, 3); ``strength`` mixes the pictures. Raises as ``fast`` does."""
        network, _ = self._open("cyclegan", CycleGanPainter.load)
        painted: Pixels = network.paint(photo, side)
        blend = photo * np.float32(1 - strength) + painted * np.float32(strength)
        return np.rint(blend).astype(np.uint8)

    def _open(self, kind: str, load: Callable[..., Any]) -> tuple[Any, int]:
        stamp = self._stamp(kind)
        with self._lock:
            if self._opened.get(kind, (0, None))[0] != stamp or stamp == 0:
                network = load(self._folder / kind, engine="onnxruntime", threads=self._threads or None)
                self._opened[kind] = stamp, network
            return self._opened[kind][1], stamp

    def _vector(self, network: FastPainter, painting: Pixels, known: Work | None, stamp: int) -> Vector:
        if known is None:
            return network.vector(painting)
        key = known.id, stamp
        vector = self._vectors.get(key)
        if vector is None:
            vector = network.vector(painting)
            with self._lock:
                self._vectors[key] = vector
                while len(self._vectors) > KEPT:
                    self._vectors.popitem(last=False)
        return vector

    def _looked(self, kind: str) -> str:
        try:
            return painter.missing(self._folder / kind)
        except BadModel as error:
            log.error("%s", error)
            return "its painter is damaged; the operator can read how in the log"

    def _stamp(self, kind: str) -> int:
        """When a painter's sums were written; 0 where there are none."""
        try:
            return (self._folder / kind / sealed.SUMS).stat().st_mtime_ns
        except OSError:
            return 0
