"""``/v1/portraits`` that take their time: jobs in real painting processes, told by events."""

import gc
import threading
from dataclasses import replace

import pytest

from pawtrait.dataset import images
from pawtrait.serving.job import View
from pawtrait.serving.sittings import Sitting
from tests.serving.portraits.asking import (
    ENDLESS,
    documented,
    events,
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
from tests.serving.portraits.conftest import PATIENCE, photo, until, workers


def test_a_job_is_followed_by_events_in_their_order_to_its_portrait(shared):
    known = job(shared)
    assert (known["status"], known["done"], known["of"]) == ("waiting", 0, 5)
    told = events(shared, known["url"])
    portrait = shared.get(f"{known['url']}/picture")
    after = shared.get(known["url"]).json()
    (row,) = rows(shared, known["id"])
    names, numbers, data = zip(*told, strict=True)
    assert set(names[:-1]) == {"progress"} and names[-1] == "done"
    assert list(numbers) == sorted(set(numbers)) and [one["done"] for one in data] == sorted(
        one["done"] for one in data
    )
    assert data[-1]["done"] == data[-1]["of"] == 5 and data[-1]["losses"]["style"] > 0
    assert any((one["preview"] or "").startswith("data:image/jpeg;base64,/9j/") for one in data)
    assert set().union(*data) == documented(shared, "/v1/portraits/{key}/events")
    assert portrait.headers["content-type"] == "image/png" and shown(portrait).shape == (38, 48, 3)
    assert (after["status"], after["picture_url"]) == ("done", f"{known['url']}/picture")
    assert (row.id, row.outcome, row.method, row.style) == (known["id"], "ok", "nst", "red")


def test_a_browser_that_had_the_last_event_is_told_to_come_no_more(shared):
    """It connects again whenever events end, unless the answer is 204."""
    url = f"{job(shared)['url']}/events"
    last = events(shared, url)[-1][1]
    codes = [shared.get(url, headers={"Last-Event-ID": str(one)}).status_code for one in (last, last - 1)]
    assert codes == [204, 200]


def test_a_browser_that_had_the_first_event_of_an_earlier_service_hears_the_end(shared):
    """The end's number is above all that it had, and it is told to come no more only after that."""
    key = "7f" * 16
    shared.app.state.door.workshop.jobs._shelf.put(View(key, "nst", "done", 5, done=4, of=4), b"portrait")
    url = f"/v1/portraits/{key}/events"
    had = 1, events(shared, url)[-1][1]
    codes = [shared.get(url, headers={"Last-Event-ID": str(one)}).status_code for one in had]
    assert codes == [200, 204] and shared.delete(f"/v1/portraits/{key}").status_code == 204


def test_the_head_of_events_does_not_wait_for_their_end(shared):
    known = job(shared, steps=ENDLESS)
    head = shared.head(f"{known['url']}/events")
    assert (head.status_code, head.content) == (200, b"")
    assert shared.get(known["url"]).json()["status"] in ("waiting", "painting")
    shared.delete(known["url"])


def test_a_job_says_where_it_is_and_what_it_was_asked_by(shared):
    answer = send(shared, "hybrid", style="red", side="48", steps="2")
    known = answer.json()
    assert answer.headers["location"] == f"/v1/portraits/{known['id']}" == known["url"]
    assert answer.headers["x-pawtrait-request"] == known["id"] and known["kept"] is False
    assert set(known) == documented(shared, "/v1/portraits", "post", "202")
    assert spoken(answer) == headers(shared, "202")
    after = over(shared, known["url"])
    assert after["status"] == "done" and set(after) == documented(shared, "/v1/portraits/{key}")


def test_what_is_asked_for_again_by_its_key_is_one_job_and_other_wishes_are_others(shared):
    first = job(shared, key="7f")
    again = job(shared, key="7f")
    others = [job(shared, **more) for more in ({"key": "80"}, {"key": "7f", "steps": "2"}, {}, {})]
    ended = over(shared, first["url"])
    late = job(shared, key="7f")
    assert again["id"] == late["id"] == first["id"] and late["status"] == ended["status"] == "done"
    assert len({first["id"], *(one["id"] for one in others)}) == 5
    for one in others:
        over(shared, one["url"])
    assert len(rows(shared, first["id"])) == 1


def test_while_it_is_painted_the_picture_is_the_newest_preview(shared):
    url = job(shared, side="200", steps=ENDLESS)["url"]
    preview = until(lambda: (seen := shared.get(f"{url}/picture")).status_code == 200 and seen)
    assert preview.headers["content-type"] == "image/jpeg" and images.sniff(preview.content) == "jpeg"
    shared.delete(url)
    assert problem(shared.get(f"{url}/picture"))[0] == 404


def test_a_job_that_ends_while_its_preview_is_asked_for_gives_no_empty_picture(shared, monkeypatch):
    painting = View("a" * 32, "nst", "painting", preview=b"small")

    class Ending:
        """Over at the third look."""

        views = iter([painting, painting, replace(painting, status="done", preview=None)])
        view = property(lambda self: next(self.views))

    monkeypatch.setattr(shared.app.state.door.workshop.jobs, "find", lambda key: Ending())
    assert shared.get(f"/v1/portraits/{'a' * 32}/picture").content == b"small"


def test_the_files_that_were_sent_leave_the_memory_while_their_job_waits(shared):
    url = job(shared, side="200", steps=ENDLESS)["url"]
    sittings = [one for one in gc.get_objects() if isinstance(one, Sitting) and one.wish.method == "nst"]
    assert sittings and not any(one.wish.photo.data for one in sittings)
    shared.delete(url)


def test_a_cancelled_job_ends_its_events_and_leaves_no_row(shared):
    known = job(shared, side="200", steps=ENDLESS)
    url = known["url"]
    until(lambda: shared.get(url).json()["done"])
    assert shared.delete(url).status_code == 204
    assert [name for name, *_ in events(shared, url)] == ["cancelled"]
    assert shared.get(url).json()["status"] == "cancelled" and rows(shared, known["id"]) == []


def test_deleting_the_photo_stops_its_portrait_and_removes_those_that_are_finished(service):
    with service() as client:
        done = job(client)
        over(client, done["url"])
        under_way = job(client, side="200", steps=ENDLESS)
        until(lambda: client.get(under_way["url"]).json()["done"])
        assert done["picture"] == under_way["picture"]
        assert client.delete(f"/v1/pictures/{done['picture']}").status_code == 200
        assert problem(client.get(done["url"]))[0] == 404
        assert client.get(under_way["url"]).json()["status"] == "cancelled"


def test_a_deleted_portrait_is_gone(shared):
    known = job(shared)
    url = known["url"]
    over(shared, url)
    (file,) = (folder(shared) / "portraits").glob(f"{known['id']}.*")
    assert shared.delete(url).status_code == 204
    assert [problem(shared.get(one))[0] for one in (url, f"{url}/picture", f"{url}/events")] == [404] * 3
    assert not file.exists()


def test_a_full_queue_says_when_to_come_again_unless_it_holds_the_job(service):
    with service(portraits_waiting=1) as client:
        first = job(client, side="200", steps=ENDLESS)["url"]
        until(lambda: client.get(first).json()["status"] == "painting")
        waiting = job(client, key="7f")
        answer = send(client, "nst", style="red")
        assert problem(answer)[0] == 429 and int(answer.headers["retry-after"]) >= 1
        assert job(client, key="7f")["id"] == waiting["id"]


def test_a_job_that_fails_is_told_as_a_problem_and_written_down(service):
    with service(portrait_memory=700) as client:
        url = job(client, picture=photo(1024, 1024), side="1024")["url"]
        (*_, (name, _, data)) = events(client, url)
        assert name == "failed" and client.get(url).json()["problem"] == data["problem"]
        (row,) = rows(client)
    assert data["problem"]["type"] == "urn:pawtrait:problem:too-much-memory"
    assert data["problem"]["detail"].startswith("painting at 1024 px takes more than the 700 MB")
    assert (row.outcome, row.error_kind) == ("error", "memory")


def test_nobody_finds_a_job_that_is_none(shared):
    for key in ("0" * 32, "..%2f..%2fetc%2fpasswd", "x"):
        assert shared.get(f"/v1/portraits/{key}").status_code == 404


def test_when_the_service_leaves_open_events_end_and_no_process_stays(service):
    others = workers()
    with service() as client:
        url = job(client, side="200", steps=ENDLESS)["url"]
        until(lambda: client.get(url).json()["done"])
        assert len(workers()) == len(others) + 1
        leaving = threading.Timer(0.2, client.app.state.door.leave)
        leaving.start()
        (*_, (name, _, data)) = events(client, url)
        assert (name, data["problem"]["status"]) == ("cancelled", 503)
        assert problem(send(client, "nst", style="red"))[0] == 429
    assert workers() == others


@pytest.mark.slow  # test_jobs.py has it without a service
def test_a_portrait_under_way_is_finished_and_found_by_who_comes_after_a_restart(service):
    with service(grace=PATIENCE) as client:
        url = job(client, side="64", steps="100")["url"]
        until(lambda: client.get(url).json()["done"])
    with service() as client:
        known = client.get(url).json()
        (*_, (name, _, data)) = events(client, url)
        assert (known["status"], known["done"], known["method"]) == ("done", known["of"], "nst")
        assert (name, data["status"], data["problem"]) == ("done", "done", None)
        assert max(shown(client.get(known["picture_url"])).shape) == 64
        assert [row.outcome for row in rows(client, known["id"])] == ["ok"]
        assert client.delete(url).status_code == 204 and problem(client.get(url))[0] == 404


def test_metrics_count_portraits_by_method_and_outcome(service):
    with service(portrait_memory=700) as client:
        send(client, "cyclegan")
        client.post("/v1/portraits?method=cyclegan", content=b"no picture")
        over(client, job(client, picture=photo(1024, 1024), side="1024")["url"])
        text = client.get("/metrics").text
    for line in (
        'pawtrait_portraits_total{method="cyclegan",outcome="ok"} 1.0',
        'pawtrait_portraits_total{method="cyclegan",outcome="error"} 1.0',
        'pawtrait_portraits_total{method="nst",outcome="error"} 1.0',
        'pawtrait_portrait_seconds_count{method="cyclegan"} 1.0',
        "pawtrait_painter_deaths_total 0.0",
        "pawtrait_jobs_waiting 0.0",
    ):
        assert line in text.splitlines()
