"""What the pages show: words for moods and doubts, escaped text, photos without what a camera wrote."""

import io
import os
import random
import struct
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image, ImageOps

from pawtrait.app import gallery, pictures, shown, words
from pawtrait.app.answers import Reading
from pawtrait.app.faces import face
from pawtrait.app.gallery import SAMPLES
from pawtrait.dataset import images
from pawtrait.dataset.labels import LABELS
from tests.app.sitters import SITTERS, drawn
from tests.serving import hostile
from tests.unit import icc

SURE = {"happy": 0.83, "sad": 0.1, "angry": 0.05, "other": 0.02}
# Visitors at once, with room for less than three pictures (4 bytes a pixel) beside what Python has taken.
CROWD = """
import io, resource
from concurrent.futures import ThreadPoolExecutor
import psutil
from PIL import Image
from pawtrait.app import pictures

stream = io.BytesIO()
Image.new("RGBA", (6_300, 6_300), (200, 0, 0, 128)).save(stream, "PNG", compress_level=1)
with ThreadPoolExecutor(3) as crowd:
    list(crowd.map(pictures.small, 3 * [b""], 3 * [900]))
    room = psutil.Process().memory_info().data + int(2.7 * 4 * 6_300**2)
    resource.setrlimit(resource.RLIMIT_DATA, (room, room))
    for shown in crowd.map(pictures.small, 3 * [stream.getvalue()], 3 * [900]):
        print(Image.open(io.BytesIO(shown)).getpixel((450, 450)))
"""
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


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.42, "420 ms"),
        (0.9996, "1.0 s"),
        (12.34, "12.3 s"),
        (59.96, "1 min 0 s"),
        (61, "1 min 1 s"),
        (119.7, "2 min 0 s"),
    ],
)
def test_no_duration_is_told_as_a_thousand_or_sixty_of_a_unit(seconds: float, said: str):
    assert words.took(seconds) == said


def test_a_file_name_is_shown_and_never_obeyed():
    name = '"><script>alert(1)</script>'
    page = shown.reading(a_reading(SURE, unsure=False), name, "data:image/jpeg;base64,AA==")
    assert "<script>" not in page


def test_nor_is_it_obeyed_where_markdown_is_shown():
    assert words.literal("![né](x)_1.jpg") == r"\!\[né\]\(x\)\_1\.jpg"


def test_a_heat_map_from_elsewhere_is_not_loaded():
    assert shown.why(a_reading(SURE, False, "https://elsewhere.example/heat.png")) == ""


def test_pictures_tell_a_screen_reader_what_they_are_and_decoration_stays_silent():
    seen = a_reading(SURE, False, "data:image/png;base64,AA==")
    page = shown.reading(seen, "cat.jpg", "data:,") + shown.why(seen)
    assert 'alt="Your photo, cat.jpg"' in page
    assert "warm spots point to happy" in page
    assert 'alt=""' in face("happy", "4rem")


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


@pytest.mark.parametrize("turn", range(1, 9))
def test_each_way_to_hold_a_phone_is_turned_as_pillow_does(turn: int):
    corners = np.zeros((40, 80, 3), np.uint8)
    corners[:20, :40], corners[20:, 40:] = (255, 0, 0), (0, 0, 255)
    notes = Image.Exif()
    notes[0x0112] = turn
    stream = io.BytesIO()
    Image.fromarray(corners).save(stream, "PNG", exif=notes)
    theirs = np.asarray(ImageOps.exif_transpose(Image.open(stream)), float)
    ours = np.asarray(Image.open(io.BytesIO(pictures.small(stream.getvalue(), 400))), float)
    assert ours.shape == theirs.shape
    assert np.abs(ours - theirs).mean() < 10  # it is a JPEG


def test_a_damaged_note_in_a_turned_photo_costs_no_preview():
    """Pillow's own turning writes all notes anew, and fails on some that it has read."""
    photo, failed = _with_a_note_that_cannot_be_written()
    assert failed is not None
    with Image.open(io.BytesIO(pictures.small(photo, 400))) as seen:
        assert seen.size == (40, 80)
    with Image.open(io.BytesIO(pictures.like(photo, photo))) as seen:
        assert seen.size == (80, 40)


