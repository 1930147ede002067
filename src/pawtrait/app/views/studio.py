"""The portrait studio: a photo, a method, a painting; a portrait to keep."""

from base64 import b64decode
from collections.abc import Sequence
from datetime import UTC, datetime

import streamlit as st

from pawtrait.app import desk, gallery, parts, pictures, shown, words
from pawtrait.app.answers import Job, Method, Offer, Portrait, Wish
from pawtrait.app.parts import Choice, Photo
from pawtrait.app.visit import Painted

LEAD = "Choose how your pet shall be painted. What comes out is yours to keep and to share."
OWN = "My own picture"


def page() -> None:
    """The page."""
    st.html(shown.hero("A portrait worth sharing", LEAD))
    desk.show_trouble()
    photo = _photo()
    if photo is None:
        return
    with desk.friendly():
        offer = _offer()
        wish, title = _wish(offer)
        _paint(photo, wish, title)
    latest = _latest(photo)
    if latest:
        _result(latest)


def _photo() -> Photo | None:
    """The photo at hand, or another."""
    photo = desk.here().photo
    with st.container(key="card-photo"):
        if photo:
            source = parts.data_uri(pictures.small(photo.data, 480))
            lines = ["This one will be painted. Drop another below to change it."]
            st.html(shown.visited(source, f"The photo {photo.name}", photo.name, "", lines))
        parts.drop("sitter", "Another photo" if photo else "Who shall be painted?", _sit, small=True)
        if photo is None:
            legend = "No photo at hand? Paint one of ours:"
            parts.buttons("sitters", legend, gallery.choices(), lambda name: _sit(gallery.photo(name)))
    return photo


def _sit(photo: Photo) -> None:
    """A new photo is at hand; what was being painted of the last one goes on without us."""
    if not pictures.small(photo.data, 64):
        st.session_state["trouble"] = words.TROUBLE[415]
        return
    _stop()
    desk.here().photo = photo


def _offer() -> Offer:
    """Methods and paintings; asked anew now and then, since paintings may have been added."""
    return _offered(desk.service().http.base_url.host)


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
        strength = st.slider(
            "How strongly?", 0, 100, 100, 5, format="%d %%", help="0 leaves the photo as it is."
        )
    return Wish(method.name, style, painting, strength / 100), title


def _method(methods: Sequence[Method]) -> Method:
    """Which of those that can be had here; the others are told with their reasons."""
    there = {one.name: one for one in methods if one.available}
    name = st.radio(
        "How shall it be painted?",
        list(there),
        format_func=lambda one: words.METHODS[one][0],
        captions=[words.METHODS[one][1] for one in there],
    )
    for one in methods:
        if not one.available:
            st.caption(f"{words.METHODS[one.name][0]} cannot be had here: {one.why_not}.")
    return there[name]


def _style(offer: Offer) -> tuple[str, bytes, str]:
    """Which painting: its name, or the bytes of the visitor's own; and its title."""
    choices = [_choice(style.name, style.title) for style in offer.styles]
    own = st.session_state.get("own_painting")
    if own:
        shown_own = parts.data_uri(pictures.small(own.data, 180))
        choices = [Choice("", OWN, shown_own, "your own picture"), *choices]
    picked = (
        parts.radio(
            f"painting-{st.session_state.get('own_round', 0)}", "Like which painting?", choices, "5.6rem"
        )
        if choices
        else ""
    )
    with st.expander("Use a picture of your own as the painting", expanded=not choices):
        parts.drop("own", "A painting, a fabric, a pattern …", _own, small=True)
    if own and picked == "":
        return "", own.data, OWN
    return picked, b"", next((c.title for c in choices if c.name == picked), "")


def _own(painting: Photo) -> None:
    """The visitor's own painting; it is picked at once."""
    if not pictures.small(painting.data, 64):
        st.session_state["trouble"] = words.TROUBLE[415]
        return
    st.session_state["own_painting"] = painting
    st.session_state["own_round"] = st.session_state.get("own_round", 0) + 1


