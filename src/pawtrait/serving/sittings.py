"""A sitting: from a wish to pixels that can be painted, and to the row that says what became of it."""

import logging
import time
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from hashlib import sha256

from pawtrait import clock
from pawtrait.adapters.store import requests
from pawtrait.dataset import images
from pawtrait.dataset.images import Pixels
from pawtrait.errors import BadImage, BadParams
from pawtrait.serving import intake, privacy
from pawtrait.serving.hands import Order
from pawtrait.serving.intake import Seen, Sent
from pawtrait.serving.places import Place
from pawtrait.serving.problems import Problem
from pawtrait.serving.settings import Settings
from pawtrait.serving.wishes import Wish
from pawtrait.serving.workshop import Workshop

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Facts:
    """What is written down of a photo: the SHA-256 and the length of what may be kept, and its figures."""

    id: str
    bytes: int
    seen: Seen


@dataclass(frozen=True, slots=True)
class Material:
    """A photo and perhaps a painting, ready to be painted.

    Attributes:
        order: the pixels, the longer side at most what was wished.
        data: the photo's bytes without notes: what may be kept.
    """

    order: Order
    data: bytes
    facts: Facts


class Sitting:
    """One wish on its way."""

    def __init__(self, wish: Wish, shop: Workshop, settings: Settings) -> None:
        self.wish = wish
        self.began = time.perf_counter()
        self.when: datetime = clock.now()
        self.painter: Place | None = None  # that painted it, or will
        self._shop, self._settings = shop, settings

    @property
    def seconds(self) -> float:
        """Since it began."""
        return time.perf_counter() - self.began

    def prepare(self) -> Material:
        """Decode and shrink; for a thread.

        Raises:
            Problem: a picture that cannot be used.
        """
        wish = self.wish
        pixels = intake.decode(wish.photo, self._settings)
        data = privacy.clean(wish.photo.data, pixels)
        painting = self._painting()
        if painting is not None and wish.method != "fast":  # that one looks at the middle, at its own size
            painting = _fit(painting, wish.side)
        self.painter = self._shop.painter(wish.method)
        order = Order(
            wish.method, _fit(pixels, wish.side), painting, wish.strength, wish.side, wish.steps, self.painter
        )
        facts = Facts(sha256(data).hexdigest(), len(data), intake.measure(pixels))
        return Material(order, data, facts)

    def paint(self) -> tuple[bytes, Material]:
        """Paint at once: a PNG; for a thread. Raises as ``prepare``, and BadModel."""
        material = self.prepare()
        try:
            picture = self._painted(material.order)
        except BadParams as error:  # the painter's words for a side that memory does not suffice for
            log.warning("%s", error)
            words = f"painting at {self.wish.side} px takes more memory than there is; ask for a smaller side"
            raise Problem(413, "too-much-memory", words) from error
        return images.encode_png(picture), material

    def forget(self) -> None:
        """Let go of the pictures; what is written down of them stays."""
        nothing = Sent("", b"")
        self.wish = replace(self.wish, photo=nothing, painting=nothing if self.wish.painting else None)

    def row(self, name: str, facts: Facts | None, error: str | None) -> requests.Request:
        """What is written down of it; ``error`` is None where there is a portrait.

        Without facts there is no hash: by that of a file with its notes nobody could have it deleted.
        """
        return requests.Request(
            id=name,
            time=self.when,
            kind="stylize",
            outcome="error" if error else "ok",
            error_kind=error,
            latency_ms=round(self.seconds * 1000, 3),
            picture=facts.id if facts else None,
            bytes=facts.bytes if facts else len(self.wish.photo.data),
            **(asdict(facts.seen) if facts else {}),
            model_name=self.painter.name if self.painter else None,
            model_version=self.painter.version if self.painter else None,
            method=self.wish.method,
            style=self.wish.style,
            strength=self.wish.strength,
        )

    def _painted(self, order: Order) -> Pixels:
        painters = self._shop.painters
        if order.painting is None:
            painted, self.painter = painters.cyclegan(order.photo, order.strength, order.side)
        else:
            painted, self.painter = painters.fast(
                order.photo, order.painting, self.wish.work, order.strength, order.side
            )
        return painted

    def _painting(self) -> Pixels | None:
        if self.wish.work:
            try:
                return self._shop.wall.pixels(self.wish.work)
            except (BadImage, OSError) as error:
                log.error("a painting on the wall cannot be read: %s", error)
                raise Problem(503, "no-such-style", "the file of this painting cannot be read") from error
        return intake.decode(self.wish.painting, self._settings) if self.wish.painting else None


def _fit(pixels: Pixels, side: int) -> Pixels:
    """Shrink where the longer side is more than ``side`` px."""
    return images.fit(pixels, min(side, max(pixels.shape[:2])))
