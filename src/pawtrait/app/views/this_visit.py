"""This visit: the moods and portraits since the page was opened, newest first."""

from pathlib import PurePath

import streamlit as st

from pawtrait.app import desk, parts, pictures, shown, words
from pawtrait.app.views import easel, home
from pawtrait.app.visit import THUMB, Painted, Read

LEAD = (
    "What you did since you opened this page. It is for this window only, and forgotten half an hour after "
    "you close it or your device falls asleep."
)


def page() -> None:
    """The page."""
    st.html(shown.hero("This visit", LEAD, quiet=True))
    entries = desk.here().entries
    if not entries:
        st.html(shown.empty("other", "Nothing yet. Show us a face first!"))
    for number, entry in reversed(list(enumerate(entries))):
        with st.container(key=f"card-{number}"):
            if isinstance(entry, Read):
                _read(entry, number)
            else:
                _painted(entry, number)


def _read(entry: Read, number: int) -> None:
    one = entry.reading
    lines = [f"{entry.photo.name} · {words.percent(one.confidence)}", entry.said]
    title = words.headline(one.label, one.unsure)
    small = parts.data_uri(pictures.small(entry.shown, THUMB))
    st.html(shown.visited(small, f"The photo {entry.photo.name}", title, one.label, [x for x in lines if x]))
    with st.container(horizontal=True):
        if entry.photo.data and st.button("Look again", key=f"again-{number}", icon=":material/visibility:"):
            desk.here().photo = entry.photo
            st.switch_page(st.session_state["pages"][""])
        if entry.kept and st.button("Delete my picture", key=f"delete-{number}", icon=":material/delete:"):
            home.forget(entry)


def _painted(entry: Painted, number: int) -> None:
    small = parts.data_uri(pictures.small(entry.portrait.png, THUMB))
    name = PurePath(entry.photo.name).stem
    lines = [f"{words.METHODS[entry.wish.method][0]} · {words.took(entry.portrait.seconds)}"]
    st.html(shown.visited(small, f"Portrait of {name}: {entry.title}", f"{name}: {entry.title}", "", lines))
    with st.container(horizontal=True):
        easel.save(entry, f"save-{number}")
