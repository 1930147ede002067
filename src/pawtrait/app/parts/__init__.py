"""Pieces of a page that Streamlit lacks: HTML, CSS and JavaScript of our own, in the page itself."""

from base64 import b64decode, b64encode
from binascii import Error
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Any, Literal

import streamlit as st

from pawtrait.app import pictures, words

LARGEST = 10_000_000  # bytes of a photo; the service has its own limit, this one spares the way there

# Of a session: what a screen reader shall say, what went wrong, how often the top of a page had news.
HEARD, TROUBLE, NEWS = "heard", "trouble", "news"


@dataclass(frozen=True, slots=True)
class Photo:
    """A picture that came in: encoded bytes, and a name for people.

    Attributes:
        sha256: of the file as it came, in hex; worked out where it is not said.
        ours: a sample of the app; no model shall learn from it.
    """

    name: str
    data: bytes = field(repr=False)
    sha256: str = ""
    ours: bool = False

    def __post_init__(self) -> None:
        if not self.sha256:
            object.__setattr__(self, "sha256", sha256(self.data).hexdigest())


@dataclass(frozen=True, slots=True)
class Choice:
    """Something to pick by its picture. ``source`` is a data URI."""

    name: str
    title: str
    source: str = field(repr=False)
    alt: str


def drop(key: str, title: str, take: Callable[[Photo], None], small: bool = False) -> None:
    """A place to drop, choose, paste or take a photo; ``take`` has it before the page is drawn anew."""
    turns, camera = f"{key}-turns", f"{key}-camera"

    def came() -> None:
        st.session_state[turns] = st.session_state.get(turns, 0) + 1
        if photo := _photo(st.session_state[key].get("photo")):
            _hand_on(photo, take)

    def snap() -> None:
        st.session_state[camera] = not st.session_state.get(camera, False)

    told = {"title": title, "small": small, "largest": LARGEST, "turn": st.session_state.get(turns, 0)}
    _part("drop")(key=key, data=told, on_photo_change=came, on_camera_change=snap)
    if st.session_state.get(camera):
        _snapshot(camera, take)


def buttons(key: str, legend: str, choices: Sequence[Choice], take: Callable[[str], None]) -> None:
    """Pictures as buttons; ``take`` has the name of the one clicked before the page is drawn anew."""

    def clicked() -> None:
        take(st.session_state[key]["picked"])

    _part("shelf")(key=key, data=_shelf(legend, choices, once=True), on_picked_change=clicked)


def radio(key: str, legend: str, choices: Sequence[Choice]) -> str:
    """Pictures as radio buttons; gives the name of the one picked, the first to begin with."""
    picked = (st.session_state.get(key) or {}).get("picked") or choices[0].name
    result = _part("shelf")(
        key=key,
        data=_shelf(legend, choices, picked=picked),
        default={"picked": picked},
        on_picked_change=_noted,
    )
    return result.picked or picked


def beside(key: str, before: str, after: str, before_alt: str, after_alt: str) -> None:
    """Two pictures of one size (data URIs) on top of each other, with a slider between them."""
    told = {"before": before, "after": after, "before_alt": before_alt, "after_alt": after_alt}
    _part("beside")(key=key, data=told)


def picture(data: bytes, side: int, alt: str, width: Literal["stretch"] | int = "stretch") -> None:
    """A photo, drawn with at most ``side`` px a side, or the word that it is too large for a page.

    The service may take larger ones (PAWTRAIT_LARGEST_PIXELS), and Streamlit raises over an empty picture.
    """
    if seen := pictures.small(data, side):
        st.image(seen, alt=alt, width=width)
    else:
        st.caption(words.UNSHOWN)


def herald(page: str) -> None:
    """What a screen reader shall say now, and where to look; to be called at the top of every page.

    It says what comes into a place that was there before, so the place is there from the start. On a phone
    the menu gives way to the ``page`` that was picked in it, which Streamlit leaves covered.
    """
    text, news = st.session_state.pop(HEARD, ""), st.session_state.get(NEWS, 0)
    _part("herald")(key="herald", data={"text": text, "page": page, "news": news})


def say(text: str) -> None:
    """Have a screen reader say what has changed, when the page is drawn next."""
    st.session_state[HEARD] = text


def look_up() -> None:
    """Lead eyes and keys to the top of the page when it is drawn next: there is what a photo brought.

    Browsers keep in place what was looked at, so what comes above it is out of sight on a phone.
    """
    st.session_state[NEWS] = st.session_state.get(NEWS, 0) + 1


def regret(message: str) -> None:
    """Have a trouble shown at the top of the page that is drawn next."""
    st.session_state[TROUBLE] = message
    look_up()


def sheet(title: str, page: str) -> None:
    """An HTML page in a frame in which nothing runs."""
    _part("sheet")(key="sheet", data={"title": title, "page": page})


def data_uri(data: bytes) -> str:
    """A JPEG as an address that a page shows without asking anybody."""
    return f"data:image/jpeg;base64,{b64encode(data).decode()}"


def _photo(sent: Any) -> Photo | None:
    """What the browser sent, unless it is no photo at all."""
    try:
        return Photo(str(sent.get("name") or "photo"), b64decode(sent["data"], validate=True))
    except (Error, KeyError, TypeError, AttributeError, ValueError):
        return None


def _hand_on(photo: Photo, take: Callable[[Photo], None]) -> None:
    """Refuse what is too large here too: not every browser runs our own code, which says so at once."""
    if len(photo.data) > LARGEST:
        regret(words.TROUBLE[413])
    else:
        take(photo)


def _snapshot(camera: str, take: Callable[[Photo], None]) -> None:
    """The computer's own camera, open until it has taken a photo."""
    key = f"{camera}-shot"

    def taken() -> None:
        if shot := st.session_state.get(key):
            st.session_state[camera] = False
            _hand_on(Photo("camera.jpg", shot.getvalue()), take)

    st.camera_input("Look into the camera", key=key, on_change=taken)


def _shelf(legend: str, choices: Sequence[Choice], once: bool = False, picked: str = "") -> dict[str, Any]:
    options = [{"name": c.name, "title": c.title, "src": c.source, "alt": c.alt} for c in choices]
    return {"legend": legend, "options": options, "once": once, "picked": picked}


def _noted() -> None:
    """Streamlit keeps the value where a callback is given, even one that does nothing."""


@cache
def _text(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


@cache
def _part(name: str) -> Any:
    """A component, declared once a process."""
    if name in _SMALL:
        html, css = _SMALL[name]
    else:
        html, css = _text(f"{name}.html"), _text(f"{name}.css")
    return st.components.v2.component(f"pawtrait.{name}", html=html, css=css, js=_text(f"{name}.js"))


_SMALL = {
    "herald": (
        '<p role="status" aria-live="polite"></p>',
        "p { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%) }",
    ),
    "sheet": (
        '<iframe sandbox=""></iframe>',
        "iframe { width: 100%; height: 60rem; border: 1px solid var(--paw-line); border-radius: 1.3rem }",
    ),
}
