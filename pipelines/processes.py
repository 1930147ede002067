"""Child processes: their output as it comes, a clear word when they fail, no orphan after a cancelled run."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import TextIO

from pawtrait import terminal
from pawtrait.errors import PawtraitError

TAIL = 3  # last lines of the output that go into the message of a failure
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)  # the last where a terminal closes
GRACE = 5.0  # seconds between asking a process to end and ending it


class CommandError(PawtraitError):
    """A child process ended with an error, or may not start because the run is being cancelled."""


class Children:
    """The child processes of one flow run, each with a process group of its own, all stopped together.

    As a context manager it stops them when an exception leaves the block: a cancelled flow, Ctrl-C, SIGTERM.
    """

    def __init__(
        self, folder: Path | None = None, extra: Mapping[str, str] | None = None, grace: float = GRACE
    ) -> None:
        """Children start in ``folder``, by default the current one, with ``extra`` in their environment."""
        self._folder = folder
        self._extra = extra or {}
        self._grace = grace
        self._lock = Lock()
        self._alive: set[subprocess.Popen[str]] = set()
        self._stopped = False

    def __enter__(self) -> "Children":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self.stop()

    def run(
        self,
        name: str,
        command: Sequence[str],
        log: Callable[[str], None],
        extra: Mapping[str, str] | None = None,
    ) -> list[str]:
        """Run ``command`` to its end, give each line of its output to ``log``, and return the last lines.

        ``extra`` is added to the environment of this one.

        Raises:
            CommandError: it could not start or ended with an error; the message says why in the last lines.
        """
        tail: deque[str] = deque(maxlen=TAIL)
        child = self._start(name, command, extra or {})
        try:
            for line in filter(None, map(str.rstrip, child.stdout or ())):
                tail.append(line)
                log(line)
            code = child.wait()
        except BaseException:
            _end([child], self._grace)
            raise
        finally:
            with self._lock:
                self._alive.discard(child)
        if code:
            raise CommandError(f"{name} failed ({_ending(code)}): {' | '.join(tail) or 'it said nothing'}")
        return list(tail)

    def stop(self) -> None:
        """End every child with its whole process group, and let no new one start."""
        with self._lock:
            self._stopped = True
            alive = list(self._alive)
        _end(alive, self._grace)

    def _start(self, name: str, command: Sequence[str], extra: Mapping[str, str]) -> "subprocess.Popen[str]":
        with self._lock:
            if self._stopped:
                raise CommandError(f"{name} did not start: the run is being cancelled")
            try:
                child = subprocess.Popen(
                    command,
                    cwd=self._folder,
                    env=environment({**os.environ, **self._extra, **extra}),
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    encoding="utf-8",
                    errors="replace",
                    start_new_session=True,
                )
            except OSError as error:
                raise CommandError(f"{name} did not start: {command[0]}: {error.strerror}") from error
            self._alive.add(child)
            return child


def environment(current: Mapping[str, str]) -> dict[str, str]:
    """``current`` for a child: ``python`` is this interpreter, and lines come as they are written."""
    folder = str(Path(sys.executable).parent)
    path = current.get("PATH", os.defpath)
    found = shutil.which("python", path=path)
    if found is None or str(Path(found).parent) != folder:
        path = f"{folder}{os.pathsep}{path}"
    return {**current, "PATH": path, "PYTHONUNBUFFERED": "1"}


def say(line: str, file: TextIO | None = None) -> None:
    """Print at once; an output that takes no more (its disk full, its pipe or terminal gone) ends nothing."""
    with suppress(OSError):
        print(line, file=file, flush=True)


def heed(*signals: signal.Signals) -> None:
    """Let these signals, all by default, raise KeyboardInterrupt here, and reach children too.

    What a script starts in its background ignores SIGINT from birth, and so would all its children.
    """
    for number in signals or ENDING:
        if number == signal.SIGHUP:
            terminal.on_close(signal.default_int_handler)
        else:
            signal.signal(number, signal.default_int_handler)


@contextmanager
def deaf() -> Iterator[None]:
    """No signal that asks this process to end cuts off the block: what it stops would be left to itself."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in ENDING}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _end(children: Iterable["subprocess.Popen[str]"], grace: float) -> None:
    """Ask the groups to end, wait for ``grace`` seconds at most, then kill what is left."""
    left = [child for child in children if _signal(child, signal.SIGTERM)]
    deadline = time.monotonic() + grace
    while left and time.monotonic() < deadline:
        time.sleep(0.05)
        left = [child for child in left if _signal(child, 0)]
    for child in left:
        _signal(child, signal.SIGKILL)


def _signal(child: "subprocess.Popen[str]", number: int) -> bool:
    """Whether somebody in the child's group was there to get the signal; 0 only asks."""
    child.poll()  # a dead leader that nobody waited for would count as alive
    try:
        os.killpg(child.pid, number)
    except ProcessLookupError:
        return False
    return True


def _ending(code: int) -> str:
    return f"exit {code}" if code > 0 else f"signal {-code}"
