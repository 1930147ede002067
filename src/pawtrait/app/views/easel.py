"""The easel: the photo, the portrait while it grows, and both side by side when it is done."""

from base64 import b64decode
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import PurePath

import streamlit as st

from pawtrait.app import desk, parts, pictures, shown, words
from pawtrait.app.answers import Glimpse, Job, Portrait, Wish
from pawtrait.app.client import Trouble
from pawtrait.app.parts import Photo
from pawtrait.app.visit import SHOWN, Painted

ENDS = {"failed": "The painting did not work. {}", "cancelled": "The painting was stopped. {}"}


def stand(photo: Photo, wish: Wish, title: str) -> None:
    """The easel with whatever is on it.

    Raises:
        Trouble: the service said no.
    """
    here, service = desk.here(), desk.service()
    brush = st.empty()
    if here.job is None and brush.button("Paint", type="primary", icon=":material/brush:", width="stretch"):
        with st.spinner("Mixing the colours …"):
            came = service.paint(photo.data, wish)
            if isinstance(came, Portrait):
                here.add_portrait(photo, wish, title, came, datetime.now(UTC))
                _announce(photo, title)
                st.rerun()
            else:
                here.job = (photo, came, wish, title)
                brush.empty()  # else the button stays on the page for as long as it is painted
    latest = _latest(photo)
    if here.job:
        _follow(*here.job)
    elif latest:
        _result(latest)
    else:
        parts.picture(photo.data, SHOWN, f"The photo {photo.name}")


def stop() -> None:
    """Have what is being painted stopped, if anything is."""
    here, service = desk.here(), desk.service()
    if here.job:
        job, here.job = here.job[1], None
        with desk.kept_trouble():
            service.cancel(job.id)


def save(one: Painted, key: str) -> None:
    """The button that downloads a portrait."""
    stem = PurePath(one.photo.name).stem or "pet"
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


def _follow(photo: Photo, job: Job, wish: Wish, title: str) -> None:
    """Show a job's glimpses until it is over; any click elsewhere begins this again, and misses nothing."""
    here, service = desk.here(), desk.service()
    bar = st.progress(0.0, "The painter is looking at your pet …")
    place = st.empty()
    with place:
        parts.picture(photo.data, SHOWN, "The photo that is being painted")
    st.button("Stop painting", icon=":material/stop_circle:", on_click=stop)
    try:
        last = None
        for last in service.follow(job.id):
            bar.progress(min(last.done / max(last.of, 1), 1.0), _progress(last))
            if last.preview:
                seen = b64decode(last.preview.partition(",")[2])
                place.image(seen, alt=f"The portrait after step {last.done}", width="stretch")
        if last and last.state == "done":
            here.add_portrait(photo, wish, title, service.portrait(job.id), datetime.now(UTC))
            with suppress(Trouble):  # else it goes by itself after a while
                service.cancel(job.id)
    except Trouble as trouble:
        if trouble.status == 404:  # it is known no more; after any other trouble it goes on
            here.job = None
        raise
    here.job = None
    if last and last.state == "done":
        _announce(photo, title)
    elif last and last.state in ENDS:
        parts.regret(ENDS[last.state].format(last.problem).strip())
    st.rerun()


def _announce(photo: Photo, title: str) -> None:
    """Say that it is ready; and where, if another photo came to the easel meanwhile."""
    parts.say(f"The portrait is ready: {title}.")
    if photo is not desk.here().photo:
        st.toast(words.ELSEWHERE.format(words.literal(photo.name)), icon=":material/brush:", duration="long")


def _progress(seen: Glimpse) -> str:
    return "Waiting for a free brush …" if seen.state == "waiting" else f"Step {seen.done} of {seen.of}"


def _latest(photo: Photo) -> Painted | None:
    found = [e for e in desk.here().entries if isinstance(e, Painted) and e.photo is photo]
    return found[-1] if found else None


def _result(one: Painted) -> None:
    """Before and after, to download; do you like it?"""
    parts.beside(
        "beside",
        parts.data_uri(one.shown),
        parts.data_uri(pictures.small(one.portrait.png, 1024)),
        f"The photo {one.photo.name}",
        f"Its portrait: {one.title}",
    )
    took = words.took(one.portrait.seconds)
    st.html(shown.small(f"{one.title}, at {words.percent(one.wish.strength)} strength, painted in {took}."))
    with st.container(horizontal=True, vertical_alignment="center"):
        save(one, "save")
        _like(one)


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
