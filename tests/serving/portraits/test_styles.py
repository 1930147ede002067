"""``/v1/styles``; and the service as a whole: what it loads, how it ends, what it tells of itself."""

import os
import re
import shutil
import subprocess
import sys
import textwrap
import threading

import httpx
import numpy as np
import psutil
import pytest

from pawtrait.dataset import images, manifest
from pawtrait.dataset.paintings import Painting
from pawtrait.serving.hands import WORKER
from pawtrait.serving.styles import Wall
from pipelines.postgres import free_port
from tests.serving.callers import lives
from tests.serving.portraits.asking import (
    ENDLESS,
    HEAVY,
    asked,
    events,
    job,
    problem,
    rows,
    send,
    shown,
    thumbs,
)
from tests.serving.portraits.conftest import COLOURS, PATIENCE, ROOT, until


def test_styles_are_the_paintings_of_the_table_with_their_pictures(shared):
    body = shared.get("/v1/styles").json()
    assert body["largest"] == 1024
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


@pytest.mark.parametrize("length", [128, 129, 200])
def test_a_painting_of_a_long_name_is_painted_like_and_liked(service, painted, length):
    """The store takes 128 characters, and a portrait's row and its thumb say the same."""
    (painted / "data/tables/paintings.csv").unlink()
    long = "r" * length
    (painted / "data/paintings/red.png").rename(painted / f"data/paintings/{long}.png")
    with service() as client:
        name = client.get("/v1/styles").json()["styles"][1]["name"]
        answer = send(client, "fast", style=name)
        liked = client.post("/v1/feedback", json={"method": "fast", "style": name, "thumbs": 1})
        (row,), (thumb,) = rows(client, asked(answer)), thumbs(client)
    assert (name, answer.status_code, liked.status_code) == (long, 200, 201)
    assert (row.style, thumb.style) == (name[:128], name[:128])


def test_without_paintings_there_are_no_styles(service, painted):
    shutil.rmtree(painted / "data/paintings")
    (painted / "data/tables/paintings.csv").unlink()
    with service() as client:
        assert client.get("/v1/styles").json()["styles"] == []


def test_a_painting_is_kept_as_large_as_portraits_get_and_one_too_large_to_read_does_not_hang(
    tmp_path, caplog
):
    rows = []
    for name, height, width in (("wide", 300, 600), ("huge", 900, 900)):
        data = images.encode_png(np.zeros((height, width, 3), np.uint8))
        (tmp_path / f"{name}.png").write_bytes(data)
        rows.append(Painting(name, f"{name}.png", f"{name}.png", name, name, width, height, ""))
    manifest.write(tmp_path / "paintings.csv", rows, Painting)
    wall = Wall(tmp_path / "paintings.csv", tmp_path, largest_pixels=200_000, side=200)
    (work,) = wall.works()
    assert wall.pixels(work).shape == (100, 200, 3)
    assert "huge does not hang: 810000 px, more than 200000" in caplog.text


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
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "pawtrait", "serve", "--port", str(port)]
    told = {"PAWTRAIT_PORTRAIT_POLITE": "0", "PAWTRAIT_PORTRAIT_STEPS": ENDLESS, "PAWTRAIT_GRACE": "1"}
    environment = {**os.environ, **told, "DATABASE_URL": f"sqlite:///{painted}/s.db"}
    process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    try:
        with httpx.Client(base_url=address, timeout=PATIENCE) as client:
            until(lambda: lives(address))
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
