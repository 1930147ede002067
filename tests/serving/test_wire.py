"""What a client can do on the wire itself: bytes that no HTTP library sends, slowly or without an end."""

import asyncio
import json
import re
import socket
import threading
import time
from contextlib import contextmanager, suppress
from functools import partial
from http.client import HTTPConnection

import httpx
import pytest
import uvicorn

from pawtrait.serving import patience
from pipelines.postgres import free_port
from tests.serving.callers import jpeg, wait_for

HOST = b"Host: 127.0.0.1\r\n"
PICTURE = b"POST /v1/moods HTTP/1.1\r\n" + HOST + b"Content-Type: image/jpeg\r\n"


@pytest.fixture(scope="module")
def wire(running_long):
    """Sends bytes as they are to the service that these tests share, and gives what comes back."""
    service = running_long(PAWTRAIT_SLOWEST="1", PAWTRAIT_MEMORY="300000", PAWTRAIT_LARGEST_BYTES="100000")

    def talk(data, *more, pause=0.0, seconds=5.0):
        with socket.create_connection(("127.0.0.1", service.port), timeout=seconds) as line:
            line.sendall(data)
            for piece in more:
                time.sleep(pause)
                try:
                    line.sendall(piece)
                except OSError:  # it has hung up
                    break
            return _answer(line)

    talk.service = service
    return talk


def _answer(line):
    """All that comes until the other side hangs up or is silent."""
    found = b""
    try:
        while piece := line.recv(65536):
            found += piece
            if b"\r\n\r\n" in found:
                line.settimeout(0.3)
    except OSError:
        pass
    return found


def _code(answer):
    return int(answer.split(b" ", 2)[1]) if answer else None


HEADS = {
    b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n": 400,
    b"Content-Length: 4\r\nContent-Length: 5\r\n": 400,
    b"Content-Length: +4\r\n": 400,
    b"Content-Length : 4\r\n": 400,
    b"Transfer-Encoding: gzip, chunked\r\n": 400,
    b"Transfer-Encoding: xchunked\r\n": 400,
    b"Host: evil.example\r\nContent-Length: 4\r\n": 400,
    b"Content-Length: 99999999999999999999\r\n": 400,  # more than a parser counts
    b"Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n": 400,
    b"Content-Length: 300001\r\n": 413,
}
PATHS = {
    b"/v1/portraits/%ff%00": 404,
    b"//v1/models": 404,
    b"/v1/styles/..%2f..%2fx/picture": 404,
    b"http://evil.example/healthz": 400,
    b"evil.example:80": 400,
}


def test_what_proxies_may_read_otherwise_is_refused(wire):
    behind = b"\r\n0\r\n\r\nGET /healthz HTTP/1.1\r\n" + HOST + b"\r\n"
    answers = {head: wire(PICTURE + head + behind) for head in HEADS}
    assert {head: _code(answer) for head, answer in answers.items()} == HEADS
    assert not any(b'"alive"' in answer for answer in answers.values())


OFFER = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n"


def test_who_offers_http2_as_java_does_is_answered_with_all_that_came(wire):
    """The parser takes what offers another protocol to have no body, and the body for a next request.

    A connection's last request it takes for over besides.
    """
    asked, picture = b"GET /healthz HTTP/1.1\r\n" + HOST, jpeg()
    pieces = b"Transfer-Encoding: chunked\r\n\r\n", b"%x\r\n%s\r\n0\r\n\r\n" % (len(picture), picture)
    whole = b"Content-Length: %d\r\n\r\n" % len(picture), picture
    no_picture = b"Content-Length: %d\r\n\r\n" % len(asked), asked
    for (head, body), status in ((pieces, 200), (whole, 200), (no_picture, 415)):
        last = PICTURE + OFFER + b"Connection: close\r\n" + head
        sent = PICTURE + OFFER + head, body, asked + OFFER + b"\r\n", last, body
        for answer in (wire(*sent, pause=0.02), wire(b"".join(sent))):
            assert re.findall(rb"HTTP/1.1 (\d+)", answer) == [b"%d" % status, b"200", b"%d" % status]


def test_an_odd_path_is_none(wire):
    codes = {path: _code(wire(b"GET " + path + b" HTTP/1.1\r\n" + HOST + b"\r\n")) for path in PATHS}
    assert codes == PATHS


def test_a_body_without_an_end_is_cut_off(wire):
    """Nobody says its length, and every endpoint would read it to the end."""
    piece = b"8000\r\n" + b"[" * 0x8000 + b"\r\n"
    for path in (b"/v1/moods", b"/v1/reviews", b"/v1/feedback", b"/v1/portraits"):
        for kind in (b"application/json", b"image/png", b"multipart/form-data; boundary=x"):
            head = b"POST " + path + b" HTTP/1.1\r\n" + HOST + b"Content-Type: " + kind + b"\r\n"
            answer = wire(head + b"Transfer-Encoding: chunked\r\n\r\n", *[piece] * 40)
            assert _code(answer) in (400, 413, 415), (path, kind)


