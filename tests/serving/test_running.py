"""The service as a process: it starts, is killed, comes back, ends in order, and loads no framework."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer

import httpx
import psutil
import pytest

from pawtrait.adapters.store import database, feedback
from pawtrait.serving.settings import Settings
from tests.holds import record
from tests.serving.callers import ROOT, jpeg, lives, png, wait_for

NOBODY = "ab" * 32
LANES = 4  # services at once
EVER = datetime(2000, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)
FRAMEWORKS = ("tensorflow", "keras", "torch", "sklearn", "scipy", "pandas", "mlflow", "great_expectations")


def stored(project):
    """The ids of all feedback in the database."""
    with database.opened(f"sqlite:///{project}/feedback.db") as engine:
        return {row.id for row in feedback.between(engine, *EVER)}


@pytest.mark.parametrize("kills", [2, pytest.param(100, marks=pytest.mark.slow)])
def test_acknowledged_feedback_survives_any_death(running, project, kills):
    """Killed under load at other moments; what was answered by 201 is in the database in the end.

    Several services at once share outbox and database, and one of them dies every now and then.
    """
    with ThreadPoolExecutor(LANES) as lanes:
        every = list(lanes.map(partial(_until_killed, running), range(kills)))
    thanked = [name for names in every for name in names]
    running()  # the last one delivers what the dead left
    with suppress(AssertionError):  # what is missing is told below
        wait_for(lambda: set(thanked) <= stored(project), 20)
    kept = stored(project)
    if kills >= 100:
        lost = len(set(thanked) - kept)
        record(
            "feedback and SIGKILL",
            kills=kills,
            services_at_once=LANES,
            acknowledged=len(thanked),
            lost=lost,
            kept=len(kept),
        )
    assert set(thanked) <= kept and len(set(thanked)) == len(thanked) > 20 * kills


def _until_killed(running, number):
    """The ids that a service acknowledged until it was killed."""
    service, stop = running(), threading.Event()
    thanked: list[str] = []
    speakers = [threading.Thread(target=_speak, args=(service.url, stop, thanked)) for _ in range(4)]
    for speaker in speakers:
        speaker.start()
    wait_for(lambda: len(thanked) > 20, 60)
    time.sleep(0.13 * (number % 9))  # other moments between two deliveries
    service.process.send_signal(signal.SIGKILL)
    service.process.wait()
    stop.set()
    for speaker in speakers:
        speaker.join()
    return thanked


def _speak(url, stop, thanked):
    """Say something again and again, and remember what was acknowledged."""
    with httpx.Client(base_url=url, timeout=10) as client:
        while not stop.is_set():
            try:
                done = client.post("/v1/feedback", json={"picture": NOBODY, "label": "sad"})
                if done.status_code == 201:
                    thanked.append(done.json()["id"])
                client.post("/v1/moods", content=jpeg(), headers={"content-type": "image/jpeg"})
            except httpx.HTTPError:
                return


def test_a_signal_ends_it_in_order(running, project):
    service = running()
    answers: list[httpx.Response] = []
    files = [("pictures", png(side=900 + n)) for n in range(12)]

    def ask():
        answers.append(httpx.post(f"{service.url}/v1/moods", files=files, timeout=20))

    def busy():
        return "pawtrait_queue_pictures 0.0" not in httpx.get(f"{service.url}/metrics").text

    slow = threading.Thread(target=ask)
    slow.start()
    wait_for(lambda: busy() or answers, 10)
    said = httpx.post(f"{service.url}/v1/feedback", json={"picture": NOBODY, "thumbs": 1}).json()["id"]
    service.process.send_signal(signal.SIGTERM)
    assert service.process.wait(20) in (0, -signal.SIGTERM)
    slow.join()
    assert [one.status_code for one in answers] == [200]
    assert said in stored(project)


@pytest.mark.slow  # waits for three time-outs, each of which has its quick test
def test_what_says_nothing_holds_up_neither_start_nor_end(running, project):
    """Registry and database take connections and never say a word, as when they are frozen."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        service = running(
            "--model",
            "models:/pet-expression@champion",
            until=lives,
            MLFLOW_TRACKING_URI=f"http://127.0.0.1:{port}",
            DATABASE_URL=f"postgresql://nobody@127.0.0.1:{port}/none",
        )
        assert httpx.get(f"{service.url}/readyz").status_code == 503
        said = httpx.post(f"{service.url}/v1/feedback", json={"picture": NOBODY, "thumbs": 1})
        service.process.send_signal(signal.SIGTERM)
        assert service.process.wait(30) in (0, -signal.SIGTERM)
    kept = [json.loads(line) for path in (project / "outbox/said").glob("*.jsonl") for line in path.open()]
    assert [line["row"]["id"] for line in kept] == [said.json()["id"]]


def test_no_reading_process_outlives_its_service(running):
    service = running(PAWTRAIT_WORKERS="2")
    readers = psutil.Process(service.process.pid).children()
    assert len(readers) == 2
    service.process.kill()
    service.process.wait()
    assert psutil.wait_procs(readers, 10)[1] == []


