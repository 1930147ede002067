"""Pictures in, moods out: the answers, and what is written down of them."""

import base64
import threading
from datetime import UTC, datetime

import numpy as np
import pytest

from pawtrait.adapters.store import database, requests
from pawtrait.dataset import images, scan
from pawtrait.serving import reading
from tests.serving.callers import COLOURS, jpeg, pixels, png, wait_for


def rows(service):
    """The requests in the store, after everything was delivered."""
    door = service.app.state.door
    assert door.asked.flush()
    with database.opened(door.settings.database) as engine:
        far = datetime(9999, 1, 1, tzinfo=UTC)
        return requests.between(engine, datetime(2000, 1, 1, tzinfo=UTC), far)


@pytest.mark.parametrize("mood", COLOURS)
def test_a_raw_body_is_read(service, mood):
    done = service.post("/v1/moods", content=jpeg(mood), headers={"content-type": "image/jpeg"})
    [answer] = done.json()["answers"]
    assert (done.status_code, answer["label"], answer["problem"]) == (200, mood, None)
    assert sum(answer["probabilities"].values()) == pytest.approx(1, abs=1e-4)
    assert answer["confidence"] == max(answer["probabilities"].values())
    assert done.json()["model"] == {"name": "pet-expression", "version": "1", "kind": "cnn"}


def test_raw_bytes_without_their_kind_are_told_which_one_to_name(service):
    """As curl sends them where nothing is said."""
    kind = {"content-type": "application/x-www-form-urlencoded"}
    done = service.post("/v1/moods", content=jpeg(), headers=kind)
    assert done.status_code == 415 and "Content-Type such as image/jpeg" in done.json()["detail"]


def test_many_pictures_are_answered_in_their_order_and_a_bad_one_spoils_none(service):
    files = [("pictures", (f"{mood}.png", png(mood))) for mood in COLOURS]
    files.insert(2, ("pictures", ("notes.txt", b"no picture at all")))
    done = service.post("/v1/moods", files=files)
    answers = done.json()["answers"]
    assert [one["label"] for one in answers] == ["happy", "sad", None, "angry", "other"]
    assert answers[2]["problem"]["status"] == 415 and answers[2]["name"] == "notes.txt"
    assert len({one["request"] for one in answers}) == 5


def test_a_single_bad_picture_is_the_answer_itself(service):
    done = service.post("/v1/moods", files={"pictures": ("a.jpg", b"nothing")})
    assert done.status_code == 415
    assert done.headers["content-type"] == "application/problem+json"
    assert done.json()["instance"].endswith(done.headers["x-request-id"])


def test_a_low_confidence_is_called_unsure(serving):
    halves = images.encode_png(np.concatenate([pixels("happy"), pixels("other")]))
    [answer] = serving(unsure=0.999).post("/v1/moods", files={"pictures": halves}).json()["answers"]
    assert answer["unsure"] and answer["label"] in COLOURS and answer["confidence"] < 0.999
    [answer] = serving(unsure=0.1).post("/v1/moods", files={"pictures": halves}).json()["answers"]
    assert not answer["unsure"]


def test_a_row_says_what_monitoring_compares(service):
    data = png("sad", 50)
    answer = service.post("/v1/moods", files={"pictures": data}).json()["answers"][0]
    [row] = rows(service)
    seen = scan.look(data, "x", label="", published="", source="", largest_pixels=10**6)
    assert (row.id, row.picture, row.label) == (answer["request"], answer["picture"], "sad")
    assert (row.kind, row.outcome, row.error_kind) == ("predict", "ok", None)
    assert (row.brightness, row.sharpness, row.width, row.height) == (
        *(seen.brightness, seen.sharpness, seen.width, seen.height),
    )
    assert (row.model_name, row.model_version) == ("pet-expression", "1")
    assert row.latency_ms > 0 and row.confidence == pytest.approx(answer["confidence"], abs=1e-6)


def test_a_picture_that_cannot_be_read_is_a_row_too(service):
    service.post("/v1/moods", files={"pictures": png()[:200]})
    [row] = rows(service)
    assert (row.outcome, row.error_kind, row.bytes) == ("error", "unreadable-picture", 200)
    assert row.picture is None  # a hash of the file with its notes, by which nobody could delete it


def test_only_with_consent_a_picture_is_kept(service, project):
    kept = service.post("/v1/moods?consent=true", files={"pictures": png("sad")}).json()["answers"][0]
    other = service.post("/v1/moods", files={"pictures": png("angry")}).json()["answers"][0]
    asked = service.post("/v1/moods", files={"pictures": png("other")}, data={"consent": "true"})
    there = {path.name for path in (project / "inbox").rglob("*") if path.is_file()}
    assert there == {kept["picture"], asked.json()["answers"][0]["picture"]}
    assert kept["kept"] and not other["kept"]


def test_the_answer_goes_on_where_pictures_cannot_be_kept(serving, project):
    (project / "file").write_text("in the way")
    done = serving(pictures=str(project / "file")).post("/v1/moods?consent=true", files={"pictures": png()})
    assert done.json()["answers"][0]["kept"] is False
    assert done.json()["answers"][0]["label"] == "happy"