def test_a_body_that_comes_drop_by_drop_is_given_up(wire):
    for path in (b"/v1/moods", b"/v1/reviews"):
        head = b"POST " + path + b" HTTP/1.1\r\n" + HOST + b"Content-Type: image/jpeg\r\n"
        began = time.perf_counter()
        answer = wire(head + b"Content-Length: 9000\r\n\r\n", *[b"\xff"] * 12, pause=0.2)
        assert _code(answer) == 408 and time.perf_counter() - began < 4


def test_the_time_in_which_a_sender_uploads_is_not_the_services(running):
    service, pause, picture = running(PAWTRAIT_SLOWEST="60"), 2.0, jpeg()
    with socket.create_connection(("127.0.0.1", service.port), timeout=60) as line:
        line.sendall(PICTURE + b"Content-Length: %d\r\nConnection: close\r\n\r\n" % len(picture))
        line.sendall(picture[:9])
        time.sleep(pause)
        line.sendall(picture[9:])
        answer = b"".join(iter(partial(line.recv, 65536), b""))
    said = json.loads(answer.partition(b"\r\n\r\n")[2])["milliseconds"] / 1000
    (counted,) = re.findall(
        r'request_seconds_sum{route="/v1/moods"} (\S+)', httpx.get(f"{service.url}/metrics").text
    )
    assert max(said, float(counted)) < pause  # with the upload in it, each is longer than that


def test_slow_bodies_keep_nobody_out_for_long(wire):
    slow = [socket.create_connection(("127.0.0.1", wire.service.port)) for _ in range(3)]
    for line in slow:
        line.sendall(PICTURE + b"Content-Length: 99900\r\n\r\n\xff")

    def ask():
        kind = {"content-type": "image/jpeg"}
        return httpx.post(f"{wire.service.url}/v1/moods", content=jpeg(), headers=kind)

    turned_away = ask()
    assert (turned_away.status_code, turned_away.headers["retry-after"]) == (429, "1")
    wait_for(lambda: ask().status_code == 200)
    for line in slow:
        line.close()


def test_who_goes_away_in_the_middle_is_no_error_of_ours(wire):
    before = len(wire.service.log.read_text())
    for path in (b"/v1/moods", b"/v1/reviews", b"/v1/feedback"):
        with socket.create_connection(("127.0.0.1", wire.service.port)) as line:
            kind = b"image/jpeg" if path == b"/v1/moods" else b"application/json"
            head = b"POST " + path + b" HTTP/1.1\r\n" + HOST + b"Content-Type: " + kind
            line.sendall(head + b"\r\nContent-Length: 999\r\n\r\nabc")
    wait_for(lambda: wire.service.log.read_text()[before:].count('"status": 400') == 3)
    assert "trace" not in wire.service.log.read_text()[before:]


def test_an_origin_that_is_none_is_another_site(wire):
    done = httpx.post(f"{wire.service.url}/v1/feedback", json={}, headers={"origin": "http://["})
    assert done.status_code == 403


def test_who_connects_and_says_nothing_or_half_or_little_is_sent_away(wire):
    lines = [socket.create_connection(("127.0.0.1", wire.service.port), timeout=6) for _ in range(6)]
    lines[1].sendall(b"GET /healthz HT")
    for line in (lines[2], lines[5]):
        line.sendall(b"GET /healthz HTTP/1.1\r\n" + HOST + b"\r\n")
        while not line.recv(65536).endswith(b'"alive"}'):
            pass
    lines[2].sendall(b"GET /hea")
    lines[3].sendall(b"GET /")
    lines[4].sendall(PICTURE + b"Content-Length: 999999999\r\n\r\n")  # refused before its end
    refused = b""
    while not refused.endswith(b"}"):
        refused += lines[4].recv(65536)
    assert _code(refused) == 413
    began = time.perf_counter()
    with suppress(OSError):
        while time.perf_counter() - began < 4:
            for line, piece in ((lines[3], b"a"), (lines[4], b"x"), (lines[5], b"\r\n")):
                line.sendall(piece)
            time.sleep(0.1)
    for line in lines:
        with suppress(ConnectionResetError):
            assert line.recv(100) == b""  # hung up
        line.close()
    assert time.perf_counter() - began < 4


def test_a_head_without_an_end_is_cut_off(wire):
    line = b"X-More: " + b"x" * 8000 + b"\r\n"
    answer = wire(b"GET /healthz HTTP/1.1\r\n" + line * 5)
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"application/problem+json" in head and json.loads(body)["status"] == 400
    assert "longer than 32768 bytes" in json.loads(body)["detail"]
    assert wire(b"GET /healthz HTTP/1.1\r\n" + HOST + line * 3 + b"\r\n").endswith(b'"alive"}')