def test_the_log_is_lines_of_json_without_pictures_keys_or_addresses(running):
    service = running()
    done = httpx.post(f"{service.url}/v1/moods", files={"pictures": ("my secret cat.png", png())})
    httpx.get(f"{service.url}/v1/models?key=topsecret", headers={"authorization": "Bearer topsecret"})
    httpx.get(f"{service.url}/topsecret")
    lines = [json.loads(line) for line in service.log.read_text().splitlines()]
    [mine] = [line for line in lines if line.get("request") == done.headers["x-request-id"]]
    assert (mine["route"], mine["status"], mine["method"]) == ("/v1/moods", 200, "POST")
    told = "".join(str(line) for line in lines if "running on" not in line["message"])
    assert not any(word in told for word in ("secret", "127.0.0.1", "PNG"))


def test_it_refuses_to_be_open_to_others_without_keys(project):
    done = serve(project, "--host", "0.0.0.0")
    assert done.returncode == 2 and "--insecure" in done.stderr and done.stderr.count("\n") == 1


def test_an_outbox_that_cannot_be_written_is_one_line_before_anything_is_loaded(project):
    (project / "file").write_text("in the way")
    done = serve(project, PAWTRAIT_OUTBOX=str(project / "file/outbox"))
    assert done.returncode == 2 and done.stderr.count("\n") == 1
    assert "file/outbox, which keeps what the database does not have yet" in done.stderr
    assert "PAWTRAIT_OUTBOX" in done.stderr


def test_a_port_that_is_taken_is_one_line_that_names_another(project):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = serve(project, "--port", str(port))
    assert done.returncode == 2 and done.stderr.count("\n") == 1
    assert f"port {port} of 127.0.0.1 is not free" in done.stderr and f"--port {port + 1}" in done.stderr


def test_a_setting_that_cannot_be_is_one_line(project):
    done = serve(project, PAWTRAIT_BATCH="many")
    assert done.returncode == 2 and done.stderr.startswith("pawtrait: PAWTRAIT_BATCH is 'many'")


def test_a_setting_comes_from_a_file_as_secrets_do(project):
    (project / "secret").write_text("0\n")
    done = serve(project, PAWTRAIT_BATCH_FILE=str(project / "secret"))
    assert done.returncode == 2 and "PAWTRAIT_BATCH is '0'" in done.stderr


def test_a_secret_goes_before_what_an_image_says(tmp_path):
    (tmp_path / "url").write_text("postgresql://pawtrait@postgres/feedback\n")
    image = {"DATABASE_URL": "sqlite:////app/state/feedback.db", "PAWTRAIT_BATCH": "3"}
    found = Settings.of({**image, "DATABASE_URL_FILE": str(tmp_path / "url")})
    assert (found.database, found.batch) == ("postgresql://pawtrait@postgres/feedback", 3)


def test_what_answers_loads_no_framework(project):
    code = (
        "import sys\nfrom fastapi.testclient import TestClient\nfrom pawtrait.serving import api, reader\n"
        "from pawtrait.serving.settings import Settings\n"
        "with TestClient(api.create(Settings.of())) as client:\n"
        "    while client.get('/readyz').status_code != 200: pass\n"
        "    pictures = {'pictures': open('cat.png', 'rb').read()}\n"
        "    print(client.post('/v1/moods?explain=true', files=pictures).status_code)\n"
        "    print([client.get(path).status_code for path in"
        " ('/v1/models', '/v1/styles', '/v1/reviews', '/metrics', '/docs')])\n"
        f"print([name for name in {FRAMEWORKS} if name in sys.modules])"
    )
    (project / "cat.png").write_bytes(png())
    told = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "DATABASE_URL": f"sqlite:///{project}/feedback.db"}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=project, env=told, capture_output=True, text=True, timeout=120)
    assert done.stdout.splitlines() == ["200", "[200, 200, 200, 200, 200]", "[]"], done.stderr


def test_traces_go_where_they_are_sent(running):
    """Against a collector of three lines: a span a request, child of the caller's."""
    heard: list[bytes] = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self):
            heard.append(self.rfile.read(int(self.headers["content-length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Collector) as collector:
        threading.Thread(target=collector.serve_forever, daemon=True).start()
        service = running(OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{collector.server_port}")
        caller = {"traceparent": f"00-{'ab' * 16}-{'cd' * 8}-01"}
        httpx.post(f"{service.url}/v1/moods", files={"pictures": png()}, headers=caller)
        service.process.send_signal(signal.SIGTERM)
        service.process.wait(20)
        collector.shutdown()
    spans = b"".join(heard)
    assert b"POST /v1/moods" in spans and bytes.fromhex("ab" * 16) in spans


def serve(project, *arguments, **variables):
    """The command where it ends by itself."""
    known = {**os.environ, "PYTHONPATH": str(ROOT / "src"), **variables}
    command = [sys.executable, "-m", "pawtrait", "serve", *arguments]
    told = {"cwd": project, "env": known, "capture_output": True, "text": True, "timeout": 30}
    return subprocess.run(command, check=False, **told)
