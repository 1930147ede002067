"""What is kept of a picture: its pixels, nothing of where it was taken."""

import io
import tempfile
import threading
import zipfile
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from pawtrait.dataset import images
from pawtrait.serving import privacy
from tests.serving import hostile
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


def test_services_that_start_at_once_have_one_salt(tmp_path):
    ready = threading.Barrier(8)

    def start(_):
        ready.wait()
        return privacy.salt("", tmp_path / "outbox/salt")

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(start, range(8)))) == 1
    assert [path.name for path in (tmp_path / "outbox").iterdir()] == ["salt"]


def test_notes_between_two_scans_go():
    data = photo("JPEG", progressive=True)
    second = data.index(b"\xff\xda", data.index(b"\xff\xda") + 2)
    table = data.rindex(b"\xff\xc4", 0, second)  # a scan may have a table before it
    noted = (
        data[:table] + hostile.segment(b"Exif\0\0" + SECRET) + hostile.segment(SECRET, 0xFE) + data[table:]
    )
    cleaned = privacy.clean(noted, decoded(noted))
    assert SECRET not in cleaned and cleaned == privacy.clean(data, decoded(data))


def test_a_thumbnail_in_the_head_goes():
    """It may show what was cut away."""
    data = jpeg()
    head = b"JFIF\0\x01\x01\0\0\x01\0\x01\x03\x01" + SECRET[:9]
    noted = data[:2] + hostile.segment(head, 0xE0) + hostile.segment(b"JFXX\0" + SECRET, 0xE0) + data[20:]
    cleaned = privacy.clean(noted, decoded(noted))
    assert SECRET[:9] in noted and SECRET[:9] not in cleaned and cleaned == data


def test_adobes_word_about_colours_stays_and_what_hangs_on_it_goes():
    buffer = io.BytesIO()
    Image.fromarray(pixels("sad")).convert("CMYK").save(buffer, "JPEG")
    data = buffer.getvalue()
    at = data.index(b"\xff\xee")
    adobe = data[at + 4 : at + 16]
    noted = data[:at] + hostile.segment(adobe + SECRET, 0xEE) + data[at + 16 :]
    cleaned = privacy.clean(noted, decoded(noted))
    assert SECRET not in cleaned and (decoded(cleaned) == decoded(data)).all()


def test_chunks_that_nobody_knows_go():
    still = hostile.encoded("PNG")
    noted = still[:33] + hostile.chunk(b"GPSx", SECRET) + still[33:]
    assert SECRET not in privacy.clean(noted, pixels("sad"))
    webp = hostile.encoded("WEBP")
    inside = webp[8:] + b"exif" + len(SECRET).to_bytes(4, "little") + SECRET
    noted = b"RIFF" + len(inside).to_bytes(4, "little") + inside
    assert SECRET not in privacy.clean(noted, pixels("sad"))


def test_an_upload_touches_no_disk(service, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", "/nowhere/at/all")
    large = np.random.default_rng(1).integers(0, 256, (900, 900, 3), np.uint8)
    picture = images.encode_png(large)
    assert len(picture) > 2_000_000
    assert service.post("/v1/moods", files={"pictures": picture}).status_code == 200
