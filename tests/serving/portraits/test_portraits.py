"""``/v1/portraits`` over HTTP: at once by real painters, and what is refused."""

import hashlib
import os
import shutil

import numpy as np
import pytest

from pawtrait.dataset import images
from pawtrait.errors import BadParams
from pawtrait.serving.settings import Settings
from tests.serving.portraits.asking import (
    asked,
    folder,
    headers,
    job,
    over,
    problem,
    rows,
    send,
    shown,
    spoken,
)
from tests.serving.portraits.conftest import STEPS, photo, plain


def test_cyclegan_answers_with_the_portrait_and_one_row(shared):
    answer = send(shared, "cyclegan")
    np.testing.assert_array_equal(shown(answer), 255 - photo())
    (row,) = rows(shared, asked(answer))
    assert answer.headers["content-type"] == "image/png" and spoken(answer) == headers(shared, "200")
    assert float(answer.headers["x-pawtrait-seconds"]) > 0
    assert (row.id, row.kind, row.outcome) == (answer.headers["x-pawtrait-request"], "stylize", "ok")
    assert (row.method, row.style, row.strength) == ("cyclegan", None, 1.0)
    assert (row.width, row.height, row.picture) == (80, 64, answer.headers["x-pawtrait-picture"])
    assert row.brightness and row.sharpness and row.bytes and row.latency_ms > 0


def test_fast_paints_like_a_painting_by_name_or_one_that_came_along(shared):
    pale = plain(40, 50, (100, 100, 100))
    named = send(shared, "fast", pale, style="blue")
    own = send(shared, "fast", pale, plain(32, 32, (7, 8, 9)))
    styles = [row.style for row in rows(shared, asked(named), asked(own))]
    assert shown(named)[0, 0].tolist() == [100, 120, 210] and shown(own)[0, 0].tolist() == [107, 108, 109]
    assert styles == ["blue", "own"]


def test_only_vectors_of_known_paintings_are_kept(service):
    with service() as client:
        send(client, "fast", style="blue", strength="0.5")
        send(client, "fast", painting=plain(32, 32, (7, 8, 9)))
        assert [key[0] for key in client.app.state.door.workshop.painters._vectors] == ["id-blue"]


def test_half_the_strength_is_half_way(shared):
    grey = plain(64, 64, (100, 100, 100))
    assert shown(send(shared, "cyclegan", grey, strength="0"))[0, 0].tolist() == [100, 100, 100]
    assert shown(send(shared, "cyclegan", grey, strength="0.5"))[0, 0].tolist() == [128, 128, 128]
    fast = shown(send(shared, "fast", grey, style="red", strength="0"))
    assert fast[0, 0].tolist() == [200, 200, 200]  # its own style: the painter adds the photo's mean to it


def test_a_large_photo_is_painted_at_the_side_that_was_wished(shared):
    assert shown(send(shared, "cyclegan", photo(300, 600), side="200")).shape == (100, 200, 3)
    assert shown(send(shared, "cyclegan", photo(300, 600))).shape == (256, 512, 3)
    assert shown(send(shared, "cyclegan", photo(30, 60), side="200")).shape == (30, 60, 3)


def test_where_only_smaller_portraits_may_be_wished_no_wish_means_the_largest(service):
    with service(portrait_largest=200) as client:
        assert shown(send(client, "cyclegan", photo(300, 600))).shape == (100, 200, 3)


def test_no_wish_is_at_least_what_may_be_wished():
    with pytest.raises(BadParams, match=r"PAWTRAIT_PORTRAIT_SIDE is '16': .* greater than or equal to 32"):
        Settings.of({"PAWTRAIT_PORTRAIT_SIDE": "16"})


def test_a_raw_body_with_a_query_is_a_wish_too(shared):
    answer = shared.post("/v1/portraits?method=cyclegan", content=images.encode_png(photo()))
    np.testing.assert_array_equal(shown(answer), 255 - photo())


def test_nothing_is_kept_without_consent(shared):
    assert send(shared, "cyclegan").headers["x-pawtrait-kept"] == "false"
    over(shared, job(shared)["url"])
    assert not [path for path in (folder(shared) / "inbox").rglob("*") if path.is_file()]
    assert not [path for path in (folder(shared) / "portraits").iterdir() if path.suffix != ".png"]


def test_with_consent_the_photo_is_kept_under_its_name(service, painted):
    with service() as client:
        answer = send(client, "cyclegan", consent="true")
    (kept,) = [path for path in (painted / "inbox").rglob("*") if path.is_file()]
    assert kept.name == answer.headers["x-pawtrait-picture"]
    assert hashlib.sha256(kept.read_bytes()).hexdigest() == kept.name