def _with_a_note_that_cannot_be_written() -> tuple[bytes, Exception | None]:
    notes = Image.Exif()
    notes[0x0112], notes[0x010F], notes[0x011A] = 6, "Paw", 72.0
    chance = random.Random(1)
    for _ in range(20_000):
        block = bytearray(notes.tobytes())
        block[chance.randrange(10, len(block))] = chance.randrange(256)
        stream = io.BytesIO()
        Image.new("RGB", (80, 40)).save(stream, "JPEG", exif=bytes(block))
        with Image.open(stream) as opened:
            try:
                if opened.getexif().get(0x0112) == 6:
                    ImageOps.exif_transpose(opened)
            except (TypeError, AttributeError, struct.error) as error:
                return stream.getvalue(), error
    return b"", None


def test_an_iphone_s_colours_are_shown_as_the_service_reads_them():
    stream = io.BytesIO()
    Image.new("RGB", (64, 64), (200, 100, 80)).save(stream, "JPEG", quality=95, icc_profile=icc.DISPLAY_P3)
    preview = Image.open(io.BytesIO(pictures.small(stream.getvalue(), 32)))
    read = images.decode(stream.getvalue(), largest_pixels=10**6, name="")[0, 0]
    assert preview.getpixel((16, 16)) == pytest.approx(tuple(read.tolist()), abs=4)


def test_sixteen_bits_of_grey_are_shown_as_grey():
    stream = io.BytesIO()
    Image.fromarray(np.full((40, 40), 128 * 256, np.uint16)).save(stream, "PNG")
    with Image.open(io.BytesIO(pictures.small(stream.getvalue(), 400))) as seen:
        assert abs(np.asarray(seen, float).mean() - 128) < 3


def test_a_crowd_s_large_photos_fill_no_memory():
    around = os.environ | {"MALLOC_ARENA_MAX": "1"}  # glibc keeps some of what is freed, for each thread
    done = subprocess.run([sys.executable, "-c", CROWD], env=around, capture_output=True, text=True)
    assert done.stderr == ""
    pixels = [[int(value) for value in line.strip("()").split(",")] for line in done.stdout.splitlines()]
    assert np.abs(np.array(pixels) - 3 * [(227, 127, 127)]).max() <= 2  # half of it on white


def test_a_transparent_colour_stays_transparent_at_the_edges():
    photo = Image.new("P", (400, 400))
    photo.putpalette([200, 0, 0, 0, 200, 0])
    photo.paste(1, (0, 0, 201, 400))
    stream = io.BytesIO()
    photo.save(stream, "PNG", transparency=1)
    seen = np.asarray(Image.open(io.BytesIO(pictures.small(stream.getvalue(), 100))), int)
    assert seen[50, 0].min() > 250
    assert (seen[50, :, 1] - seen[50, :, 2]).max() < 20  # no green of it


@pytest.mark.parametrize(
    "data",
    [b"", b"no picture", b"\x89PNG\r\n\x1a\n" + 40 * b"\0", b"P5 1 1 255 \0", hostile.tiled(4200)],
    ids=["nothing", "text", "cut", "a format that the service does not read", "a pixel in a huge tile"],
)
def test_what_is_no_picture_gives_no_preview(data):
    assert pictures.small(data, 400) == b""


@pytest.mark.parametrize(
    ("data", "large"),
    [
        (hostile.bomb(6400), True),
        (hostile.bomb(), True),
        (hostile.tiled(4200), True),
        (hostile.encoded("jpeg"), False),
        (b"no picture", False),
    ],
    ids=["too many pixels", "too many for Pillow", "a pixel in a huge tile", "small", "text"],
)
def test_a_picture_that_is_too_large_is_told_from_what_is_none(data, large):
    assert pictures.too_large(data) == large


@pytest.mark.parametrize("sample", SAMPLES)
def test_samples_are_what_our_own_code_draws(sample):
    with Image.open(io.BytesIO(gallery.photo(sample).data)) as kept:
        difference = np.abs(np.asarray(kept, np.int16) - drawn(sample)).mean()
    assert SITTERS[sample][0] == SAMPLES[sample][1]
    assert difference < 6  # of 255: what JPEG costs
