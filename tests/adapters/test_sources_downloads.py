"""Downloads from a real server on this machine: they go on where they broke off, or start again."""

import re
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from pawtrait.adapters.sources import downloads
from pawtrait.errors import BadSource

CONTENT = bytes(range(256)) * 20_000  # 5 MB, so that a break leaves something in the buffers


class Server(ThreadingHTTPServer):
    """Serves one file; each number in ``breaks`` makes one answer stop after so many bytes."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.content = CONTENT
        self.etag: str | None = '"one"'
        self.date: str | None = None
        self.ranges = True
        self.lengths = True
        self.breaks: list[int] = []
        self.status = 200
        self.asked: list[str] = []  # the Range of each GET, "" where there was none
        self.login: list[str | None] = []
        self.paths: list[str] = []  # of each request

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/pets.zip"

    @property
    def gets(self) -> int:
        return len(self.asked)


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_HEAD(self) -> None:
        self.server.paths.append(self.path)
        self._head(self.server.status, 0)

    def do_GET(self) -> None:
        self.server.paths.append(self.path)
        wanted = self.headers.get("Range", "")
        self.server.asked.append(wanted)
        self.server.login.append(self.headers.get("Authorization"))
        start = int(re.findall(r"\d+", wanted)[0]) if wanted and self.server.ranges else 0
        self._head(206 if start and self.server.status == 200 else self.server.status, start)
        stop = start + self.server.breaks.pop(0) if self.server.breaks else len(self.server.content)
        with suppress(ConnectionError):  # a client may have had enough
            self.wfile.write(self.server.content[start:stop])

    def _head(self, status: int, start: int) -> None:
        self.send_response(status)
        if self.server.lengths:
            self.send_header("Content-Length", str(len(self.server.content) - start))
        if start:
            size = len(self.server.content)
            self.send_header("Content-Range", f"bytes {start}-{size - 1}/{size}")
        if self.server.etag:
            self.send_header("ETag", self.server.etag)
        if self.server.date:
            self.send_header("Last-Modified", self.server.date)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        yield server
        server.shutdown()


def _fetch(server: Server, kept: Path) -> Path:
    return downloads.fetch(server.url, downloads.look(server.url), kept, pause=0)


@pytest.mark.parametrize(
    ("path", "asked"),
    [("fröhliche Tiere.zip", "fr%C3%B6hliche%20Tiere.zip"), ("a%20b.zip?v=1", "a%20b.zip?v=1")],
)
def test_an_address_may_hold_any_letter(server: Server, tmp_path: Path, path: str, asked: str) -> None:
    url = server.url.replace("pets.zip", path)
    assert downloads.fetch(url, downloads.look(url), tmp_path, pause=0).read_bytes() == CONTENT
    assert server.paths == [f"/{asked}"] * 2


def test_a_look_tells_size_etag_and_date_without_fetching(server: Server) -> None:
    server.date = "Mon, 01 Jun 2026 03:00:00 GMT"
    assert downloads.look(server.url) == downloads.Remote(server.url, len(CONTENT), "one", server.date)
    assert server.gets == 0


def test_another_etag_is_another_remote(server: Server) -> None:
    before = downloads.look(server.url)
    server.etag = '"two"'
    assert downloads.look(server.url) != before


def test_a_file_comes_whole_and_is_not_fetched_twice(server: Server, tmp_path: Path) -> None:
    path = _fetch(server, tmp_path)
    assert path.read_bytes() == CONTENT
    assert _fetch(server, tmp_path) == path
    assert server.asked == [""]


def test_a_download_that_breaks_goes_on_where_it_stopped(server: Server, tmp_path: Path) -> None:
    server.breaks = [2_000_000, 1_000_000]
    assert _fetch(server, tmp_path).read_bytes() == CONTENT
    assert server.asked == ["", "bytes=2000000-", "bytes=3000000-"]


def test_a_later_run_goes_on_with_what_an_earlier_one_left(server: Server, tmp_path: Path) -> None:
    server.breaks = [2_000_000] + [0] * downloads.ATTEMPTS
    with pytest.raises(BadSource, match=r"ended at 2000000 of 5120000 bytes.*what has come is kept"):
        _fetch(server, tmp_path)
    assert _fetch(server, tmp_path).read_bytes() == CONTENT
    assert server.asked[-1] == "bytes=2000000-"


def test_a_server_without_ranges_starts_again(server: Server, tmp_path: Path) -> None:
    server.ranges = False
    server.breaks = [2_000_000]
    assert _fetch(server, tmp_path).read_bytes() == CONTENT
    assert server.asked == ["", "bytes=2000000-"]


def test_parts_of_two_states_of_a_file_are_never_joined(server: Server, tmp_path: Path) -> None:
    server.breaks = [2_000_000] + [0] * downloads.ATTEMPTS
    with pytest.raises(BadSource):
        _fetch(server, tmp_path)
    server.content, server.etag = CONTENT[::-1], '"two"'
    assert _fetch(server, tmp_path).read_bytes() == CONTENT[::-1]
    assert server.asked[-1] == ""


def test_a_file_that_changes_after_the_look_is_refused(server: Server, tmp_path: Path) -> None:
    remote = downloads.look(server.url)
    server.etag = '"two"'
    with pytest.raises(BadSource, match="changed while it was fetched"):
        downloads.fetch(server.url, remote, tmp_path, pause=0)


def test_a_file_that_is_larger_than_announced_is_no_success(server: Server, tmp_path: Path) -> None:
    remote = replace(downloads.look(server.url), bytes=1000)
    with pytest.raises(BadSource, match="ended at 5120000 of 1000 bytes"):
        downloads.fetch(server.url, remote, tmp_path, pause=0)


@pytest.mark.parametrize("unknown", ["size", "state"])
def test_without_size_or_etag_a_download_always_starts_anew(
    unknown: str, server: Server, tmp_path: Path
) -> None:
    if unknown == "size":
        server.lengths = False
    else:
        server.etag = None
    assert _fetch(server, tmp_path).read_bytes() == CONTENT
    assert _fetch(server, tmp_path).read_bytes() == CONTENT
    assert [asked for asked in server.asked if asked] == []


def test_the_date_serves_where_there_is_no_etag(server: Server, tmp_path: Path) -> None:
    server.etag, server.date, server.breaks = None, "Mon, 01 Jun 2026 03:00:00 GMT", [1_000_000]
    assert _fetch(server, tmp_path).read_bytes() == CONTENT
    assert server.asked == ["", "bytes=1000000-"]


def test_a_missing_file_is_told_in_one_line_and_not_asked_for_again(server: Server, tmp_path: Path) -> None:
    remote = downloads.look(server.url)
    server.status = 404
    with pytest.raises(BadSource, match=r"^http://127.*404.*check address"):
        downloads.look(server.url)
    before = server.gets
    with pytest.raises(BadSource, match=r"^http://127.*404.*check address"):
        downloads.fetch(server.url, remote, tmp_path, pause=0)
    assert server.gets == before + 1


def test_a_server_that_is_not_there_is_told_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(BadSource, match=r"^http://127\.0\.0\.1:9/pets\.zip cannot be fetched"):
        downloads.look("http://127.0.0.1:9/pets.zip")


def test_a_login_in_the_address_is_used_and_never_shown(server: Server, tmp_path: Path) -> None:
    url = server.url.replace("http://", "http://ann:s%20cret@") + "?token=hidden"
    remote = downloads.look(url)
    assert remote.url == server.url
    downloads.fetch(url, remote, tmp_path, pause=0)
    assert server.login == ["Basic YW5uOnMgY3JldA=="]
    server.status = 403
    with pytest.raises(BadSource) as error:
        downloads.look(url)
    assert not re.search("cret|hidden", str(error.value))


def test_other_kinds_of_address_are_refused() -> None:
    with pytest.raises(BadSource, match="expected an address that starts with http://, https:// or s3://"):
        downloads.look("ftp://example.org/pets.zip")


def test_a_full_disk_is_told_in_one_line(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_500_000, hard))  # a real refusal at a real write
    try:
        with pytest.raises(BadSource, match="free some space"):
            _fetch(server, tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not list(tmp_path.glob("*pets.zip"))
    assert _fetch(server, tmp_path).read_bytes() == CONTENT
