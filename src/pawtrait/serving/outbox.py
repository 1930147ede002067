"""What was acknowledged and must not be lost: a journal on disk first, the database when it is there.

A row is a line of JSON in a segment; a durable journal is forced to the disk before ``put`` returns. A thread
hands closed segments to the database, in which a row's id is there once however often it is delivered, and
deletes them. Each process holds a lock on the segment that it writes, so segments of one that died are
delivered by the next that looks, and a last line that was cut short was never acknowledged.
"""

import fcntl
import json
import logging
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any
from uuid import uuid4

from pawtrait.errors import BadFeedback, PawtraitError

Row = Mapping[str, Any]
Deliver = Callable[[list[Row]], None]  # raises a PawtraitError where it cannot be done now

EVERY = 0.5  # seconds between two deliveries at most
PATIENCE = 5.0  # seconds after one that failed
PART = 500  # rows that are delivered in one go
REST = 1.0  # of the time that a whole part took: what waited for an hour must not take the answers' processor
LEAVING = 3.0  # seconds that an end leaves to a delivery: a database that hangs keeps nobody from stopping
REFUSED = "refused.jsonl"  # rows that the database will never take

log = logging.getLogger(__name__)


class Outbox:
    """A folder of segments, and the thread that empties it.

    Attributes:
        waiting: rows that this process took in, or found at its start, and that are not in the database yet.
        delivered, dropped: rows since the start.
        problem: what the database said last; "" where it took everything.
    """

    def __init__(self, folder: Path, deliver: Deliver, *, durable: bool, most: int | None = None) -> None:
        self._folder = folder
        self._deliver = deliver
        self._durable = durable
        self._most = most
        self._lock = threading.Lock()  # of the segment that is written
        self._sending = threading.Lock()
        self._wake = threading.Event()
        self._closed = threading.Event()
        self._stream: int | None = None
        self._path: Path | None = None
        self._count = 0  # rows in the open segment
        self._known: dict[Path, int] = {}  # rows in closed segments of our own, and of those before us
        self._unreadable: set[Path] = set()  # segments of which the log knows
        self.delivered = 0
        self.dropped = 0
        self.problem = ""
        folder.mkdir(parents=True, exist_ok=True)
        self._thread = threading.Thread(target=self._follow, name=f"outbox-{folder.name}", daemon=True)

    @property
    def waiting(self) -> int:
        """Rows on this process's side of the database."""
        return self._count + sum(list(self._known.values()))

    def start(self) -> None:
        """Begin to deliver, what earlier processes left too."""
        self._known |= {path: rows for path in self._segments() if (rows := _left(path))}
        self._thread.start()

    def put(self, row: Row) -> bool:
        """Keep a row; False where a journal that is bounded is full. Durable: it is on the disk afterwards.

        Raises:
            OSError: the disk is full or gone; the row is not kept.
        """
        if self._most is not None and self.waiting >= self._most:
            self.dropped += 1
            return False
        line = _line(row)
        with self._lock:
            stream = self._opened()
            _write(stream, line, self._durable)
            self._count += 1
        self._wake.set()
        return True

    def flush(self) -> bool:
        """Deliver everything that is there now; False where the database did not take it."""
        with self._sending:
            self._close_segment()
            found = self._segments()
            there = set(found)  # another process has delivered the rest
            self._known = {path: rows for path, rows in self._known.items() if path in there}
            return all(self._sent(path) for path in found)

    def close(self) -> None:
        """Deliver what can be delivered soon, and end; the rest waits on the disk for the next start."""
        self._closed.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(LEAVING)
        if self.waiting:
            log.warning("%d rows wait in %s for the next start", self.waiting, self._folder)

    def strike(self, which: Callable[[Row], bool]) -> int:
        """Strike rows out of what the database refused; how many there were.

        In place and under a lock, since other processes may add to the file.

        Raises:
            OSError: the file is there and cannot be written.
        """
        try:
            stream = (self._folder / REFUSED).open("r+b")
        except FileNotFoundError:
            return 0
        with stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            rows = list(_parsed(stream, self._folder / REFUSED))
            kept = [row for row in rows if not which(row)]
            if len(kept) < len(rows):
                stream.seek(0)
                stream.truncate()
                stream.write(b"".join(map(_line, kept)))
                stream.flush()
                os.fsync(stream.fileno())
        return len(rows) - len(kept)

    def _follow(self) -> None:
        self._wake.set()  # what earlier processes left
        while not self._closed.is_set():
            self._wake.wait(PATIENCE)  # others may have died meanwhile, so look now and then
            self._wake.clear()
            done = self._flushed()
            self._closed.wait(EVERY if done else PATIENCE)
            if not done:
                self._wake.set()
        self._flushed()  # what came in meanwhile

    def _flushed(self) -> bool:
        """As ``flush``, whatever goes wrong."""
        try:
            return self.flush()
        except Exception:  # a full disk, a folder that went away: rows stay where they are
            log.exception("the outbox cannot be emptied at the moment")
            return False

    def _opened(self) -> int:
        """The open segment, under this process's lock."""
        while self._stream is None:
            path = self._folder / f"{time.time_ns():020d}-{uuid4().hex[:8]}.jsonl"
            stream = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
            fcntl.flock(stream, fcntl.LOCK_EX)
            if path.exists():
                self._stream, self._path = stream, path
            else:  # another process found it empty and cleared it away before it was locked
                os.close(stream)
        if self._durable and not self._count:
            _sync_folder(self._folder)
        return self._stream

    def _segments(self) -> list[Path]:
        """Everybody's, oldest first."""
        return sorted(path for path in self._folder.glob("*.jsonl") if path.name != REFUSED)

    def _close_segment(self) -> None:
        with self._lock:
            if self._stream is not None and self._path is not None:
                self._known[self._path] = self._count
                os.close(self._stream)
                self._stream, self._path, self._count = None, None, 0

    def _sent(self, path: Path) -> bool:
        """Deliver one segment, unless another process is at it."""
        try:
            stream = os.open(path, os.O_RDONLY)
        except FileNotFoundError:  # another process was quicker
            self._known.pop(path, None)
            return True
        except OSError as error:  # another user's: it holds up none behind it
            self._pass_over(path, error)
            return True
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if not path.exists():
                self._known.pop(path, None)
                return True
            return self._handed_over(path)
        except BlockingIOError:  # it is being written
            return True
        finally:
            os.close(stream)

    def _pass_over(self, path: Path, error: OSError) -> None:
        if path not in self._unreadable:
            log.error("%s waits until this service may read it: %s", path, error.strerror)
            self._unreadable.add(path)

    def _handed_over(self, path: Path) -> bool:
        before = self.delivered
        try:
            with path.open("rb") as lines:
                rows = _parsed(lines, path)  # an hour's rows need not be in memory at once
                while part := list(islice(rows, PART)):
                    self._give_and_rest(part)
        except PawtraitError as error:
            if self.problem != str(error):
                log.warning("rows wait in %s: %s", path, error)
            self.problem, self.delivered = str(error), before  # all of them come again
            return False
        self.problem = ""
        path.unlink(missing_ok=True)
        self._known.pop(path, None)
        return True

    def _give_and_rest(self, part: list[Row]) -> None:
        """Hand over a part; after a whole one there is more, and others have their turn, but at the end."""
        began = time.monotonic()
        self._give(part)
        if len(part) == PART:
            self._closed.wait(REST * (time.monotonic() - began))

    def _give(self, rows: list[Row]) -> None:
        """Hand over all rows, or one by one where one of them spoils it for all."""
        try:
            if rows:
                self._deliver(rows)
                self.delivered += len(rows)
        except PawtraitError as error:
            if not _never(error):
                raise
            if len(rows) == 1:
                self._refuse(rows[0], error)
                return
            for row in rows:
                self._give([row])

    def _refuse(self, row: Row, error: PawtraitError) -> None:
        log.error("the database refuses a row, which is kept in %s: %s", self._folder / REFUSED, error)
        with (self._folder / REFUSED).open("ab") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            stream.write(_line(row))
            stream.flush()
            os.fsync(stream.fileno())
        self.dropped += 1


