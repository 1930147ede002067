"""The paintings that a client can name: what hangs in the project's folder, read again when it changes."""

import io
import logging
import threading
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from pawtrait.dataset import images, manifest, paintings
from pawtrait.dataset.images import Pixels
from pawtrait.dataset.paintings import Painting

SHOWN = 512  # px of the longer side of what a client gets to see
KEPT = 64  # paintings in memory

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Work:
    """A painting on the wall.

    Attributes:
        id: SHA-256 of its file.
    """

    name: str
    title: str
    id: str
    path: Path


class Wall:
    """Paintings by name. Safe from any thread; a client's name is only ever looked up, never a path."""

    def __init__(self, table: Path, folder: Path, largest_pixels: int, side: int) -> None:
        """Nothing is read yet.

        Args:
            table: as the stage paintings writes it; without one, all pictures in ``folder`` are taken.
            folder: holds the pictures.
            largest_pixels: of a file; larger ones do not hang.
            side: px of the longer side at which paintings are kept in memory.
        """
        self._table, self._folder, self._largest, self._side = table, folder, largest_pixels, side
        self._lock = threading.Lock()
        self._opening = threading.Lock()  # reading a file takes a while, and nobody else needs to wait for it
        self._seen: tuple[int, ...] = ()
        self._works: dict[str, Work] = {}
        self._shown: OrderedDict[str, tuple[Pixels, bytes]] = OrderedDict()

    def works(self) -> list[Work]:
        """All of them, by the table's order; none where there is neither table nor folder."""
        return list(self._hung().values())

    def find(self, name: str) -> Work | None:
        """The painting of that name."""
        return self._hung().get(name)

    def pixels(self, work: Work) -> Pixels:
        """A painting, uint8 (H, W, 3), no larger than it may be asked for.

        Raises:
            BadImage, OSError: its file is damaged or gone.
        """
        return self._opened(work)[0]

    def picture(self, work: Work) -> bytes:
        """A JPEG to look at, the longer side at most ``SHOWN`` px; raises as ``pixels`` does."""
        return self._opened(work)[1]

    def _opened(self, work: Work) -> tuple[Pixels, bytes]:
        with self._opening:
            if work.id not in self._shown:
                whole = images.read(work.path, largest_pixels=self._largest)
                pixels = images.fit(whole, min(self._side, max(whole.shape[:2])))
                self._shown[work.id] = pixels, _jpeg(pixels)
            self._shown.move_to_end(work.id)
            if len(self._shown) > KEPT:
                self._shown.popitem(last=False)
            return self._shown[work.id]

    def _hung(self) -> dict[str, Work]:
        with self._lock:
            now = tuple(
                path.stat().st_mtime_ns if path.exists() else 0 for path in (self._table, self._folder)
            )
            if now != self._seen:
                self._works = {work.name: work for work in self._looked()}
                self._seen = now
            return self._works

    def _looked(self) -> list[Work]:
        if self._table.exists():
            rows = manifest.read(self._table, Painting)
            hung = [row for row in rows if not row.problem and self._fits(row)]
            return [_work(row, self._folder / row.path) for row in hung]
        if not self._folder.is_dir():
            return []
        names = [path.name for path in self._folder.iterdir() if path.is_file()]
        rows = paintings.look(self._folder, names, {}, self._largest)
        return [_work(row, self._folder / row.origin) for row in rows if not row.problem]

    def _fits(self, row: Painting) -> bool:
        fits = row.width * row.height <= self._largest
        if not fits:
            pixels = row.width * row.height
            log.warning("%s does not hang: %d px, more than %d", row.name, pixels, self._largest)
        return fits


def _work(row: Painting, path: Path) -> Work:
    return Work(row.name, row.title, row.id, path)


def _jpeg(pixels: Pixels) -> bytes:
    small = images.fit(pixels, min(SHOWN, max(pixels.shape[:2])))
    stream = io.BytesIO()
    Image.fromarray(small).save(stream, "JPEG", quality=88)
    return stream.getvalue()
