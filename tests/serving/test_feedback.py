"""What people say is on the disk before they are thanked, and in the database when it is there."""

import asyncio
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from hashlib import sha256

import pytest

from pawtrait.adapters.store import database, feedback
from pawtrait.serving import batching, intake
from pawtrait.serving.turns import Turns
from tests.serving.callers import png, wait_for

EVER = datetime(2000, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)
NOBODY = "ab" * 32


def said(service, read=feedback.between):
    """What is in the database, after everything was delivered."""
    door = service.app.state.door
    assert door.said.flush()
    with database.opened(door.settings.database) as engine:
        return read(engine, *EVER)


def asked(service, mood="happy", **query):
    """An answer to a picture."""
    done = service.post("/v1/moods", files={"pictures": png(mood)}, params=query)
    return done.json()["answers"][0]


def test_a_correction_is_found_in_the_store(service):
    answer = asked(service, consent=True)
    told = {"request": answer["request"], "picture": answer["picture"], "label": "sad", "thumbs": -1}
    done = service.post("/v1/feedback", json={**told, "predicted": "happy", "consent": True})
    [row] = said(service)
    assert done.status_code == 201 and row.id == done.json()["id"]
    assert (row.label, row.thumbs, row.predicted, row.consent) == ("sad", -1, "happy", True)
    assert (row.request, row.picture, row.source) == (answer["request"], answer["picture"], "user")


def test_what_is_sent_again_by_its_key_is_one_row_and_other_words_are_not_lost(service):
    mood = {"picture": NOBODY, "label": "sad"}
    thumb = {"method": "fast", "style": "ink_03", "thumbs": 1}

    def say(told, **headers):
        return service.post("/v1/feedback", json=told, headers=headers).json()["id"]

    by = {"Idempotency-Key": "7f"}
    assert say(mood, **by) == say(mood, **by) and say(thumb, **by) == say(thumb, **by)
    corrected = [say({**mood, "label": "happy"}, **by), say(mood, **{"Idempotency-Key": "80"}), say(mood)]
    assert len(set(corrected)) == 3
    assert [row.label for row in said(service)] == ["sad", "happy", "sad", "sad"]
    assert [row.thumbs for row in said(service, feedback.styles_between)] == [1]


def test_whoever_said_it_is_a_fingerprint_that_hides_the_address(service):
    for _ in range(2):
        service.post("/v1/feedback", json={"picture": NOBODY, "thumbs": 1})
    first, second = said(service)
    assert first.client == second.client and len(first.client) == 32 and "testclient" not in first.client


def test_a_picture_comes_along_where_none_was_kept(service):
    form = {"label": "sad", "consent": "true", "thumbs": "-1"}
    done = service.post("/v1/feedback", data=form, files={"picture": ("my cat.png", png("sad"))})
    [row] = said(service)
    assert done.status_code == 201 and service.app.state.door.pictures.has(row.picture)
    assert (row.name, row.thumbs) == ("my cat.png", -1)


def test_a_form_says_texts_as_texts(service):
    form = {"label": "sad", "model_version": "1", "name": "", "predicted": "", "consent": "true"}
    done = service.post("/v1/feedback", data=form, files={"picture": ("my cat.png", png("sad"))})
    [row] = said(service)
    assert (done.status_code, row.model_version, row.name, row.predicted) == (201, "1", "my cat.png", None)


@pytest.mark.parametrize(
    "form",
    [
        {"label": "sad", "thumbs": "", "consent": "", "request": "", "method": "", "picture": NOBODY},
        {"method": "fast", "thumbs": "1", "style": "", "strength": " ", "seconds": "", "request": ""},
    ],
)
def test_an_empty_field_of_a_form_says_nothing(service, form):
    fields = {key: (None, value) for key, value in form.items()}  # as a page sends them: multipart
    assert service.post("/v1/feedback", files=fields).status_code == 201


def test_a_picture_that_comes_along_without_consent_is_not_kept(service):
    form = {"label": "sad", "name": "where I live.png"}
    service.post("/v1/feedback", data=form, files={"picture": ("who I am.png", png("sad"))})
    [row] = said(service)
    assert row.name == ""  # names say who and where
    assert row.picture and not service.app.state.door.pictures.has(row.picture)


def with_picture(service, side=40, **said):
    """A label with the picture it is for."""
    return service.post("/v1/feedback", data={"label": "sad", **said}, files={"picture": png("sad", side)})


def test_too_many_pictures_that_come_along_are_sent_away_and_words_are_not(service, monkeypatch):
    begun, free, decode = threading.Event(), threading.Event(), intake.decode

    def slow(sent, settings):
        begun.set()
        assert free.wait(60)
        return decode(sent, settings)

    monkeypatch.setattr(intake, "decode", slow)
    monkeypatch.setattr(service.app.state.door, "decoders", Turns(1, 0, 60.0, doing="read"))
    with ThreadPoolExecutor(1) as sender:
        first = sender.submit(with_picture, service)
        try:
            assert begun.wait(60)
            refused = with_picture(service)
            assert (refused.status_code, refused.json()["type"]) == (429, "urn:pawtrait:problem:busy")
            assert int(refused.headers["retry-after"]) >= 1 and "being read" in refused.json()["detail"]
            assert service.post("/v1/feedback", json={"picture": NOBODY, "thumbs": 1}).status_code == 201
        finally:
            free.set()
    assert first.result().status_code == 201


