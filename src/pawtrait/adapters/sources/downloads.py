"""Archives at http(s) and s3 addresses: what a server says of one, and a download that goes on."""

import hashlib
import logging
import re
import time
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path, PurePosixPath
from typing import IO, Any
from urllib.parse import quote, unquote, urlsplit

import fsspec
from botocore.exceptions import BotoCoreError  # type: ignore[import-untyped]
from filelock import FileLock

from pawtrait.adapters.sources.trouble import plainly
from pawtrait.errors import BadSource
from pawtrait.params import shown
from pawtrait.progress import bar

log = logging.getLogger(__name__)

SCHEMES = ("http", "https", "s3")
ATTEMPTS = 4  # connections in a row that bring nothing before we give up
CHUNK = 1 << 20  # bytes
TIMEOUT = 60  # s without a byte
QUOTED = "/%:@!$&'()*+,;=~"  # stays as it is in an address; % since it may be quoted already


@dataclass(frozen=True, slots=True)
class Remote:
    """What a server says of a file. Two that are equal are taken for the same content."""

    url: str  # without user, password and query, which may be secrets
    bytes: int | None
    etag: str | None
    modified: str | None


def look(url: str) -> Remote:
    """Ask the server about a file without fetching it.

    Raises:
        BadSource: the address cannot be used, or the server does not answer or does not have the file.
    """
    options = {"client_kwargs": {"trust_env": True}} if _scheme(url) != "s3" else {}  # proxies, as urllib
    try:
        info: dict[str, Any] = fsspec.filesystem(_scheme(url), skip_instance_cache=True, **options).info(url)
    except (OSError, BotoCoreError, ValueError) as error:
        raise _unreachable(url, error) from error
    if info.get("type") == "directory":
        raise BadSource(f"{shown(url)} is a folder; give the address of a zip or tar")
    modified = info.get("Last-Modified") or info.get("LastModified")
    etag = info.get("ETag")
    if not (etag or modified):
        log.warning("%s has neither etag nor date: a change of the same size goes unnoticed", shown(url))
    return Remote(shown(url), info.get("size"), etag and etag.strip('"'), str(modified) if modified else None)


def fetch(url: str, remote: Remote, kept: Path, pause: float = 2.0) -> Path:
    """Bring a file into the folder ``kept`` and give its path; one that is there is not fetched again.

    A download that was cut off goes on where it stopped, now and in a later run, if the server can; ``pause``
    is how many seconds lie between attempts.

    Raises:
        BadSource: the server cannot be reached or breaks off again and again, the file has changed since
            ``remote`` or is not of its size, or the disk is full.
    """
    key = hashlib.sha256(repr((url, remote)).encode()).hexdigest()[:24]
    done = kept / f"{key}-{PurePosixPath(urlsplit(url).path).name[-80:] or 'archive'}"
    part = kept / f"{key}.part"
    with plainly(shown(url)):
        kept.mkdir(parents=True, exist_ok=True)
        with FileLock(kept / f"{key}.lock"):
            if remote.bytes is None or not (remote.etag or remote.modified):
                part.unlink(missing_ok=True)  # nobody can say that what we have belongs to what comes
            elif done.exists():
                return done
            _complete(url, remote, part, pause)
            part.replace(done)
    return done


def _complete(url: str, remote: Remote, part: Path, pause: float) -> None:
    """Append to the partial file, over as many connections as it takes, until it is whole.

    Raises:
        BadSource: several connections in a row brought nothing, or the server said no.
    """
    barren = 0
    while not _is_whole(part, remote):
        had = _size(part)
        error = _attempt(url, remote, part)
        if error is None:
            return
        barren = 0 if _size(part) > had else barren + 1
        if barren >= ATTEMPTS or _is_final(error):
            raise _unreachable(url, error) from error
        log.warning("%s broke off at %d bytes (%s); going on", shown(url), _size(part), _said(error))
        time.sleep(pause)


