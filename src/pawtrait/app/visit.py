"""What one visitor did since the page was opened; it lives in the page's session and goes with it."""

from collections.abc import MutableMapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, cast

from pawtrait.app import pictures
from pawtrait.app.answers import Job, Portrait, Reading, Wish
from pawtrait.app.parts import Photo

# Entries in full, and bytes of them: of older ones hardly anything stays, so that no visit fills the memory.
LONGEST, LARGEST = 24, 50_000_000
SHOWN, THUMB = 900, 240  # px of the longer side


@dataclass
class Read:
    """A photo and its mood.

    Attributes:
        shown: the photo for a page, JPEG.
        kept: the service has it, by consent to this reading (``reading.kept``), to another of that picture or
            with what was said since; then it can be deleted for as long as the visit lasts.
        said: what the visitor said of the mood, or "".
    """

    photo: Photo
    reading: Reading
    shown: bytes = field(repr=False)
    time: datetime
    kept: bool
    said: str = ""


@dataclass
class Painted:
    """A portrait, with the photo that it was made from; ``shown`` is that photo at the portrait's size."""

    photo: Photo
    wish: Wish
    title: str
    portrait: Portrait
    shown: bytes = field(repr=False)
    time: datetime
    thumbs: int = 0


@dataclass
class Visit:
    """All of it, oldest first, the photo that the pages are about now, and what is being painted.

    Of a photo that the service keeps an entry stays to the end, an old one without the photo's own bytes.
    A page's run may be cut short wherever it speaks to Streamlit, its session too. So what a service's answer
    changes is changed here, on an object that was fetched before the service was asked.
    """

    entries: list[Read | Painted] = field(default_factory=list)
    photo: Photo | None = None
    job: tuple[Photo, Job, Wish, str] | None = None  # its photo may no longer be the one at hand

    @property
    def read(self) -> Read | None:
        """The mood on show: that of the photo at hand."""
        found = [e for e in self.entries if isinstance(e, Read) and e.photo is self.photo]
        return found[-1] if found else None

    def add_reading(self, photo: Photo, reading: Reading, now: datetime) -> None:
        """Note a mood; its photo becomes the one at hand."""
        self.photo = photo
        kept = reading.kept or any(one.kept for one in self._of(reading.picture))
        self._add(Read(photo, reading, pictures.small(photo.data, SHOWN), now, kept))

    def keep(self, picture: str) -> None:
        """Note that the service has a picture now, however often it was read."""
        for one in self._of(picture):
            one.kept = True

    def add_portrait(
        self, photo: Photo, wish: Wish, title: str, portrait: Portrait, now: datetime
    ) -> Painted:
        """Note a portrait."""
        painted = Painted(photo, wish, title, portrait, pictures.like(photo.data, portrait.png), now)
        self._add(painted)
        return painted

    def drop(self, picture: str) -> None:
        """Forget every trace of a photo, named as the service does: its moods and its portraits."""
        files = {one.photo.sha256 for one in self._of(picture)}  # the service's name is of it without notes
        self.entries = [one for one in self.entries if one.photo.sha256 not in files]
        if self.photo and self.photo.sha256 in files:
            self.photo = None
        if self.job and self.job[0].sha256 in files:  # the service stops it by itself
            self.job = None

    def _of(self, picture: str) -> list[Read]:
        return [one for one in self.entries if isinstance(one, Read) and one.reading.picture == picture]

    def _add(self, entry: Read | Painted) -> None:
        entries = [*self.entries, entry]
        old = len(entries) - _room(entries)
        faded = [_faded(one) for one in entries[:old] if isinstance(one, Read) and one.kept]
        self.entries = [*faded, *entries[old:]]


def _room(entries: Sequence[Read | Painted]) -> int:
    """How many of the newest can stay in full; the last one always does."""
    files: dict[int, int] = {}  # entries about one photo share its bytes
    size = 0
    for place, one in enumerate(reversed(entries[-LONGEST:])):
        files[id(one.photo)] = len(one.photo.data)
        size += len(one.shown) + len(one.reading.heat if isinstance(one, Read) else one.portrait.png)
        if place and size + sum(files.values()) > LARGEST:
            return place
    return min(len(entries), LONGEST)


def _faded(entry: Read) -> Read:
    """What is left of an old entry: enough to know the picture by, and to have it deleted."""
    if not entry.photo.data:
        return entry
    photo, reading = replace(entry.photo, data=b""), replace(entry.reading, heat="")
    return replace(entry, photo=photo, reading=reading, shown=pictures.small(entry.shown, THUMB))


def of(session: MutableMapping[Any, Any]) -> Visit:
    """The visit that a session holds; a new one to begin with."""
    if "visit" not in session:
        session["visit"] = Visit()
    return cast(Visit, session["visit"])
