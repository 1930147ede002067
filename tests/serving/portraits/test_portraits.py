"""``/v1/portraits`` and ``/v1/styles`` over HTTP, with real painters and real painting processes."""

import asyncio
import hashlib
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import textwrap
import threading

import httpx
import numpy as np
import psutil
import pytest

from pawtrait.adapters.store import database, requests
from pawtrait.clock import now
from pawtrait.dataset import images
from pawtrait.errors import BadParams
from pawtrait.serving.hands import WORKER
from pawtrait.serving.problems import Problem
from pawtrait.serving.turns import Turns
from tests.serving.portraits.conftest import COLOURS, PATIENCE, ROOT, photo, plain, until, workers

ENDLESS = "300"  # steps, at a size at which they take minutes
HEAVY = {"torch", "tensorflow", "keras", "onnx", "mlflow", "pandas", "sklearn", "scipy"}


def send(client, method, picture=None, painting=None, **fields):
    files = {"picture": ("pet.png", images.encode_png(photo() if picture is None else picture))}
    if painting is not None:
        files["painting"] = ("painting.png", images.encode_png(painting))
    return client.post("/v1/portraits", data={"method": method, **fields}, files=files)


def shown(answer):
    assert answer.status_code == 200, answer.text
    return images.decode(answer.content, largest_pixels=10**7, name="portrait")


def problem(answer):
    assert answer.headers["content-type"] == "application/problem+json"
    return answer.status_code, answer.json()["detail"]


def rows(client, *ids):
    """What was written down, of these requests where some are named."""
    client.app.state.door.asked.flush()
    with database.opened(client.app.state.settings.database) as engine:
        found = requests.between(engine, now().replace(year=2000), now().replace(year=3000))
    return [row for row in found if not ids or row.id in ids]


def folder(client):
    """The project that a service works in."""
    return client.app.state.settings.portraits.parent


def asked(answer):
    return answer.headers["x-pawtrait-request"]


def job(client, **fields):
    answer = send(client, "nst", **({"style": "red", "side": "48", "steps": "3"} | fields))
    assert answer.status_code == 202, answer.text
    return answer.json()


def events(client, url):
    """Names and data of a job's events, to the end."""
    with client.stream("GET", url, headers={"Accept": "text/event-stream"}) as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        text = "".join(stream.iter_text())
    blocks = [block for block in text.split("\n\n") if block and not block.startswith(":")]
    parsed = [dict(line.split(": ", 1) for line in block.splitlines()) for block in blocks]
    return [(one["event"], int(one["id"]), json.loads(one["data"])) for one in parsed]


def over(client, url):
    done = ("done", "failed", "cancelled")
    return until(lambda: (known := client.get(url).json())["status"] in done and known)


# at once


def test_cyclegan_answers_with_the_portrait_and_one_row(shared):
    answer = send(shared, "cyclegan")
    np.testing.assert_array_equal(shown(answer), 255 - photo())
    (row,) = rows(shared, asked(answer))
    assert answer.headers["content-type"] == "image/png"
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
        ({"method": "cyclegan", "style": "blue"}, "style: cyclegan paints in the manner that it has learned"),
        ({"method": "cyclegan", "strength": "1.5"}, "strength: expected a number from 0"),
        ({"method": "cyclegan", "strength": "nan"}, "strength: expected a number from 0"),
        ({"method": "cyclegan", "side": "5000"}, "side: expected a whole number from 32 to 1024"),
        ({"method": "cyclegan", "side": "-64"}, "side: expected a whole number from 32 to 1024"),
        ({"method": "nst", "style": "red", "steps": "0"}, "steps: expected a whole number from 1 to 300"),
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
        kinds = [(row.outcome, row.error_kind) for row in rows(client)]
    assert [problem(answer)[0] for answer in (text, large, none)] == [415, 413, 422]
    assert kinds == [("error", "not-a-picture"), ("error", "too-many-pixels")]


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


# turns