def _never(error: PawtraitError) -> bool:
    """Whether the database refused the row itself, so that trying again is no use."""
    return isinstance(error, BadFeedback) or type(error.__cause__).__name__ in (
        "IntegrityError",
        "DataError",
        "StatementError",
    )


def _line(row: Row) -> bytes:
    return (json.dumps(row, ensure_ascii=False, default=str) + "\n").encode()


def _parsed(lines: Iterable[bytes], path: Path) -> Iterator[Row]:
    """The rows of a file; a line that is none was cut short by a death, before it was acknowledged."""
    for line in lines:
        try:
            row = json.loads(line)
        except ValueError:
            log.warning("%s ends in half a row, which nobody was told was kept", path)
        else:
            yield row


def _left(path: Path) -> int:
    """How many rows a segment holds; 0 where its writer lives or nobody may read it, which stops no start."""
    try:
        with path.open("rb") as lines:
            fcntl.flock(lines, fcntl.LOCK_SH | fcntl.LOCK_NB)  # several may count at once
            return sum(line.endswith(b"\n") for line in lines)  # half a row is none
    except OSError:
        return 0


def _write(stream: int, line: bytes, durable: bool) -> None:
    """All of it; what does not fit on the disk, as some find out only when forced to it, is taken back.

    Else the next line would not begin one, and a row would be delivered that somebody was told is lost.
    """
    at = os.fstat(stream).st_size
    try:
        rest = memoryview(line)
        while rest:
            rest = rest[os.write(stream, rest) :]
        if durable:
            os.fsync(stream)
    except OSError:
        os.ftruncate(stream, at)
        raise


def _sync_folder(folder: Path) -> None:
    """Force the folder's list of names to the disk: a file without a name is lost."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
