"""The portrait studio: a photo, a method, a painting; a portrait to keep."""

from collections.abc import Sequence

import streamlit as st

from pawtrait.app import desk, gallery, parts, pictures, shown, words
from pawtrait.app.answers import Method, Offer, Style, Wish
from pawtrait.app.client import Trouble
from pawtrait.app.parts import Choice, Photo
from pawtrait.app.views import easel

LEAD = "Choose how to paint your pet. The portrait is yours to keep and share."
OWN = "My own picture"
FAINTER = "0 % hardly changes the photo."
LARGER = "Larger takes longer, most of all “Stroke by stroke”."


def page() -> None:
    """The page: what is wished on one side, the easel on the other; on a phone one below the other."""
    st.html(shown.hero("A portrait worth sharing", LEAD, quiet=True))
    desk.show_trouble()
    photo = desk.here().photo
    if photo is None:
        with st.container(key="card-photo"):
            parts.drop("sitter", "Who shall we paint?", _sit)
            legend = "No photo at hand? Paint one of ours:"
            parts.buttons("sitters", legend, gallery.choices(), lambda name: _sit(gallery.photo(name)))
        return
    wishes, side = st.columns([6, 5], gap="medium")
    with desk.friendly():
        offer = _offered(str(desk.service().http.base_url))
        with wishes:
            wish, title = _wish(offer)
        with side, st.container(key="card-easel"):
            easel.stand(photo, wish, title)
            with st.expander("Another photo"):
                parts.drop("sitter", "Who shall we paint?", _sit, small=True)


def _sit(photo: Photo) -> None:
    """A new photo is at hand; what was being painted of the last one is stopped."""
    if _fits(photo):
        easel.stop()
        desk.here().photo = photo


def _fits(photo: Photo) -> bool:
    """Whether it can be shown; the page that is drawn next says why not."""
    if pictures.small(photo.data, 64):
        return True
    parts.regret(words.TROUBLE[413 if pictures.too_large(photo.data) else 415])
    return False


@st.cache_data(ttl=60, show_spinner=False)
def _offered(address: str) -> Offer:
    return desk.service().offer()


def _wish(offer: Offer) -> tuple[Wish, str]:
    """What the visitor wants, and how it is called."""
    with st.container(key="card-wish"):
        method = _method(offer.methods)
        style, painting, title = (
            _style(offer) if method.needs_style else ("", b"", words.METHODS[method.name][0])
        )
        strength = st.slider("How strongly?", 0, 100, 100, 5, format="%d %%", help=FAINTER)
        sizes = [one for one in words.SIZES if one <= offer.largest] or [offer.largest]
        side = st.segmented_control(
            "How large?",
            sizes,
            format_func=lambda one: words.SIZES.get(one, "small"),
            default=min(512, sizes[-1]),
            required=True,
            help=LARGER,
        )
    return Wish(method.name, style, painting, strength / 100, side), title


def _method(methods: Sequence[Method]) -> Method:
    """Which of those that can be had here; the others are told with their reasons."""
    there = {one.name: one for one in methods if one.available}
    if not there:
        raise Trouble(words.NO_PAINTER)
    name = st.radio(
        "How shall we paint?",
        list(there),
        format_func=lambda one: words.METHODS[one][0],
        captions=[words.METHODS[one][1] for one in there],
    )
    if missing := [one for one in methods if not one.available]:
        names = ", ".join(f"“{words.METHODS[one.name][0]}”" for one in missing)
        reasons = "\n".join(f"- {words.METHODS[one.name][0]}: {one.why_not}" for one in missing)
        st.caption(f"Not available here: {names}", help=reasons)
    return there[name]


def _style(offer: Offer) -> tuple[str, bytes, str]:
    """Which painting: its name, or the bytes of the visitor's own; and its title."""
    choices = _there(offer.styles)
    own = st.session_state.get("own_painting")
    if own:
        shown_own = parts.data_uri(pictures.small(own.data, 180))
        choices = [Choice("", OWN, shown_own, "your own picture"), *choices]
    key = f"painting-{st.session_state.get('own_round', 0)}"
    picked = parts.radio(key, "Like which painting?", choices) if choices else ""
    with st.expander("Use your own picture as the painting", expanded=not choices):
        parts.drop("own", "A painting, a fabric, a pattern …", _own, small=True)
    if own and picked == "":
        return "", own.data, OWN
    if not choices:
        raise Trouble(words.NO_PAINTING)
    return picked, b"", next((c.title for c in choices if c.name == picked), "")


def _own(painting: Photo) -> None:
    """The visitor's own painting; it is picked at once."""
    if _fits(painting):
        st.session_state["own_painting"] = painting
        st.session_state["own_round"] = st.session_state.get("own_round", 0) + 1


def _there(styles: Sequence[Style]) -> list[Choice]:
    """The paintings whose pictures can be had. One that cannot be closes the studio for nobody.

    Raises:
        Trouble: the service is away, or asks for a key.
    """
    found = []
    for style in styles:
        try:
            found.append(_choice(style.name, style.title))
        except Trouble as trouble:
            if trouble.status not in (404, 429) and trouble.status < 500:
                raise
    return found


@st.cache_data(ttl=3600, max_entries=256, show_spinner=False)
def _choice(name: str, title: str) -> Choice:
    thumbnail = pictures.small(desk.service().painting(name), 180)
    return Choice(name, title, parts.data_uri(thumbnail), f"the painting “{title}”")