def test_too_many_at_once_are_sent_away_and_later_ones_are_not():
    async def crowd():
        turns, go = Turns(threads=1, waiting=1, seconds=PATIENCE), threading.Event()
        first, second = (asyncio.create_task(turns.take(go.wait)) for _ in range(2))
        await asyncio.sleep(0.05)
        with pytest.raises(Problem) as refused:
            await turns.take(go.wait)
        go.set()
        assert await first and await second and await turns.take(go.wait)
        turns.close()
        return refused.value

    refused = asyncio.run(crowd())
    assert refused.status == 429 and int(refused.headers["Retry-After"]) >= 1


def test_work_that_takes_too_long_keeps_its_place_until_it_ends():
    async def slow():
        turns, go = Turns(threads=1, waiting=0, seconds=0.05), threading.Event()
        with pytest.raises(Problem) as late:
            await turns.take(go.wait)
        with pytest.raises(Problem) as refused:
            await turns.take(go.wait)
        go.set()
        while turns.pending:
            await asyncio.sleep(0.01)
        turns.close()
        return late.value.status, refused.value.status

    assert asyncio.run(slow()) == (504, 429)


# jobs


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
    assert portrait.headers["content-type"] == "image/png" and shown(portrait).shape == (38, 48, 3)
    assert (after["status"], after["picture_url"]) == ("done", f"{known['url']}/picture")
    assert (row.id, row.outcome, row.method, row.style) == (known["id"], "ok", "nst", "red")


def test_a_job_says_where_it_is_and_what_it_was_asked_by(shared):
    answer = send(shared, "hybrid", style="red", side="48", steps="2")
    known = answer.json()
    assert answer.headers["location"] == f"/v1/portraits/{known['id']}" == known["url"]
    assert answer.headers["x-pawtrait-request"] == known["id"] and known["kept"] is False
    assert over(shared, known["url"])["status"] == "done"


def test_while_it_is_painted_the_picture_is_the_newest_preview(shared):
    url = job(shared, side="200", steps=ENDLESS)["url"]
    preview = until(lambda: (seen := shared.get(f"{url}/picture")).status_code == 200 and seen)
    assert preview.headers["content-type"] == "image/jpeg" and images.sniff(preview.content) == "jpeg"
    shared.delete(url)
    assert problem(shared.get(f"{url}/picture"))[0] == 404


def test_a_cancelled_job_ends_its_events_and_leaves_no_row(shared):
    known = job(shared, side="200", steps=ENDLESS)
    url = known["url"]
    until(lambda: shared.get(url).json()["done"])
    assert shared.delete(url).status_code == 204
    assert [name for name, *_ in events(shared, url)] == ["cancelled"]
    assert shared.get(url).json()["status"] == "cancelled" and rows(shared, known["id"]) == []


def test_a_deleted_portrait_is_gone(shared):
    known = job(shared)
    url, file = known["url"], folder(shared) / f"portraits/{known['id']}.png"
    over(shared, url)
    assert file.is_file()
    assert shared.delete(url).status_code == 204
    assert [problem(shared.get(one))[0] for one in (url, f"{url}/picture", f"{url}/events")] == [404] * 3
    assert not file.exists()


def test_a_full_queue_says_when_to_come_again(service):
    with service(portraits_waiting=1) as client:
        first = job(client, side="200", steps=ENDLESS)["url"]
        until(lambda: client.get(first).json()["status"] == "painting")
        job(client)
        answer = send(client, "nst", style="red")
        assert problem(answer)[0] == 429 and int(answer.headers["retry-after"]) >= 1


def test_a_job_that_fails_is_told_as_a_problem_and_written_down(service):
    with service(portrait_memory=700) as client:
        url = job(client, side="1024")["url"]
        (*_, (name, _, data)) = events(client, url)
        assert name == "failed" and client.get(url).json()["problem"] == data["problem"]
        (row,) = rows(client)
    assert data["problem"]["type"] == "urn:pawtrait:problem:too-large"
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


def test_metrics_count_portraits_by_method_and_outcome(service):
    with service(portrait_memory=700) as client:
        send(client, "cyclegan")
        client.post("/v1/portraits?method=cyclegan", content=b"no picture")
        over(client, job(client, side="1024")["url"])
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