@st.cache_data(ttl=3600, max_entries=256, show_spinner=False)
def _choice(name: str, title: str) -> Choice:
    thumbnail = pictures.small(desk.service().painting(name), 180)
    return Choice(name, title, parts.data_uri(thumbnail), f"the painting “{title}”")


def _paint(photo: Photo, wish: Wish, title: str) -> None:
    """The button, and what follows from it: a portrait at once, or a job that is followed to its end."""
    job = st.session_state.get("job")
    if job is None and st.button("Paint", type="primary", icon=":material/brush:", width="stretch"):
        with st.spinner("Mixing the colours …"):
            came = desk.service().paint(photo.data, wish)
        if isinstance(came, Portrait):
            desk.here().add_portrait(photo, wish, title, came, datetime.now(UTC))
            return
        job = st.session_state["job"] = (came, wish, title)
    if job:
        _follow(photo, *job)


def _follow(photo: Photo, job: Job, wish: Wish, title: str) -> None:
    """Show a job's glimpses until it is over; any click elsewhere begins this again, and misses nothing."""
    with st.container(key="card-progress"):
        bar = st.progress(0.0, "The painter is looking at your pet …")
        place = st.empty()
        st.button("Stop painting", icon=":material/stop_circle:", on_click=_stop)
        for seen in desk.service().follow(job.id):
            share = seen.done / seen.of if seen.of else 0.0
            bar.progress(
                min(share, 1.0), f"Step {seen.done} of {seen.of}" if seen.of else "Waiting for a free brush"
            )
            if seen.preview:
                place.image(_bytes(seen.preview), alt=f"The portrait after step {seen.done}", width=360)
            if seen.state == "failed":
                st.html(
                    shown.trouble(f"The painting did not come out: {seen.problem or 'the painter fell ill'}.")
                )
            if seen.state == "done":
                desk.here().add_portrait(
                    photo, wish, title, desk.service().portrait(job.id), datetime.now(UTC)
                )
    if st.session_state.pop("job", None) and seen.state == "done":
        st.rerun()


def _stop() -> None:
    job = st.session_state.pop("job", None)
    if job:
        with desk.friendly():
            desk.service().cancel(job[0].id)


def _latest(photo: Photo) -> Painted | None:
    found = [e for e in desk.here().entries if isinstance(e, Painted) and e.photo is photo]
    return found[-1] if found else None


def _result(one: Painted) -> None:
    """Before and after, to download; do you like it?"""
    with st.container(key="card-result"):
        name = one.photo.name
        parts.beside(
            "beside",
            parts.data_uri(one.shown),
            parts.data_uri(pictures.small(one.portrait.png, 1024)),
            f"The photo {name}",
            f"Its portrait: {one.title}",
        )
        with st.container(horizontal=True, horizontal_alignment="center", vertical_alignment="center"):
            save(one, "save")
            _like(one)
        took = words.took(one.portrait.seconds)
        st.html(
            shown.small(f"{one.title}, at {words.percent(one.wish.strength)} strength, painted in {took}.")
        )
    parts.herald(f"The portrait is ready: {one.title}.")


def save(one: Painted, key: str) -> None:
    """The button that downloads a portrait."""
    stem = one.photo.name.rpartition(".")[0] or one.photo.name
    st.download_button(
        "Download",
        one.portrait.png,
        f"pawtrait-{stem}-{one.wish.style or one.wish.method}.png",
        "image/png",
        key=f"{key}-{one.portrait.request}",
        type="primary",
        icon=":material/download:",
        on_click="ignore",
    )


def _like(one: Painted) -> None:
    if one.thumbs:
        st.markdown("Thank you!", width="content")
        return
    thumb = st.feedback("thumbs", key=f"like-{one.portrait.request}")
    if thumb is not None:
        with desk.friendly():
            desk.service().like(one.portrait, one.wish, 1 if thumb else -1)
            one.thumbs = 1 if thumb else -1
            st.rerun()


def _bytes(uri: str) -> bytes:
    return b64decode(uri.partition(",")[2])