def test_a_giant_that_comes_along_is_read_as_the_only_one(service, monkeypatch):
    alone, decode, giant = [], intake.decode, service.app.state.door.batcher._giant

    def seen(sent, settings):
        alone.append(giant.locked())
        return decode(sent, settings)

    monkeypatch.setattr(intake, "decode", seen)
    monkeypatch.setattr(batching, "GIANT", 50 * 50)
    assert {with_picture(service, side).status_code for side in (40, 60)} == {201}
    assert alone == [False, True]


def test_a_bucket_that_is_away_is_no_thanks(serving, away):
    service = serving(pictures=away)
    done = with_picture(service, consent="true")
    assert (done.status_code, done.json()["type"]) == (503, "urn:pawtrait:problem:no-store")
    told = {"picture": NOBODY, "label": "sad", "consent": True}
    assert service.post("/v1/feedback", json=told).status_code == 503
    assert said(service) == []


def test_consent_to_a_picture_that_nobody_kept_is_told(service):
    done = service.post("/v1/feedback", json={"picture": NOBODY, "label": "sad", "consent": True})
    assert (done.status_code, done.json()["type"]) == (422, "urn:pawtrait:problem:picture-not-kept")


def test_a_thumb_for_a_portrait(service):
    told = {"request": "abc", "method": "fast", "style": "ink", "strength": 0.5, "thumbs": 1, "seconds": 2.5}
    assert service.post("/v1/feedback", json=told).status_code == 201
    [row] = said(service, feedback.styles_between)
    assert (row.method, row.style, row.strength, row.thumbs, row.seconds) == ("fast", "ink", 0.5, 1, 2.5)


@pytest.mark.parametrize(
    "body",
    [
        {"picture": NOBODY},
        {"picture": NOBODY, "label": "furious"},
        {"picture": NOBODY, "thumbs": 2},
        {"picture": "../../etc/passwd", "thumbs": 1},
        {"picture": NOBODY, "thumbs": 1, "role": "admin"},
        {"thumbs": 1},
        {"picture": NOBODY, "thumbs": 1, "request": "x" * 65},
        {"method": "fast", "thumbs": 1, "strength": 2},
        {"method": "fast", "thumbs": 1, "seconds": "NaN"},
        {"method": "fast", "thumbs": 1, "style": "a\0b"},
        {"picture": NOBODY, "thumbs": 1, "model_version": "1\0"},
        {"picture": NOBODY, "thumbs": 1, "\0": 1},
    ],
)
def test_what_says_nothing_usable_is_refused(service, body):
    assert service.post("/v1/feedback", json=body).status_code == 422
    assert said(service) == []


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b"{", "application/json", 400),
        (b"[1]", "application/json", 400),
        (b"[" * 100_000, "application/json", 413),
        (b"[" * 9_000, "application/json", 400),
        (b"a=1", "application/x-www-form-urlencoded", 415),
        (b"x", "multipart/form-data", 400),
    ],
)
def test_a_body_of_another_kind_is_refused(service, content, kind, status):
    done = service.post("/v1/feedback", content=content, headers={"content-type": kind})
    assert done.status_code == status


def test_feedback_waits_for_a_database_that_is_away(serving, project):
    (project / "away").mkdir()
    (project / "away/file").write_text("no database")
    address = project / "away/file/feedback.db"  # below a file there can be none
    service = serving(database=f"sqlite:///{address}")
    done = service.post("/v1/feedback", json={"picture": NOBODY, "label": "sad"})
    assert done.status_code == 201
    door = service.app.state.door
    wait_for(lambda: door.said.problem)
    assert door.said.waiting == 1 and service.get("/readyz").json()["feedback_waiting"] == 1
    (project / "away/file").unlink()
    (project / "away/file").mkdir()
    [row] = said(service)
    assert (row.id, door.said.waiting, door.said.problem) == (done.json()["id"], 0, "")


def test_what_is_acknowledged_is_on_the_disk(serving, project):
    service = serving(database="sqlite:////nowhere/at/all.db")
    name = service.post("/v1/feedback", json={"picture": NOBODY, "label": "sad"}).json()["id"]
    lines = [line for path in (project / "outbox/said").glob("*.jsonl") for line in path.open()]
    assert [json.loads(line)["row"]["id"] for line in lines] == [name]


def test_a_crowd_that_speaks_at_once_is_no_disk_that_hangs(service):
    writers = service.app.state.door.writers

    async def all_at_once():
        return await asyncio.gather(*(writers.run(int) for _ in range(1000)))

    assert asyncio.run(all_at_once()) == [0] * 1000


def test_a_disk_that_hangs_holds_up_nothing_else(serving, monkeypatch):
    service, free = serving(timeout=0.2), threading.Event()
    monkeypatch.setattr("os.fsync", lambda stream: free.wait(60))
    words = {"picture": NOBODY, "label": "sad"}
    with ThreadPoolExecutor(8) as people:  # more than there are threads
        told = [people.submit(service.post, "/v1/feedback", json=words) for _ in range(8)]
        try:
            details = {(one.result().status_code, one.result().json()["detail"]) for one in told}
            assert details == {(504, "the disk did not answer in time; try again later")}
            assert service.get("/metrics").status_code == 200
        finally:
            free.set()


def test_a_full_disk_is_no_thanks(service, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    assert service.post("/v1/feedback", json={"picture": NOBODY, "label": "sad"}).status_code == 507
    monkeypatch.undo()


def test_a_kept_picture_has_the_name_that_the_answer_gave(service):
    answer = asked(service, consent=True)
    data = service.app.state.door.pictures.get(answer["picture"])
    assert sha256(data).hexdigest() == answer["picture"]
