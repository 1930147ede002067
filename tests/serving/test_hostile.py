"""Whatever is sent, the service answers soon, in order, and goes on."""

import encodings
import io
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import cv2
import numpy as np
import psutil
import pytest
from PIL import Image

from pawtrait.dataset import images
from pawtrait.errors import BadImage
from pawtrait.serving import intake, privacy
from pawtrait.serving.intake import Sent
from pawtrait.serving.problems import Problem
from pawtrait.serving.settings import Settings
from tests import pace
from tests.serving import hostile, swarms
from tests.serving.callers import jpeg, pixels, png

SLOWEST = 2.0  # seconds
GROWTH = 400  # MB


def raw(service, data, kind="image/jpeg"):
    return service.post("/v1/moods", content=data, headers={"content-type": kind})


def test_two_hundred_hostile_files_do_no_harm(service):
    files = list(hostile.corpus(220))
    assert raw(service, png()).status_code == 200
    before = psutil.Process().memory_info().rss
    slow, broken = [], []
    for name, data in files:
        began = time.perf_counter()
        done = raw(service, data)
        seconds = time.perf_counter() - began
        slow += [(name, seconds)] if seconds > SLOWEST else []
        fine = done.status_code in (200, 413, 415, 422)
        problem = done.headers["content-type"] == "application/problem+json"
        broken += (
            [] if fine and (problem or done.status_code == 200) else [(name, done.status_code, done.text)]
        )
    assert len(files) >= 200
    assert (slow, broken) == ([], [])
    assert (psutil.Process().memory_info().rss - before) / 1e6 < GROWTH
    assert raw(service, png()).status_code == 200


def test_most_of_them_are_refused(service):
    taken = [name for name, data in hostile.corpus(0) if raw(service, data).status_code == 200]
    assert not any(word in name for name in taken for word in ("bomb", "cut at 0.1", "html", "moving", "px"))


@pytest.mark.parametrize(
    ("name", "status", "kind"),
    [
        ("html", 415, "not-a-picture"),
        ("svg", 415, "not-a-picture"),
        ("bomb", 413, "too-many-pixels"),
        ("TIFF of one tile", 413, "too-many-pixels"),
        ("moving gif", 415, "not-a-still"),
        ("moving webp", 415, "not-a-still"),
        ("moving png", 415, "not-a-still"),
        ("pages", 415, "not-a-still"),
        ("JPEG cut at 0.5", 422, "unreadable-picture"),
        ("nothing", 415, "not-a-picture"),
    ],
)
def test_each_kind_of_harm_has_its_name(service, name, status, kind):
    done = raw(service, dict(hostile.corpus(0))[name])
    assert (done.status_code, done.json()["type"]) == (status, f"urn:pawtrait:problem:{kind}")


def test_a_bomb_is_refused_before_it_is_decoded(service, monkeypatch):
    seen = []
    monkeypatch.setattr(images, "decode", lambda *_, **__: seen.append("decoded"))
    assert raw(service, hostile.bomb()).status_code == 413
    assert seen == []


@pytest.mark.parametrize("made", [hostile.tiled(4200, 1), hostile.tiled(1, 4200), hostile.tiled(1, kind=5)])
def test_a_tile_is_as_large_as_any_reader_may_take_it_for(made):
    with pytest.raises(Problem, match="tile"):
        intake.decode(Sent("x", made), Settings.of({}))
    assert intake.decode(Sent("x", hostile.tiled(256)), Settings.of({})).shape == (1, 1, 3)


@pytest.fixture(scope="module")
def photo():
    """Of 12 million pixels, as a phone takes them."""
    grain = np.random.default_rng(1).integers(0, 256, (3000, 4000, 3), np.uint8)
    return Sent("photo", cv2.imencode(".jpg", grain, (cv2.IMWRITE_JPEG_QUALITY, 50))[1].tobytes())


@pytest.mark.parametrize(("name", "data"), [pytest.param(*one, id=one[0]) for one in swarms.corpus()])
def test_a_file_of_a_million_parts_costs_less_than_a_photo(name, data, photo):
    def read():
        if name == "JPEG of markers behind its pixels":  # these its decoder passes over by itself
            assert intake.decode(Sent("x", data), Settings.of({})).shape == (64, 64, 3)
        else:
            with pytest.raises(Problem, match=r"parts|scans|damaged"):
                intake.decode(Sent("x", data), Settings.of({}))

    assert pace.times(read, beside=lambda: intake.decode(photo, Settings.of({}))) < 1


@pytest.mark.parametrize("made", [swarms.two_frames, swarms.two_headers])
def test_a_file_that_shows_two_sizes_is_known_by_the_one_that_its_decoder_sees(made):
    with pytest.raises(Problem) as problem:
        intake.decode(Sent("x", made(30_000)), Settings.of({}))
    assert problem.value.status in (413, 422)
    assert images.sniff(made(64)) and _shape(made(64)) in ((64, 64, 3), None)


def _shape(data):
    try:
        return images.decode(data, largest_pixels=10_000, name="x").shape
    except BadImage:
        return None


