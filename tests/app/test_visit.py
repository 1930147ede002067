"""A visit remembers what was done, forgets the oldest, and all of a photo that is to be deleted."""

from datetime import UTC, datetime

from pawtrait.app import gallery, visit
from pawtrait.app.answers import Job, Portrait, Reading, Wish
from pawtrait.app.parts import Photo
from pawtrait.app.visit import LARGEST, LONGEST, Read, Visit

NOW = datetime(2026, 11, 25, tzinfo=UTC)
EVEN = dict.fromkeys(("happy", "sad", "angry", "other"), 0.25)


def a_reading(picture: str, kept: bool = True) -> Reading:
    return Reading("r", picture, "happy", False, 0.25, EVEN, "data:,heat", "cnn", "1", 5.0, kept)


def test_a_session_has_one_visit():
    session: dict[str, object] = {}
    assert visit.of(session) is visit.of(session)


def test_the_mood_on_show_is_that_of_the_photo_at_hand():
    here = Visit()
    first, second = gallery.photo("pip"), gallery.photo("rex")
    here.add_reading(first, a_reading("a"), NOW)
    here.add_reading(second, a_reading("b"), NOW)
    assert here.read is not None and here.read.reading.picture == "b"
    here.photo = first
    assert here.read is not None and here.read.reading.picture == "a"


def test_what_the_service_has_is_kept_however_often_it_is_read_and_whichever_reading_allowed_it():
    here, first, again = Visit(), gallery.photo("pip"), gallery.photo("pip")
    here.add_reading(first, a_reading("a", kept=True), NOW)
    here.add_reading(again, a_reading("a", kept=False), NOW)
    assert here.read is not None and here.read.kept and not here.read.reading.kept
    here.add_reading(gallery.photo("rex"), a_reading("b", kept=False), NOW)
    here.add_reading(gallery.photo("rex"), a_reading("b", kept=False), NOW)
    assert [one.kept for one in here.entries if isinstance(one, Read)] == [True, True, False, False]
    here.keep("b")
    assert [one.kept for one in here.entries if isinstance(one, Read)] == [True, True, True, True]


def test_deleting_a_picture_takes_its_portraits_too_and_leaves_the_others():
    here = Visit()
    doomed, spared = gallery.photo("pip"), gallery.photo("rex")
    here.add_reading(spared, a_reading("b"), NOW)
    here.add_reading(doomed, a_reading("a"), NOW)
    here.add_portrait(doomed, Wish("fast"), "Ink", Portrait(spared.data, 1.0, "p"), NOW)
    here.job = (spared, Job("j", 5), Wish("nst"), "Ink")
    here.drop("a")
    assert here.job is not None
    here.job = (doomed, Job("j", 5), Wish("nst"), "Ink")
    here.add_reading(doomed, a_reading("a"), NOW)
    here.drop("a")
    assert here.job is None  # or the studio would show a picture that was deleted
    assert [entry.photo for entry in here.entries] == [spared]
    assert here.photo is None


def test_a_long_visit_forgets_its_beginning():
    here = Visit()
    for number in range(LONGEST + 3):
        here.add_reading(gallery.photo("pip"), a_reading(str(number), kept=False), NOW)
    assert len(here.entries) == LONGEST
    assert here.entries[0].reading.picture == "3"  # type: ignore[union-attr]


def test_a_visit_of_large_photos_forgets_its_beginning_earlier():
    here = Visit()
    photos = [Photo(f"{number}.jpg", bytes(LARGEST // 4), str(number)) for number in range(6)]
    for photo in photos:
        here.add_reading(photo, a_reading(photo.sha256, kept=photo is photos[1]), NOW)
        here.add_portrait(photo, Wish("fast"), "Ink", Portrait(gallery.photo("pip").data, 1.0, "p"), NOW)
    faded, *full = here.entries
    assert (faded.photo.name, faded.photo.data) == ("1.jpg", b"")
    assert [entry.photo.name for entry in full] == [f"{number}.jpg" for number in (3, 3, 4, 4, 5, 5)]


def test_the_last_of_a_visit_stays_however_large():
    here = Visit()
    for name in "ab":
        here.add_reading(Photo(name, bytes(LARGEST + 1)), a_reading(name, kept=False), NOW)
    assert [entry.photo.name for entry in here.entries] == ["b"]


def test_what_the_service_keeps_can_be_deleted_however_long_the_visit_and_takes_little_room():
    here = Visit()
    kept, other = gallery.photo("pip"), gallery.photo("rex")
    here.add_reading(kept, a_reading("a"), NOW)
    for number in range(LONGEST + 3):
        here.add_reading(other, a_reading(str(number), kept=False), NOW)
    here.add_portrait(kept, Wish("fast"), "Ink", Portrait(other.data, 1.0, "p"), NOW)
    first = here.entries[0]
    assert isinstance(first, Read) and first.kept and first.reading.picture == "a"
    assert first.photo.name == "pip.jpg" and first.shown
    assert (first.photo.data, first.reading.heat) == (b"", "")
    here.drop("a")
    assert {entry.photo.name for entry in here.entries} == {"rex.jpg"}  # its late portrait went too
