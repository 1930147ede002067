"""Read a mood: a photo in, the mood out, and whether that was right."""

from datetime import UTC, datetime

import streamlit as st

from pawtrait.app import desk, gallery, parts, shown, words
from pawtrait.app.parts import Photo
from pawtrait.app.visit import Read
from pawtrait.dataset.labels import LABELS

LEAD = "Drop a photo and see your pet's mood within a second, and why the model thinks so."
MAY = "You may keep this photo and learn from it (if not, we only note that the answer was wrong)"
SAMPLES = "No photo at hand? Try one of our drawings:"
CONSENT = "Keep my photo, so that the model can learn from it"
PLAINLY = (
    "**Off:** we look at your photo and do not keep it. We only keep a fingerprint of the file, which nobody "
    "can turn back into the photo, and figures such as its size and brightness. A portrait that takes longer "
    "stays with us until this page has it; if you leave before, we delete it after a while. What this page "
    "shows is forgotten half an hour after you close it or your device falls asleep.\n\n"
    "**On:** we keep the photo. Our team may look at it, and the next model may learn from it. You can "
    "delete it here while this page is open (if your device sleeps: for half an hour). Once you have closed "
    "or reloaded the page, ask the people who run Pawtrait."
)


def page() -> None:
    """The page."""
    seen = desk.here().read
    desk.show_trouble()
    if seen:
        _reading(seen)
    else:
        st.html(shown.hero("How does your pet feel today?", LEAD))
    parts.drop("photo", "Another photo?" if seen else "Let us see that face", _read, small=bool(seen))
    st.toggle(CONSENT, key="consent", value=False)
    with st.expander("What happens to my photo?"):
        st.markdown(PLAINLY)
    parts.buttons("samples", SAMPLES, gallery.choices(), lambda name: _read(gallery.photo(name)))


def _read(photo: Photo) -> None:
    """Ask for the mood of a photo that has just come in. Nobody but its owner can let us keep it."""
    consent = bool(st.session_state.get("consent", False)) and not photo.ours
    here, service = desk.here(), desk.service()
    with desk.kept_trouble():
        reading = service.read(photo.data, photo.name, consent)
        here.add_reading(photo, reading, datetime.now(UTC))
        parts.say(shown.heard(reading))
        parts.look_up()


def _reading(seen: Read) -> None:
    one = seen.reading
    with st.container(key="reading"):
        st.html(shown.reading(one, seen.photo.name, parts.data_uri(seen.shown)))
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            with st.container(horizontal=True, vertical_alignment="center", width="content"):
                _ask(seen)
            if st.button("Paint a portrait", type="primary", icon=":material/brush:"):
                st.switch_page(st.session_state["pages"]["studio"])
        if st.session_state.get(f"no-{one.request}") and not seen.said:
            _ask_more(seen)
        if why := shown.why(one):  # not every model can say
            st.html(why)
        told = f"Read in {one.milliseconds:.0f} ms by {one.model}, version {one.version}."
        kept = "The photo was kept, as you allowed." if seen.kept else "The photo was not kept."
        kept = "It is one of our samples; we never keep those." if seen.photo.ours else kept
        st.html(shown.small(f"{told} {kept}"))
        if seen.kept and st.button("Delete my picture", icon=":material/delete:", key="delete-here"):
            forget(seen)


def _ask(seen: Read) -> None:
    """Is that right? Yes is one click."""
    if seen.said:
        st.markdown(f":material/favorite: {seen.said}", width="content")
        return
    st.markdown("**Is that right?**", width="content")
    if st.button("Yes", icon=":material/thumb_up:", key=f"yes-{seen.reading.request}"):
        _say(seen, None, 1)
    if st.button("No", icon=":material/thumb_down:", key=f"not-{seen.reading.request}"):
        st.session_state[f"no-{seen.reading.request}"] = True


def _ask_more(seen: Read) -> None:
    """What it should have been, one click more; and consent, where it was not given before."""
    request = seen.reading.request
    if not (seen.reading.kept or seen.photo.ours):
        st.checkbox(MAY, key=f"may-{request}")
    others = [mood for mood in LABELS if mood != seen.reading.label]
    name = words.MOODS.__getitem__
    label = st.pills("What is it really?", others, format_func=name, key=f"really-{request}")
    if label:
        _say(seen, label, -1)


def _say(seen: Read, label: str | None, thumbs: int) -> None:
    """Answer the question. Consent is to this reading or comes now: an earlier yes is none to it."""
    may = bool(st.session_state.get(f"may-{seen.reading.request}"))
    here, service = desk.here(), desk.service()
    with desk.friendly():
        consent = seen.reading.kept or may
        data = b"" if seen.kept or seen.photo.ours else seen.photo.data
        service.correct(seen.reading, label, thumbs, consent, data)
        if consent:
            here.keep(seen.reading.picture)
        seen.said = words.thanks(right=thumbs > 0, learning=consent)
        st.rerun()


def forget(seen: Read) -> None:
    """Delete a picture in the service and here."""
    here, service = desk.here(), desk.service()  # fetched first: asking for them may end this run
    with desk.friendly():
        months = service.forget(seen.reading.picture)
        here.drop(seen.reading.picture)
        told = words.forgotten(seen.reading.picture, months)
        st.toast(told, icon=":material/check:", duration="infinite" if months else "short")
        st.rerun()
