"""What the pages show: words for moods and doubts, escaped text, photos without what a camera wrote."""

import io

import numpy as np
import pytest
from PIL import Image

from pawtrait.app import gallery, pictures, shown, words
from pawtrait.app.answers import Reading
from pawtrait.app.faces import face
from pawtrait.app.gallery import SAMPLES
from pawtrait.dataset.labels import LABELS
from tests.app.sitters import SITTERS, drawn

SURE = {"happy": 0.83, "sad": 0.1, "angry": 0.05, "other": 0.02}
TORN = {"happy": 0.35, "sad": 0.15, "angry": 0.17, "other": 0.33}


def a_reading(probabilities: dict[str, float], unsure: bool, heat: str = "") -> Reading:
    label = max(probabilities, key=probabilities.__getitem__)
    return Reading(
        "r", "a" * 64, label, unsure, probabilities[label], probabilities, heat, "cnn", "3", 12.0, kept=False
    )


def test_a_mood_comes_in_big_words_with_a_bar_and_a_figure_for_each_class():
    page = shown.reading(a_reading(SURE, unsure=False), "cat.jpg", "data:image/jpeg;base64,AA==")
    assert "<h2>Happy!</h2>" in page
    assert all(words.MOODS[mood] in page and f"paw-{mood}" in page for mood in LABELS)
    assert "83 %" in page


def test_in_doubt_the_app_says_so_and_names_both_guesses():
    page = shown.reading(a_reading(TORN, unsure=True), "cat.jpg", "data:image/jpeg;base64,AA==")
    assert "Hard to say" in page
    assert "between happy and something else" in page


def test_only_what_is_certain_is_said_to_be_nothing_or_all():
    assert [words.percent(p) for p in (0, 0.001, 0.999, 1)] == ["0 %", "1 %", "99 %", "100 %"]


def test_a_file_name_is_shown_and_never_obeyed():
    name = '"><script>alert(1)</script>'
    page = shown.reading(a_reading(SURE, unsure=False), name, "data:image/jpeg;base64,AA==")
    assert "<script>" not in page


def test_a_heat_map_from_elsewhere_is_not_loaded():
    assert shown.why(a_reading(SURE, False, "https://elsewhere.example/heat.png")) == ""


def test_pictures_tell_a_screen_reader_what_they_are_and_decoration_stays_silent():
    seen = a_reading(SURE, False, "data:image/png;base64,AA==")
    page = shown.reading(seen, "cat.jpg", "data:,") + shown.why(seen)
    assert 'alt="Your photo, cat.jpg"' in page
    assert "warm spots spoke for happy" in page
    assert 'alt=""' in face("happy")


def test_a_phone_photo_is_shown_upright_and_without_its_place():
    turned = Image.fromarray(np.zeros((40, 80, 3), np.uint8))
    notes = Image.Exif()
    notes[0x0112] = 6  # turn by a quarter
    notes[0x8825] = {1: "N"}
    stream = io.BytesIO()
    turned.save(stream, "JPEG", exif=notes)
    with Image.open(io.BytesIO(pictures.small(stream.getvalue(), 400))) as seen:
        assert seen.size == (40, 80)
        assert not seen.getexif()


@pytest.mark.parametrize("data", [b"", b"no picture", b"\x89PNG\r\n\x1a\n" + 40 * b"\0"])
def test_what_is_no_picture_gives_no_preview(data):
    assert pictures.small(data, 400) == b""


@pytest.mark.parametrize("sample", SAMPLES)
def test_samples_are_what_our_own_code_draws(sample):
    with Image.open(io.BytesIO(gallery.photo(sample).data)) as kept:
        difference = np.abs(np.asarray(kept, np.int16) - drawn(sample)).mean()
    assert SITTERS[sample][0] == SAMPLES[sample][1]
    assert difference < 6  # of 255: what JPEG costs
