"""The painters that paint at once, by onnxruntime alone: fast style transfer and CycleGAN."""

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np

from pawtrait import sealed
from pawtrait.dataset.images import Pixels
from pawtrait.errors import BadModel
from pawtrait.serving.arrivals import Arrivals
from pawtrait.serving.places import Place
from pawtrait.serving.styles import Work
from pawtrait.style_transfer import painter
from pawtrait.style_transfer.painter import CycleGanPainter, FastPainter
from pawtrait.style_transfer.vectors import Vector

NOBODY = "this service has no such painter; train or download one"
KEPT = 256  # style vectors of known paintings, 400 bytes each

Stamp = tuple[Place, int]  # where a painter lives, and when its sums were written

log = logging.getLogger(__name__)


class Painters:
    """Both of them, opened with their first portrait, and again when they move or change. For any thread."""

    def __init__(self, arrivals: Arrivals, threads: int) -> None:
        """Nothing is opened yet.

        Args:
            arrivals: say where ``fast`` and ``cyclegan`` live.
            threads: of a network; 0 is one a core.
        """
        self._arrivals, self._threads = arrivals, threads
        self._lock = threading.Lock()
        self._opened: dict[str, tuple[Stamp, Any]] = {}
        self._lacks: dict[str, tuple[Stamp, str]] = {}
        self._vectors: OrderedDict[tuple[str, Stamp], Vector] = OrderedDict()

    def lack(self, kind: str) -> str:
        """Why ``fast`` or ``cyclegan`` cannot paint here, in words for a client; "" where it can."""
        place = self._arrivals.find(kind)
        if place is None:
            return NOBODY
        stamp = _stamp(place)
        with self._lock:
            if kind not in self._lacks or not _same(self._lacks[kind][0], stamp):
                self._lacks[kind] = stamp, _looked(place)
            return self._lacks[kind][1]

    def fast(
        self, photo: Pixels, painting: Pixels, known: Work | None, strength: float, side: int
    ) -> tuple[Pixels, Place]:
        """Paint a photo like a painting, both uint8 (H, W, 3); also which version did.

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
        return painted, stamp[0]

    def cyclegan(self, photo: Pixels, strength: float, side: int) -> tuple[Pixels, Place]:
        """Paint a photo, uint8 (H, W, 3); ``strength`` mixes the pictures. Raises as ``fast`` does."""
        network, stamp = self._open("cyclegan", CycleGanPainter.load)
        painted: Pixels = network.paint(photo, side)
        blend = photo * np.float32(1 - strength) + painted * np.float32(strength)
        return np.rint(blend).astype(np.uint8), stamp[0]

    def _open(self, kind: str, load: Callable[..., Any]) -> tuple[Any, Stamp]:
        place = self._arrivals.find(kind)
        if place is None:
            raise BadModel(NOBODY)
        stamp = _stamp(place)
        with self._lock:
            if kind not in self._opened or not _same(self._opened[kind][0], stamp):
                network = load(place.folder, engine="onnxruntime", threads=self._threads or None)
                self._opened[kind] = stamp, network
            return self._opened[kind][1], stamp

    def _vector(self, network: FastPainter, painting: Pixels, known: Work | None, stamp: Stamp) -> Vector:
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


def _looked(place: Place) -> str:
    try:
        return painter.missing(place.folder)
    except BadModel as error:
        log.error("%s", error)
        return "its painter is damaged; the operator can read how in the log"


def _stamp(place: Place) -> Stamp:
    """Files that were mended in place have the same sums, written later; 0 where they are gone."""
    try:
        return place, (place.folder / sealed.SUMS).stat().st_mtime_ns
    except OSError:
        return place, 0


def _same(known: Stamp, now: Stamp) -> bool:
    """Whether what was opened is still right: a copy that somebody tidied away lives on in memory."""
    return known == now or (known[0] == now[0] and now[1] == 0)