# styles


def test_styles_are_the_paintings_of_the_table_with_their_pictures(shared):
    body = shared.get("/v1/styles").json()
    assert body["styles"] == [
        {"name": name, "title": f"A {name} room", "url": f"/v1/styles/{name}/picture"}
        for name in sorted(COLOURS)
    ]
    assert [one["name"] for one in body["methods"] if one["available"]] == [
        "nst",
        "fast",
        "cyclegan",
        "hybrid",
    ]
    answer = shared.get(body["styles"][0]["url"])
    again = shared.get(body["styles"][0]["url"], headers={"If-None-Match": answer.headers["etag"]})
    assert again.status_code == 304
    assert problem(shared.get("/v1/styles/green/picture"))[0] == 404
    assert answer.headers["content-type"] == "image/jpeg" and shown(answer).shape == (64, 48, 3)


def test_without_a_table_every_picture_in_the_folder_can_be_named(service, painted):
    (painted / "data/tables/paintings.csv").unlink()
    (painted / "data/paintings/notes.txt").write_text("no painting")
    with service() as client:
        assert [one["name"] for one in client.get("/v1/styles").json()["styles"]] == ["blue", "red"]
        (painted / "data/paintings/red.png").unlink()
        assert [one["name"] for one in client.get("/v1/styles").json()["styles"]] == ["blue"]


def test_without_paintings_there_are_no_styles(service, painted):
    shutil.rmtree(painted / "data/paintings")
    (painted / "data/tables/paintings.csv").unlink()
    with service() as client:
        assert client.get("/v1/styles").json()["styles"] == []


# the whole


def test_the_service_itself_loads_neither_torch_nor_tensorflow(painted):
    script = f"""
        import sys
        from pathlib import Path
        from starlette.testclient import TestClient
        from pawtrait.serving import api
        from tests.serving.portraits.conftest import settings
        from tests.serving.portraits import test_portraits as tests
        with TestClient(api.create(settings(Path.cwd()))) as client:
            assert tests.send(client, "cyclegan").status_code == 200
            assert tests.send(client, "fast", style="red").status_code == 200
            assert tests.over(client, tests.job(client)["url"])["status"] == "done"
        print(sorted({HEAVY!r} & set(sys.modules)))
    """
    command = [sys.executable, "-c", textwrap.dedent(script)]
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}/src:{ROOT}"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "[]", done.stderr


def test_a_signal_ends_the_service_at_once_though_a_portrait_is_painted_and_followed(painted):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "pawtrait", "serve", "--port", str(port)]
    environment = {**os.environ, "PAWTRAIT_PORTRAIT_POLITE": "0", "DATABASE_URL": f"sqlite:///{painted}/s.db"}
    process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=PATIENCE) as client:
            until(lambda: _answers(client))
            url = job(client, side="200", steps=ENDLESS)["url"]
            until(lambda: client.get(url).json()["done"])
            (worker,) = [one for one in psutil.Process(process.pid).children() if WORKER in one.cmdline()]
            leaving = threading.Timer(0.2, process.terminate)
            leaving.start()
            assert events(client, url)[-1][0] == "cancelled"
        process.wait(20)
        assert not worker.is_running()
    finally:
        process.kill()


def test_the_api_tells_of_every_portrait_address(shared):
    told = shared.app.openapi()["paths"]
    ours = {
        path: sorted(methods) for path, methods in told.items() if re.match(r"/v1/(portraits|styles)", path)
    }
    assert ours == {
        "/v1/portraits": ["post"],
        "/v1/portraits/{key}": ["delete", "get"],
        "/v1/portraits/{key}/events": ["get"],
        "/v1/portraits/{key}/picture": ["get"],
        "/v1/styles": ["get"],
        "/v1/styles/{name}/picture": ["get"],
    }
    assert "multipart/form-data" in told["/v1/portraits"]["post"]["requestBody"]["content"]


def _answers(client):
    try:
        return client.get("/healthz").status_code == 200
    except httpx.TransportError:
        return False
