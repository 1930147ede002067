"""What is kept of a picture: its pixels, nothing of where it was taken."""

import io
import zipfile

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from pawtrait.dataset import images
from pawtrait.serving import privacy
from tests.serving.callers import jpeg, pixels

SECRET = b"N 52 31 12"


def photo(kind, orientation=1, **options):
    """A picture with a place, a serial number and an orientation in its notes."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010E] = SECRET.decode()
    exif.get_ifd(0x8825)[1] = "N"
    exif.get_ifd(0x8825)[0x1D] = SECRET.decode()
    buffer = io.BytesIO()
    picture = Image.fromarray(np.hstack([pixels("sad", 40), pixels("happy", 40)]))
    picture.save(buffer, kind, exif=exif.tobytes(), **options)
    return buffer.getvalue()


def decoded(data):
    return images.decode(data, largest_pixels=10**7, name="x")


CASES = [
    pytest.param(photo("JPEG", turn, **more), id=f"jpeg {turn} {' '.join(more)}")
    for turn in (1, 3, 6, 8)
    for more in ({}, {"progressive": True}, {"comment": SECRET})
] + [
    pytest.param(photo(kind, turn), id=f"{kind} {turn}")
    for kind in ("PNG", "WEBP", "TIFF")
    for turn in (1, 6)
]


@pytest.mark.parametrize("data", CASES)
def test_notes_go_and_pixels_stay(data):
    before = decoded(data)
    cleaned = privacy.clean(data, before)
    assert SECRET in data and SECRET not in cleaned
    assert not Image.open(io.BytesIO(cleaned)).getexif().get_ifd(0x8825)
    assert (decoded(cleaned) == before).all()


@pytest.mark.parametrize("data", CASES)
def test_cleaning_twice_changes_nothing_more(data):
    once = privacy.clean(data, decoded(data))
    assert privacy.clean(once, decoded(once)) == once


def test_a_picture_without_notes_stays_as_it_is():
    assert privacy.clean(jpeg(), pixels("happy")) is not None
    data = privacy.clean(jpeg(), pixels("happy"))
    assert privacy.clean(data, pixels("happy")) == data == jpeg()


def test_text_in_a_png_goes():
    notes = PngImagePlugin.PngInfo()
    notes.add_text("Comment", SECRET.decode())
    notes.add_itxt("XML:com.adobe.xmp", SECRET.decode())
    buffer = io.BytesIO()
    Image.fromarray(pixels("sad")).save(buffer, "PNG", pnginfo=notes)
    cleaned = privacy.clean(buffer.getvalue(), pixels("sad"))
    assert SECRET not in cleaned and (decoded(cleaned) == pixels("sad")).all()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_what_hangs_behind_a_picture_is_cut_off(kind):
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as written:
        written.writestr("run.sh", "echo")
    picture = photo(kind)
    both = picture + archive.getvalue()
    cleaned = privacy.clean(both, decoded(both))
    assert b"run.sh" in both and b"run.sh" not in cleaned
    assert (decoded(cleaned) == decoded(picture)).all()


def test_a_fingerprint_needs_the_salt(tmp_path):
    salt = privacy.salt("", tmp_path / "salt")
    assert privacy.fingerprint("me", salt) == privacy.fingerprint("me", privacy.salt("", tmp_path / "salt"))
    assert privacy.fingerprint("me", salt) != privacy.fingerprint("me", b"other")
    assert (tmp_path / "salt").stat().st_mode & 0o077 == 0
