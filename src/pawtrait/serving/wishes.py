"""What somebody wants painted: the words of a form or a query, checked one by one."""

import json
from dataclasses import dataclass, field
from hashlib import sha256

from fastapi import Request

from pawtrait.adapters.store.tables import STYLE
from pawtrait.serving.intake import Form, Sent
from pawtrait.serving.moods import flag
from pawtrait.serving.problems import Problem
from pawtrait.serving.settings import LEAST_SIDE, Settings
from pawtrait.serving.styles import Wall, Work
from pawtrait.style_transfer.studio import METHODS, NEEDS_STYLE

OWN = "own"  # what a painting that came with the photo is called in the store


@dataclass(frozen=True, slots=True)
class Wish:
    """A portrait that somebody asks for.

    Attributes:
        photo: as it came.
        work: the painting that was named, or None.
        painting: the one that came along, or None; the method decides whether one of them is needed.
        strength: 0, the photo as it is, to 1.
        side: px of the longer side at most.
        steps: at the full size, or None.
        consent: may the photo be kept.
    """

    method: str
    photo: Sent = field(repr=False)
    work: Work | None
    painting: Sent | None = field(repr=False)
    strength: float
    side: int
    steps: int | None
    consent: bool

    @property
    def style(self) -> str | None:
        """What the store calls the painting; names may be longer than it takes."""
        if self.work:
            return self.work.name[:STYLE]
        return OWN if self.painting else None

    def job(self, key: str, client: str) -> str:
        """The id, 32 hexadecimal digits, of the job that this wish is whenever this client sends this key."""
        style = self.work.id if self.work else None
        words = key, client, self.method, style, self.strength, self.side, self.steps
        pictures = [sha256(one.data).hexdigest() for one in (self.photo, self.painting) if one]
        return sha256(json.dumps([*words, *pictures]).encode()).hexdigest()[:32]


def read(request: Request, form: Form, wall: Wall, settings: Settings) -> Wish:
    """The wish in a request; the query goes before the form.

    Raises:
        Problem: 422 where something is missing, unknown or out of range.
    """

    def said(name: str) -> str:
        return request.query_params.get(name, form.fields.get(name, "")).strip()

    method = said("method")
    if method not in METHODS:
        raise _wrong(f"method: expected one of {', '.join(METHODS)}")
    work, painting = _painting(method, said("style"), form, wall)
    photos = form.files.get("picture", [])
    if len(photos) != 1:
        raise Problem(422, "no-picture", f"picture: expected one photo, {len(photos)} came")
    side, steps, most = said("side"), said("steps"), settings.portrait_largest
    return Wish(
        method=method,
        photo=photos[0],
        work=work,
        painting=painting,
        strength=_strength(said("strength") or "1"),
        side=_whole("side", side, LEAST_SIDE, most) if side else min(settings.portrait_side, most),
        steps=_whole("steps", steps, 1, settings.portrait_steps) if steps else None,
        consent=flag(request, form, "consent"),
    )


def _painting(method: str, style: str, form: Form, wall: Wall) -> tuple[Work | None, Sent | None]:
    """The painting that was named or came along."""
    sent = form.files.get("painting", [])
    if method not in NEEDS_STYLE:
        if style or sent:
            raise _wrong(f"style: {method} paints in the style that it learned; leave style and painting out")
        return None, None
    if bool(style) + len(sent) != 1:
        raise _wrong("style: expected a name of /v1/styles, or a picture in the field painting, and not both")
    if sent:
        return None, sent[0]
    work = wall.find(style)
    if work is None:
        raise _wrong("style: there is no painting of that name; GET /v1/styles lists them")
    return work, None


def _strength(text: str) -> float:
    try:
        strength = float(text)
    except ValueError:
        strength = -1.0
    if not 0 <= strength <= 1:
        raise _wrong("strength: expected a number from 0, the photo as it is, to 1")
    return strength


def _whole(name: str, text: str, least: int, most: int) -> int:
    value = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else -1
    if not least <= value <= most:
        raise _wrong(f"{name}: expected a whole number from {least} to {most}")
    return value


def _wrong(words: str) -> Problem:
    return Problem(422, "invalid-request", words)
