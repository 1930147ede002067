"""The blind queue: nobody learns what was said before they have answered; and deletion."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from pawtrait import clock, params, quarantine
from pawtrait.adapters.store import database, feedback
from pawtrait.adapters.store.feedback import Said
from pawtrait.dataset import feedback as ruling
from pawtrait.dataset import images, manifest, scan
from pawtrait.serving import keys, reviews, rows
from pawtrait.serving.door import READERS
from pawtrait.serving.outbox import REFUSED, Outbox
from tests.serving.callers import pixels, png, wait_for

KEPT = {"consent": "true"}
KEYS = {"ann": ["review"], "boss": ["review", "admin"]}


def sent(service, mood="sad", side=60):
    """A picture with a user's label, in the database."""
    answer = service.post("/v1/moods", files={"pictures": png(mood, side)}, params=KEPT).json()["answers"][0]
    told = {"request": answer["request"], "picture": answer["picture"], "predicted": answer["label"]}
    service.post("/v1/feedback", json={**told, "label": "angry", "consent": True})
    assert service.app.state.door.said.flush()
    return answer["picture"]


def next_for(service, reviewer):
    return service.get("/v1/reviews/next", params={"reviewer": reviewer})


def judged(service, picture, reviewer, verdict="sad", **more):
    told = {"picture": picture, "reviewer": reviewer, "verdict": verdict, **more}
    return service.post("/v1/reviews", json=told)


def test_an_empty_queue_has_nothing_to_say(service):
    assert next_for(service, "rosa").status_code == 204


def test_a_picture_waits_and_nothing_that_was_said_is_told(service):
    picture = sent(service)
    done = next_for(service, "rosa")
    assert done.json() == {"picture": picture, "url": f"/v1/pictures/{picture}", "waiting": 1}
    shown = service.get(done.json()["url"])
    assert shown.headers["content-type"] == "image/png" and "no-store" in shown.headers["cache-control"]
    assert "sad" not in done.text and "angry" not in done.text


def test_a_picture_whose_bytes_have_changed_says_so_and_holds_up_none_behind_it(service, caplog):
    both = {sent(service, "sad"), sent(service, "happy")}
    damaged = next_for(service, "rosa").json()["picture"]
    (Path(service.app.state.door.settings.pictures) / damaged[:2] / damaged).write_bytes(b"no picture")
    assert {next_for(service, "rosa").json()["picture"]} == both - {damaged}
    shown = service.get(f"/v1/pictures/{damaged}")
    assert (shown.status_code, shown.json()["type"]) == (500, "urn:pawtrait:problem:damaged-picture")
    assert caplog.text.count(f"pawtrait forget {damaged}") == 2


def test_after_the_answer_the_others_are_told(service):
    done = judged(service, sent(service), "Rosa ")
    assert done.status_code == 201
    assert (done.json()["model"], done.json()["people"]) == (["sad"], ["angry"])


def test_a_reviewer_sees_each_picture_once_and_another_sees_it_too(service):
    picture = sent(service)
    judged(service, picture, "rosa")
    assert next_for(service, "Rosa").status_code == 204
    assert next_for(service, "tom").json()["picture"] == picture


@pytest.mark.parametrize("remembered", [True, False])
def test_a_reviewers_first_verdict_stands_and_nobody_is_thanked_for_another(service, remembered):
    picture, door = sent(service), service.app.state.door
    assert judged(service, picture, "rosa", "sad").status_code == 201
    if not remembered:
        assert door.said.flush()
        door.shared.clear()
    another = judged(service, picture, "Rosa", "happy")
    assert (another.status_code, another.json()["type"]) == (409, "urn:pawtrait:problem:judged-before")
    assert "sad" not in another.text
    assert judged(service, picture, "rosa", "sad").status_code == 201
    assert judged(service, picture, "tom", "happy").status_code == 201
    assert door.said.flush()
    with database.opened(door.settings.database) as engine:
        assert feedback.verdicts(engine) == {"rosa": {picture: "sad"}, "tom": {picture: "happy"}}