def test_requests_that_come_in_one_go_are_answered_though_together_they_are_longer_than_a_head(wire):
    asked = b"GET /healthz HTTP/1.1\r\n" + HOST + b"X-More: " + b"x" * 8000 + b"\r\n\r\n"
    answer = wire(asked * 9 + asked[:5000], asked[5000:], pause=0.3)
    assert (answer.count(b'"alive"'), answer.count(b"HTTP/1.1 400")) == (10, 0)


def test_a_head_without_an_end_behind_other_requests_is_cut_off_too(wire):
    asked = b"GET /healthz HTTP/1.1\r\n" + HOST + b"\r\n"
    endless = b"GET /healthz HTTP/1.1\r\nX-More: " + b"x" * 8000
    answer = wire(asked * 2 + endless, *[b"x" * 8000] * 5, pause=0.05)
    assert b"longer than 32768 bytes" in answer and answer.count(b'"alive"') == 2


CHUNKED = b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize("begun", [b"4\r\nbody\r\n0\r\nX-More: ", b"4;more="])
def test_what_is_written_around_a_body_has_an_end_too(begun):
    """The parser keeps trailers, and no endpoint ever sees them."""
    with _slow_service(60, answer_after=2.0) as port, socket.create_connection(("127.0.0.1", port)) as line:
        line.settimeout(20)
        line.sendall(CHUNKED + begun)
        with suppress(OSError):
            for _ in range(40):
                line.sendall(b"x" * 8000)
                time.sleep(0.01)
        assert _answer(line) == b""


def test_a_body_in_pieces_with_something_behind_it_is_taken():
    pieces = [b"4;more=%s\r\nbody\r\n" % (b"x" * 8000) for _ in range(9)]
    with _slow_service(60, answer_after=0.5) as port, socket.create_connection(("127.0.0.1", port)) as line:
        line.settimeout(20)
        for piece in (CHUNKED, *pieces, b"0\r\nX-More: " + b"x" * 8000, b"\r\n\r\n"):
            line.sendall(piece)
            time.sleep(0.01)
        assert _answer(line).endswith(b"done")


def test_an_answer_that_takes_long_outlives_the_half_of_a_next_head():
    """Longer than a head may take, by far."""
    with _slow_service(0.2, answer_after=1.0) as port, socket.create_connection(("127.0.0.1", port)) as line:
        line.settimeout(5)
        line.sendall(b"GET / HTTP/1.1\r\n" + HOST + b"\r\nGET /hea")
        assert _answer(line).endswith(b"done")
        assert line.recv(100) == b""  # and then the half head is given up


def test_a_request_that_waits_in_the_socket_is_answered_though_its_connection_has_rested_long_enough():
    """The loop, busy with what others sent, looks at its clocks before it looks at sockets again."""
    with _slow_service(5, 0, rest=0.3) as port:
        rested, other = (HTTPConnection("127.0.0.1", port, timeout=5) for _ in range(2))
        rested.request("GET", "/")
        assert rested.getresponse().read() == b"done"
        other.request("GET", "/busy")
        time.sleep(0.1)
        rested.request("GET", "/")
        assert rested.getresponse().read() == b"done"


@contextmanager
def _slow_service(head, answer_after, answer=b"done", rest=30):
    """Uvicorn with our protocol, before an application that takes its time; gives its port."""

    class Busy(patience.within(head)):
        def on_headers_complete(self):
            if self.url == b"/busy":
                time.sleep(0.6)
            super().on_headers_complete()

    async def application(scope, receive, send):
        await asyncio.sleep(answer_after)
        headers = [(b"content-length", b"%d" % len(answer))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": answer})

    port = free_port()
    config = uvicorn.Config(
        application,
        port=port,
        http=Busy,
        timeout_keep_alive=rest,
        lifespan="off",
        log_config=None,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        wait_for(lambda: server.started)
        yield port
    finally:
        server.should_exit = True
        thread.join()


LONG = 20_000_000  # bytes, more than sockets take by themselves


@contextmanager
def _asking_for_long(slowest, room):
    """The socket of a client with so many bytes of room, behind it an answer of ``LONG``."""
    with _slow_service(slowest, 0, bytes(LONG)) as port, socket.socket() as line:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
        line.settimeout(30)
        line.connect(("127.0.0.1", port))
        line.sendall(b"GET / HTTP/1.1\r\n" + HOST + b"\r\n")
        yield line


def _read(line, pause):
    """How many bytes come until the other side hangs up, or all are there, with a pause every megabyte."""
    found = 0
    with suppress(ConnectionResetError):
        while found < LONG and (piece := line.recv(1_000_000, socket.MSG_WAITALL)):
            found += len(piece)
            time.sleep(pause)
    return found


def test_an_answer_that_nobody_reads_is_given_up():
    with _asking_for_long(0.3, 4096) as line:
        time.sleep(2)
        assert 0 < _read(line, 0) < LONG


@pytest.mark.slow  # slowly means ten seconds
def test_an_answer_that_is_read_slowly_and_steadily_arrives():
    with _asking_for_long(2, 200_000) as line:
        assert _read(line, 0.2) >= LONG
