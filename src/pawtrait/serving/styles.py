"""The paintings that a client can name: what hangs in the project's folder, read again when it changes."""

import io
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

    def __init__(self, table: Path, folder: Path, largest_pixels: int) -> None:
        """Nothing is read yet.

        Args:
            table: as the stage paintings writes it; without one, all pictures in ``folder`` are taken.
            folder: holds the pictures.
        """
        self._table, self._folder, self._largest = table, folder, largest_pixels
        self._lock = threading.Lock()
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
        """A painting, uint8 (H, W, 3).

        Raises:
            BadImage, OSError: its file is damaged or gone.
        """
        return self._opened(work)[0]

    def picture(self, work: Work) -> bytes:
        """A JPEG to look at, the longer side at most ``SHOWN`` px; raises as ``pixels`` does."""
        return self._opened(work)[1]

    def _opened(self, work: Work) -> tuple[Pixels, bytes]:
        with self._lock:
            if work.id not in self._shown:
                pixels = images.read(work.path, largest_pixels=self._largest)
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
            return [_work(row, self._folder / row.path) for row in rows if not row.problem]
        if not self._folder.is_dir():
            return []
        names = [path.name for path in self._folder.iterdir() if path.is_file()]
        rows = paintings.look(self._folder, names, {}, self._largest)
        return [_work(row, self._folder / row.origin) for row in rows if not row.problem]


def _work(row: Painting, path: Path) -> Work:
    return Work(row.name, row.title, row.id, path)


def _jpeg(pixels: Pixels) -> bytes:
    small = images.fit(pixels, min(SHOWN, max(pixels.shape[:2])))
    stream = io.BytesIO()
    Image.fromarray(small).save(stream, "JPEG", quality=88)
    return stream.getvalue()