def test_of_two_verdicts_at_the_same_moment_one_is_thanked_and_the_other_refused(service, monkeypatch):
    picture, door = sent(service), service.app.state.door
    keep, both = door.keep, threading.Barrier(2)

    def together(row):
        """On to the disk at once where two get so far; one alone goes on after a while."""
        with suppress(threading.BrokenBarrierError):
            both.wait(0.5)
        keep(row)

    monkeypatch.setattr(door, "keep", together)
    with ThreadPoolExecutor(2) as people:
        told = {mood: people.submit(judged, service, picture, "rosa", mood) for mood in ("sad", "happy")}
    codes = {mood: one.result().status_code for mood, one in told.items()}
    assert sorted(codes.values()) == [201, 409]
    assert door.said.flush()
    with database.opened(door.settings.database) as engine:
        (kept,) = feedback.verdicts(engine)["rosa"].values()
    assert codes[kept] == 201


def test_a_verdict_that_could_not_be_written_down_stands_in_no_other_ones_way(service, monkeypatch):
    picture, door = sent(service), service.app.state.door

    def full(row):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as without:
        without.setattr(door, "keep", full)
        assert judged(service, picture, "rosa", "sad").status_code == 507
    assert judged(service, picture, "rosa", "happy").status_code == 201


def test_what_two_agree_on_waits_no_more(service):
    picture = sent(service)
    judged(service, picture, "rosa")
    judged(service, picture, "tom")
    service.app.state.door.said.flush()
    service.app.state.door.shared.clear()  # the queue is looked at anew every few seconds
    assert next_for(service, "ann").status_code == 204
    told = service.get("/v1/reviews").json()
    assert (told["waiting"], told["verdicts"], told["reviewers"]) == (0, 2, 2)
    assert told["pairs"] == [{"first": "rosa", "second": "tom", "pictures": 1, "same": 1, "kappa": None}]


def test_how_far_reviewers_agree_is_told_beyond_chance(service):
    """Three of four alike; rosa says sad of two, tom of three: by chance ½·¾ + ½·¼ are, and (¾ − ½) / ½."""
    pictures = [sent(service, side=side) for side in range(60, 64)]
    for picture, rosas, toms in zip(pictures, "sshh", "sshs", strict=True):
        moods = {"s": "sad", "h": "happy"}
        judged(service, picture, "rosa", moods[rosas])
        judged(service, picture, "tom", moods[toms])
    assert service.app.state.door.said.flush()
    told = service.get("/v1/reviews").json()["pairs"]
    assert told == [{"first": "rosa", "second": "tom", "pictures": 4, "same": 3, "kappa": 0.5}]


@pytest.fixture
def looks(monkeypatch):
    """The pictures that are looked at from now on, by their place."""
    seen, look = [], scan.look

    def noting(data, place, **more):
        seen.append(place)
        return look(data, place, **more)

    monkeypatch.setattr(scan, "look", noting)
    return seen


def test_one_client_s_pictures_over_its_limit_are_not_looked_at(service, looks):
    knobs = service.app.state.door.settings.params
    knobs.write_text(knobs.read_text().replace("client_pictures: 30", "client_pictures: 2"))
    pictures = [sent(service, side=side) for side in range(60, 65)]
    rulings, _ = reviews._judged(service.app.state.door)
    assert looks == [f"quarantine/{one}" for one in pictures[:2]]
    assert ["client_pictures" in one.reason for one in rulings] == [False] * 2 + [True] * 3


def test_what_a_look_leaves_for_want_of_time_is_held_until_the_next(service, looks, monkeypatch):
    pictures = [sent(service, side=side) for side in range(60, 64)]
    door = service.app.state.door
    step = door.settings.timeout * 0.3  # what each takes
    monkeypatch.setattr(reviews, "time", SimpleNamespace(monotonic=lambda: step * len(looks)))
    rulings, _ = reviews._judged(door)
    assert looks == [f"quarantine/{one}" for one in pictures[:2]]
    assert [one.outcome == "held" for one in rulings] == [False, False, True, True]
    assert "held" not in [one.outcome for one in reviews._judged(door)[0]]


def test_the_queue_and_the_month_find_the_same_wrong_with_a_picture(project):
    sent = {
        "good": pixels("sad", 60),
        "small": pixels("sad", 20),
        "black": np.zeros((60, 60, 3), np.uint8),
        "white": np.full((60, 60, 3), 255, np.uint8),
    }
    data = {name: images.encode_png(picture) for name, picture in sent.items()}
    data["truncated"] = data["good"][:-40]
    looks = {
        name: scan.look(
            one, f"{ruling.HOME}/{name}", label="", published="", source="feedback", largest_pixels=10**6
        )
        for name, one in data.items()
    }
    knobs = params.load().validate_
    months = quarantine._problems(list(looks.values()), knobs)
    queues = {name: reviews._problem(record, knobs) for name, record in looks.items()}
    assert {name: said for name, said in queues.items() if said} == months
    assert months.keys() == data.keys() - {"good"}