# what is refused


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"method": "oil"}, "method: expected one of nst, fast, cyclegan, hybrid"),
        ({"method": "fast"}, "style: expected a name of /v1/styles, or a picture in the field painting"),
        ({"method": "fast", "style": "green"}, "style: there is no painting of that name"),
        ({"method": "fast", "style": "../blue"}, "style: there is no painting of that name"),
        ({"method": "cyclegan", "style": "blue"}, "style: cyclegan paints in the style that it learned"),
        ({"method": "cyclegan", "strength": "1.5"}, "strength: expected a number from 0"),
        ({"method": "cyclegan", "strength": "nan"}, "strength: expected a number from 0"),
        ({"method": "cyclegan", "side": "5000"}, "side: expected a whole number from 32 to 1024"),
        ({"method": "cyclegan", "side": "-64"}, "side: expected a whole number from 32 to 1024"),
        (
            {"method": "nst", "style": "red", "steps": "0"},
            f"steps: expected a whole number from 1 to {STEPS}",
        ),
        ({"method": "cyclegan", "consent": "perhaps"}, "consent: expected true or false"),
    ],
    ids=lambda value: " ".join(value.values()) if isinstance(value, dict) else "",
)
def test_a_wish_that_cannot_be_is_told_in_words(shared, fields, words):
    status, detail = problem(send(shared, **fields))
    assert status == 422 and detail.startswith(words)


def test_a_photo_that_is_none_is_refused_and_counted(service):
    with service(largest_pixels=1000) as client:
        text = client.post("/v1/portraits?method=cyclegan", content=b"no picture")
        large = send(client, "cyclegan")
        none = client.post("/v1/portraits", data={"method": "cyclegan"}, files={"other": b"x"})
        kinds = [(row.outcome, row.error_kind, row.picture) for row in rows(client)]
    assert [problem(answer)[0] for answer in (text, large, none)] == [415, 413, 422]
    assert kinds == [("error", "not-a-picture", None), ("error", "too-many-pixels", None)]


def test_a_painting_that_is_none_is_refused(shared):
    files = {"picture": ("a.png", images.encode_png(photo())), "painting": ("b.png", b"no picture")}
    assert problem(shared.post("/v1/portraits", data={"method": "fast"}, files=files))[0] == 415


def test_a_method_without_its_painter_is_unavailable_and_says_why(service, painted):
    shutil.rmtree(painted / "data/painters/fast")
    with service(painters_at_work=0) as client:
        assert problem(send(client, "fast", style="red")) == (
            503,
            "fast: this service has no such painter; train or download one",
        )
        assert problem(send(client, "nst", style="red")) == (503, "nst: switched off here")
        methods = {one["name"]: one["why_not"] for one in client.get("/v1/styles").json()["methods"]}
        noted = {(row.method, row.outcome, row.error_kind) for row in rows(client)}
    assert noted == {(name, "error", "method-unavailable") for name in ("fast", "nst")}
    assert methods["cyclegan"] == "" and methods["nst"] == methods["hybrid"] == "switched off here"


def test_where_no_portrait_can_be_kept_the_rest_goes_on(service, painted):
    (painted / "file").write_text("no folder")
    with service(portraits=painted / "file/portraits") as client:
        assert problem(send(client, "nst", style="red"))[1].startswith("nst: there is no room for finished")
        assert send(client, "cyclegan").status_code == 200


def test_a_painting_whose_file_is_gone_is_told(service, painted):
    (painted / "data/paintings/red.png").unlink()
    with service() as client:
        assert problem(send(client, "fast", style="red")) == (503, "the file of this painting cannot be read")
        assert problem(client.get("/v1/styles/red/picture"))[0] == 404


def test_a_side_that_memory_does_not_suffice_for_is_told(service, monkeypatch):
    """The painter's own error, raised where it would be: no memory can be made short in this process."""

    def short(*_: object) -> None:
        raise BadParams("side 512: 512x512 px cannot be painted here (bad allocation); lower it")

    monkeypatch.setattr("pawtrait.style_transfer.painter.CycleGanPainter.paint", short)
    with service() as client:
        status, detail = problem(send(client, "cyclegan"))
    assert status == 413 and detail.startswith("painting at 512 px takes more memory than there is; ask")


def test_what_nobody_had_foreseen_is_written_down_and_counted(service, monkeypatch):
    monkeypatch.setattr("pawtrait.style_transfer.painter.CycleGanPainter.paint", lambda *_: 1 / 0)
    with service() as client:
        answer = send(client, "cyclegan")
        kinds = [(row.method, row.outcome, row.error_kind) for row in rows(client)]
        figures = client.get("/metrics").text.splitlines()
    assert problem(answer) == (500, "something went wrong here; it was logged")
    assert kinds == [("cyclegan", "error", "ZeroDivisionError")]
    assert 'pawtrait_portraits_total{method="cyclegan",outcome="error"} 1.0' in figures


def test_a_damaged_painter_is_unavailable_and_a_mended_one_paints(service, painted):
    network = painted / "data/painters/cyclegan/photo_to_painting.onnx"
    whole, sums = network.read_bytes(), painted / "data/painters/cyclegan/SHA256SUMS"
    network.write_bytes(whole[:-1])
    with service() as client:
        assert problem(send(client, "cyclegan"))[0] == 503
        assert str(painted) not in client.get("/v1/styles").text
        network.write_bytes(whole)
        later = sums.stat().st_mtime + 10  # a clock of files may tick too slowly for two writes in a row
        os.utime(sums, (later, later))
        assert send(client, "cyclegan").status_code == 200


def test_weights_that_are_not_here_are_told(service, painted):
    (painted / "data/style_weights/weights.json").unlink()
    with service() as client:
        methods = {one["name"]: one for one in client.get("/v1/styles").json()["methods"]}
    assert methods["nst"] == methods["nst"] | {
        "available": False,
        "why_not": "the weights of its network are not here",
    }