def test_a_scan_full_of_stuffing_is_cut_quickly():
    """Half a million escaped bytes and something behind the end: found without a step for each."""
    data = jpeg()
    at = data.rindex(b"\xff\xd9")
    stuffed = data[:at] + b"\xff\0" * 4_000_000 + data[at:] + b"behind"
    seen = pixels("happy")
    assert privacy.clean(stuffed, seen).endswith(b"\xff\xd9")
    once_over = partial(stuffed.replace, b"\xff\0", b"")
    assert pace.times(lambda: privacy.clean(stuffed, seen), beside=once_over) < 9


def test_a_body_that_is_too_long_is_refused_while_it_is_read(serving):
    service = serving(largest_bytes=1000)

    def endless():
        for _ in range(10_000):
            yield b"\xff" * 1000

    assert raw(service, b"x" * 1001).status_code == 413
    assert raw(service, endless()).status_code == 413
    assert service.post("/v1/moods", files={"pictures": b"x" * 1001}).status_code == 413
    assert service.post("/v1/moods", files={"pictures": jpeg()[:900]}).status_code in (415, 422)


def test_pixels_have_their_own_limit(serving):
    service = serving(largest_pixels=1600)
    assert raw(service, jpeg(side=40)).status_code == 200
    assert raw(service, jpeg(side=41)).status_code == 413
    assert raw(service, png(side=41)).status_code == 413


def form(service, *, said="", about=""):
    """A picture in a form, with what may be said behind its type and in the head of its part."""
    head = f'--x\r\nContent-Disposition: form-data; name="pictures"; filename="a.png"{about}\r\n\r\n'
    return raw(service, head.encode() + png() + b"\r\n--x--\r\n", f"multipart/form-data; boundary=x{said}")


@pytest.mark.parametrize("said", ["punycode", "x" * 9000, "utf-16", "", '"utf-7"', "utf-8; charset=hex"])
def test_an_alphabet_but_utf_8_is_never_looked_up(service, said):
    """Python keeps each name for ever, and some it reads in quadratic time."""
    assert form(service).status_code == 200
    before = set(encodings._cache)
    done = form(service, said=f"; charset={said}")
    assert (done.status_code, done.json()["type"]) == (400, "urn:pawtrait:problem:bad-form")
    assert set(encodings._cache) == before


@pytest.mark.parametrize("said", ["UTF-8", '"utf-8"', "utf8", "US-ASCII"])
def test_a_form_may_say_that_it_is_what_it_has_to_be(service, said):
    assert form(service, said=f"; charset={said}").status_code == 200


@pytest.mark.parametrize("about", ["; filename*=z-9'en'b.png", "\r\nContent-Type: image/png; charset=z-9"])
def test_an_alphabet_in_the_head_of_a_part_is_passed_over(service, about):
    before = set(encodings._cache)
    assert form(service, about=about).json()["answers"][0]["name"] == "a.png"
    assert set(encodings._cache) == before


def test_too_many_pictures_are_refused(serving):
    service = serving(most_pictures=2)
    two = [("pictures", png()), ("pictures", png("sad"))]
    assert service.post("/v1/moods", files=two).status_code == 200
    done = service.post("/v1/moods", files=[*two, ("pictures", png("angry"))])
    assert (done.status_code, done.json()["type"]) == (413, "urn:pawtrait:problem:too-many-pictures")


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "C:\\windows\\cat.png", "a\0b.png", "x" * 500, "<b>.png", ""]
)
def test_a_name_is_for_people_and_never_a_path(service, name):
    done = service.post("/v1/moods", files={"pictures": (name, png())})
    if done.status_code == 200:
        shown = done.json()["answers"][0]["name"]
        assert 0 < len(shown) <= 255 and not set(shown) & set("/\\<>\0")
    else:
        assert done.status_code in (400, 422)


@pytest.mark.parametrize("size", [(1, 1), (1, 3000), (3000, 1)])
def test_odd_shapes_are_read(service, size):
    buffer = io.BytesIO()
    Image.new("RGB", size, "red").save(buffer, "JPEG")
    assert raw(service, buffer.getvalue()).status_code == 200


@pytest.mark.parametrize("mode", ["L", "LA", "RGBA", "P", "1", "I;16", "CMYK"])
def test_pictures_of_any_mode_are_read(service, mode):
    buffer = io.BytesIO()
    Image.new(mode, (40, 40)).save(buffer, "TIFF" if mode == "CMYK" else "PNG")
    assert raw(service, buffer.getvalue()).status_code == 200


def test_a_large_photo_holds_up_no_small_one(service):
    big = hostile.large(6000)  # 36 MP
    with ThreadPoolExecutor(8) as pool:
        start = time.perf_counter()
        slow = [pool.submit(raw, service, big) for _ in range(2)]
        time.sleep(0.05)
        began = time.perf_counter()
        assert raw(service, jpeg()).status_code == 200
        quick = time.perf_counter() - began
        assert [one.result().status_code for one in slow] == [200, 200]
    assert quick < (time.perf_counter() - start) / 2