def test_a_long_look_at_the_queue_holds_up_no_answer_and_takes_no_readers_away(service, monkeypatch):
    picture, look = sent(service), reviews._judged
    begun, free = threading.Event(), threading.Event()

    def slow(door):
        begun.set()
        assert free.wait(60)
        return look(door)

    monkeypatch.setattr(reviews, "_judged", slow)
    with ThreadPoolExecutor(6) as people:  # more than there are readers
        waiting = [people.submit(next_for, service, f"reviewer {number}") for number in range(6)]
        try:
            assert begun.wait(60)
            assert judged(service, picture, "rosa").status_code == 201
        finally:
            free.set()
    assert {one.result().status_code for one in waiting} == {200}
    assert next_for(service, "rosa").status_code == 204


def test_a_verdict_that_waits_for_its_disk_holds_up_no_look_at_the_queue(service, monkeypatch):
    picture, begun, free = sent(service), threading.Event(), threading.Event()
    monkeypatch.setattr(service.app.state.door, "keep", lambda row: begun.set() or free.wait(60))
    with ThreadPoolExecutor(1) as people:
        said = people.submit(judged, service, picture, "rosa")
        try:
            assert begun.wait(60)
            assert next_for(service, "maria").status_code == 200
        finally:
            free.set()
    assert said.result().status_code == 201


def test_what_is_no_sound_picture_needs_no_review(service):
    sent(service, side=30)  # too small for training
    assert next_for(service, "rosa").status_code == 204


@pytest.mark.parametrize(("label", "waits"), [("sad", False), ("to_label", True)])
def test_of_the_data_set_s_own_pictures_only_those_without_a_mood_need_a_review(service, label, waits):
    about = {"published": "", "source": "folder", "largest_pixels": 10**6}
    known = scan.look(png("sad", 60), f"unsplit/{label}/1.png", label=label, **about)
    manifest.write(service.app.state.door.settings.manifest, [known], manifest.Record)
    sent(service)
    assert (next_for(service, "rosa").status_code == 200) == waits


def test_unusable_has_a_reason(service):
    done = judged(service, sent(service), "rosa", "unusable", reason="no pet in it")
    assert done.status_code == 201


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"verdict": "cute"}, 422),
        ({"picture": "ab" * 32}, 404),
        ({"picture": "../x"}, 422),
        ({"reviewer": ""}, 422),
    ],
)
def test_a_verdict_that_is_none_is_refused(service, changes, status):
    told = {"picture": sent(service), "reviewer": "rosa", "verdict": "sad"} | changes
    assert service.post("/v1/reviews", json=told).status_code == status


def test_a_verdict_is_read_no_further_than_it_may_be_long(service):
    told = {"picture": "ab" * 32, "reviewer": "rosa", "verdict": "sad", "reason": "x" * 20_000}
    done = service.post("/v1/reviews", json=told)
    assert (done.status_code, done.json()["type"]) == (413, "urn:pawtrait:problem:too-large")
    many = service.post("/v1/reviews", json={f"k{n}": 1 for n in range(1000)})
    assert (many.status_code, len(many.content) < 10_000) == (422, True)


def test_one_persons_key_is_one_reviewer_and_a_key_of_many_is_any(serving, project):
    said = {name: keys.add(project / "keys.jsonl", name, scopes) for name, scopes in KEYS.items()}
    service = serving(keys=project / "keys.jsonl")

    def review(key, reviewer):
        service.headers["authorization"] = f"Bearer {said[key]}"
        return judged(service, "ab" * 32, reviewer), next_for(service, reviewer)

    for done in review("ann", "Rosa"):
        assert done.status_code == 403
        assert done.json()["detail"] == "the key ann reviews as ann, not as rosa"
    for key, reviewer in (("ann", " Ann"), ("boss", "rosa")):
        assert [done.status_code for done in review(key, reviewer)] == [404, 204]


def test_without_a_key_no_verdict_is_read(serving, project):
    keys.add(project / "keys.jsonl", "boss", ["admin"])
    done = serving(keys=project / "keys.jsonl").post("/v1/reviews", content=b"[" * 20_000)
    assert done.status_code == 401