def _attempt(url: str, remote: Remote, part: Path) -> Exception | None:
    """One connection: append what it brings; None where the file is whole, or else what went wrong."""
    with bar() as display:
        task = display.add_task(f"download {shown(url)}", total=remote.bytes, note="")
        try:
            with _stream(url, remote, _size(part)) as (stream, start), part.open("ab") as out:
                out.truncate(start)
                while chunk := stream.read(CHUNK):
                    out.write(chunk)
                    display.update(task, completed=out.tell())
        except (urllib.error.URLError, HTTPException, ConnectionError, TimeoutError, BotoCoreError) as error:
            return error
    got = _size(part)
    if remote.bytes is None or got == remote.bytes:
        return None
    if got > remote.bytes:
        part.unlink()
    return EOFError(f"it ended at {got} of {remote.bytes} bytes")


@contextmanager
def _stream(url: str, remote: Remote, offset: int) -> Iterator[tuple[IO[bytes], int]]:
    """The file's bytes from ``offset`` on, and where they really start: 0 where the server knows no ranges.

    Raises:
        BadSource: the server now has another file than the one we looked at.
    """
    if _scheme(url) == "s3":
        with fsspec.filesystem("s3", skip_instance_cache=True).open(url, "rb") as stream:
            _same(url, remote.etag, stream.details.get("ETag"))
            stream.seek(offset)
            yield stream, offset
        return
    # not fsspec: it takes a whole file for a range from a server that knows none
    with urllib.request.urlopen(_request(url, offset), timeout=TIMEOUT) as response:
        _same(url, remote.etag, response.headers.get("ETag"))
        _same(url, remote.modified, response.headers.get("Last-Modified"))
        went_on = response.status == 206 and f"bytes {offset}-" in response.headers.get("Content-Range", "")
        yield response, offset if went_on else 0


def _request(url: str, offset: int) -> urllib.request.Request:
    """A request for the bytes from ``offset`` on; urllib wants ASCII, and user and password elsewhere."""
    parts = urlsplit(url)
    asked = parts._replace(
        netloc=parts.netloc.rpartition("@")[2],
        path=quote(parts.path, safe=QUOTED),
        query=quote(parts.query, safe=QUOTED + "?"),
    )
    request = urllib.request.Request(asked.geturl())
    if parts.username is not None:
        login = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        request.add_unredirected_header("Authorization", f"Basic {b64encode(login.encode()).decode()}")
    if offset:
        request.add_header("Range", f"bytes={offset}-")
    return request


def _same(url: str, before: str | None, now: str | None) -> None:
    """Check an etag or date against the one that came first, where there are both.

    Raises:
        BadSource: they differ.
    """
    if before and now and before != now.strip('"'):
        raise BadSource(f"{shown(url)} changed while it was fetched; renew the fingerprint and run again")


def _is_whole(part: Path, remote: Remote) -> bool:
    return remote.bytes is not None and part.exists() and _size(part) == remote.bytes


def _size(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0


def _is_final(error: Exception) -> bool:
    """Whether trying again is of no use: the server answered, and the answer is no."""
    return isinstance(error, urllib.error.HTTPError) and error.code < 500 and error.code not in (408, 429)


def _scheme(url: str) -> str:
    """The address's scheme.

    Raises:
        BadSource: it is none that we can fetch from.
    """
    scheme = urlsplit(url).scheme.lower()
    if scheme not in SCHEMES:
        raise BadSource(f"{shown(url)}: expected an address that starts with http://, https:// or s3://")
    return scheme


def _unreachable(url: str, error: Exception) -> BadSource:
    """One line on why a file does not come, and what to do."""
    return BadSource(
        f"{shown(url)} cannot be fetched ({_said(error)}); check address, network and credentials, "
        "and run again: what has come is kept"
    )


def _said(error: Exception) -> str:
    """What an error says, on one line, without the secrets that an address may carry."""
    said = " ".join(str(error.__cause__ or error).split()) or type(error).__name__
    return re.sub(r"\?[^\s'\"]*|(?<=//)[^/\s@]+@", "", said)[:300]