def test_the_answer_goes_on_where_a_bucket_is_away(serving, away):
    done = serving(pictures=away).post("/v1/moods?consent=true", files={"pictures": png()})
    [answer] = done.json()["answers"]
    assert (done.status_code, answer["label"], answer["kept"]) == (200, "happy", False)


def test_a_picture_store_that_hangs_holds_up_neither_moods_nor_feedback(serving, monkeypatch):
    service = serving(timeout=0.3)
    free = threading.Event()
    monkeypatch.setattr(service.app.state.door.pictures, "put", lambda data: free.wait(60))
    try:
        many = [("pictures", (f"{number}.png", png(), "image/png")) for number in range(12)]
        done = service.post("/v1/moods?consent=true", files=many).json()
        assert [(one["label"], one["kept"]) for one in done["answers"]] == [("happy", False)] * 12
        assert service.post("/v1/feedback", json={"picture": "ab" * 32, "thumbs": 1}).status_code == 201
        sent = service.post(
            "/v1/feedback", data={"consent": "true", "label": "sad"}, files={"picture": png()}
        )
        assert (sent.status_code, sent.json()["type"]) == (504, "urn:pawtrait:problem:too-slow")
    finally:
        free.set()


def test_a_thread_that_waits_has_nothing_of_the_last_pictures_left(service, squares):
    assert service.post("/v1/moods", files={"pictures": jpeg()}).status_code == 200
    wait_for(lambda: [square() is None for square in squares] == [True])


def test_an_explanation_is_a_picture_of_the_pictures_shape(service):
    wide = images.encode_png(np.repeat(pixels("sad", 40), 2, axis=1))
    done = service.post("/v1/moods?explain=true", files={"pictures": wide}).json()["answers"][0]
    head, _, data = done["explanation"]["image"].partition(",")
    shown = images.decode(base64.b64decode(data), largest_pixels=10**6, name="x")
    assert head == "data:image/png;base64" and shown.shape == (160, 320, 3)
    assert done["explanation"]["method"] == "occlusion"  # the colour model has no feature maps


@pytest.mark.parametrize(
    ("query", "status"), [("consent=perhaps", 422), ("explain=2", 422), ("explain=false", 200)]
)
def test_yes_and_no_have_few_spellings(service, query, status):
    assert service.post(f"/v1/moods?{query}", files={"pictures": png()}).status_code == status


def test_without_a_model_the_answer_says_so(serving, project):
    (project / "data/champion.json").unlink()
    service = serving()
    done = service.post("/v1/moods", files={"pictures": png()})
    assert (done.status_code, done.json()["type"]) == (503, "urn:pawtrait:problem:no-model")
    assert service.get("/readyz").status_code == 503 and service.get("/healthz").status_code == 200
    assert str(project) not in done.text
    (row,) = rows(service)
    assert (row.kind, row.outcome, row.error_kind, row.bytes) == ("predict", "error", "no-model", None)


def test_what_waits_is_read_in_batches_and_none_is_larger_than_it_may_be(serving, monkeypatch):
    service = serving(workers=1, batch=4)
    batcher = service.app.state.door.batcher
    sizes, read = [], reading.read

    def noting(wanted, *more):
        wait_for(lambda: sizes or len(batcher._queue) + len(wanted) == 10)  # the first waits for the rest
        sizes.append(len(wanted))
        return read(wanted, *more)

    monkeypatch.setattr(reading, "read", noting)
    many = [("pictures", (f"{number}.jpg", jpeg(), "image/jpeg")) for number in range(10)]
    answers = service.post("/v1/moods", files=many).json()["answers"]
    assert [one["label"] for one in answers] == ["happy"] * 10
    assert sum(sizes) == 10 and max(sizes) == 4
    assert (batcher.pictures, batcher.batches) == (10, len(sizes)) and len(sizes) <= 4


def test_a_full_queue_says_when_to_come_again(serving):
    service = serving(queue=1)
    door = service.app.state.door
    door.batcher.pending = 1
    done = service.post("/v1/moods", files={"pictures": png()})
    assert (done.status_code, done.headers["retry-after"]) == (429, "1")
    door.batcher.pending = 0
    assert service.post("/v1/moods", files={"pictures": png()}).status_code == 200


def test_a_queue_that_is_too_slow_is_full_before_it_is_long(serving):
    service = serving(queue=1000, wait=0.1)
    batcher = service.app.state.door.batcher
    batcher.pending, batcher._pace = 10, 0.5
    done = service.post("/v1/moods", files={"pictures": png()})
    assert (done.status_code, done.headers["retry-after"]) == (429, "3")  # ten, half a second each, by two
    batcher.pending = 0
    assert service.post("/v1/moods", files={"pictures": png()}).status_code == 200


def test_what_takes_too_long_is_given_up(serving):
    service = serving(timeout=1e-6)
    assert service.post("/v1/moods", files={"pictures": png()}).status_code == 504
    wait_for(lambda: service.app.state.door.batcher.pending == 0)