def test_a_picture_is_deleted_with_all_that_was_said(service):
    picture = sent(service)
    judged(service, picture, "rosa")
    done = service.delete(f"/v1/pictures/{picture}")
    assert done.json() == {"picture": picture, "pictures": 1, "rows": done.json()["rows"], "snapshots": []}
    assert done.json()["rows"] >= 3  # the request, the feedback, the review
    assert service.get(f"/v1/pictures/{picture}").status_code == 404


def test_a_deleted_picture_leaves_the_monitoring_pages(service, project):
    page, picture = project / "data/monitor/2026-11-25.html", sent(service)
    page.parent.mkdir(parents=True)
    page.write_text(f'<h1>a day</h1><figure id="{picture}">it</figure>', encoding="utf-8")
    service.delete(f"/v1/pictures/{picture}")
    assert service.get("/v1/monitoring").text == "<h1>a day</h1>"


def test_pages_that_may_not_be_written_stop_no_deletion(service, project, caplog):
    """As in containers; the next look takes it out."""
    page, picture = project / "data/monitor/2026-11-25.html", sent(service)
    page.mkdir(parents=True)  # reading it fails, as writing would
    assert service.delete(f"/v1/pictures/{picture}").status_code == 200
    assert "shows a forgotten picture until the next look" in caplog.text


def test_deleting_twice_is_no_error_and_what_never_was_is_unknown(service):
    picture = sent(service)
    service.delete(f"/v1/pictures/{picture}")
    again = service.delete(f"/v1/pictures/{picture}")
    assert (again.status_code, again.json()["pictures"], again.json()["rows"]) == (200, 0, 0)
    assert service.delete(f"/v1/pictures/{'ab' * 32}").status_code == 404


def test_a_deletion_leaves_a_word_for_rows_that_wait_elsewhere(service):
    """Another service that shares the outbox holds feedback about the picture while it is deleted."""
    door, picture = service.app.state.door, sent(service)
    other = Outbox(door.settings.outbox / "said", rows.delivery(door.settings.database), durable=True)
    known = {"picture": picture, "client": "me", "consent": False, "label": "sad"}
    other.put(rows.packed(Said(id="waits", time=clock.now(), **known)))
    assert service.delete(f"/v1/pictures/{picture}").status_code == 200
    other.put(rows.packed(Said(id="later", time=clock.now() + timedelta(seconds=1), **known)))
    assert other.flush()
    with database.opened(door.settings.database) as engine:
        assert [one.id for one in feedback.about(engine, picture)] == ["later"]


def test_a_deletion_reaches_what_the_database_refused(service):
    picture = sent(service)
    refused = service.app.state.door.settings.outbox / "said" / REFUSED
    lines = [{"kind": "said", "row": {"picture": one}} for one in (picture, "ab" * 32)]
    refused.write_text("".join(json.dumps(line) + "\n" for line in [*lines, {}]))
    assert service.delete(f"/v1/pictures/{picture}").json()["rows"] >= 3
    assert [json.loads(line) for line in refused.read_text().splitlines()] == [lines[1], {}]


def test_a_bucket_that_is_away_is_not_a_picture_that_is_unknown(serving, away):
    done = serving(pictures=away).get(f"/v1/pictures/{'ab' * 32}")
    assert (done.status_code, done.json()["type"]) == (503, "urn:pawtrait:problem:no-store")


def test_a_snapshot_that_holds_the_picture_is_named(service, project):
    picture = sent(service)
    held = project / f"data/feedback/2026-10/pictures/sad/{picture[:16]}.png"
    held.parent.mkdir(parents=True)
    held.touch()
    assert service.delete(f"/v1/pictures/{picture}").json()["snapshots"] == ["2026-10"]


def test_only_a_sha_names_a_picture(service):
    assert service.get("/v1/pictures/..%2f..%2fetc%2fpasswd").status_code in (404, 422)
    assert service.get("/v1/pictures/ABC").status_code == 422


def test_deletions_that_wait_for_a_bucket_take_no_readers_away(service, monkeypatch):
    door, picture, free = service.app.state.door, sent(service), threading.Event()
    monkeypatch.setattr(door.pictures, "has", lambda name: free.wait(60))
    with ThreadPoolExecutor(READERS) as people:
        for _ in range(READERS):
            people.submit(service.delete, f"/v1/pictures/{picture}")
        try:
            wait_for(lambda: door.forgetters.outstanding == READERS)
            assert service.get("/v1/models").status_code == 200
        finally:
            free.set()
