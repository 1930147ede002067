"""API keys: hashed in a file, scoped, each with its rate. A key is shown once, when it is made.

The file has a JSON object a line: {"name", "sha256", "scopes", "rate", "shared"}; ``rate`` (requests a
minute) and ``shared`` may be left out. A key is 256 bits of chance: nobody guesses it from a plain SHA-256.
"""

import fcntl
import hashlib
import json
import os
import secrets
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from pawtrait.errors import BadParams
from pawtrait.files import write_text

SCOPES = ("read", "feedback", "review", "admin")
PREFIX = "paw_"


@dataclass(frozen=True, slots=True)
class Key:
    """Who may do what."""

    name: str
    sha256: str
    scopes: tuple[str, ...]
    rate: int | None = None  # requests a minute; the service's own where None
    shared: bool = False  # of an app that many people use: each address is a client by itself


def digest(secret: str) -> str:
    """What the file holds of a key."""
    return hashlib.sha256(secret.encode()).hexdigest()


def add(path: Path, name: str, scopes: Collection[str], rate: int | None = None, shared: bool = False) -> str:
    """Put a new key into the file and give its secret, which nobody can read there.

    Raises:
        BadParams: the name is taken, a scope is none, or the file cannot be read.
    """
    unknown = set(scopes) - set(SCOPES)
    if unknown or not scopes:
        raise BadParams(
            f"scope {', '.join(sorted(unknown)) or 'missing'}; expected some of {', '.join(SCOPES)}"
        )
    secret = PREFIX + secrets.token_urlsafe(32)
    key = Key(name, digest(secret), tuple(one for one in SCOPES if one in scopes), rate, shared)
    path.parent.mkdir(parents=True, exist_ok=True)
    with _alone(path):
        known = read(path) if path.exists() else []
        if any(one.name == name for one in known):
            raise BadParams(f"{path} already has a key {name}; remove it first or choose another name")
        _write(path, [*known, key])
    return secret


def remove(path: Path, name: str) -> None:
    """Take a key back; a running service knows it no more within a second.

    Raises:
        BadParams: there is none of that name, or the file cannot be read.
    """
    with _alone(path):
        known = read(path)
        left = [key for key in known if key.name != name]
        if len(left) == len(known):
            names = ", ".join(key.name for key in known) or "none"
            raise BadParams(f"{path} has no key {name}; it has {names}")
        _write(path, left)


def read(path: Path) -> list[Key]:
    """Every key of the file.

    Raises:
        BadParams: it is not there, or a line is no key.
    """
    try:
        return [_key(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except OSError as error:
        raise _unreadable(path, error) from error
    except (ValueError, TypeError, KeyError) as error:
        raise BadParams(f"{path} has a line that is not a key; make keys with `pawtrait keys add`") from error


class Keys:
    """The file in memory, read again when it changes, so that a key can be taken back at once."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, int] | None = None
        self._known: dict[str, Key] = {}
        self.refresh()

    def find(self, secret: str) -> Key | None:
        """The key of this secret; looked up by its hash, which no clock tells anything about."""
        return self._known.get(digest(secret))

    def refresh(self) -> None:
        """Read the file where it changed.

        Raises:
            BadParams: it is not there, or a line is no key.
        """
        try:
            stat = self._path.stat()
        except OSError as error:
            raise _unreadable(self._path, error) from error
        seen = (stat.st_mtime_ns, stat.st_size)
        if seen != self._seen:
            self._known = {key.sha256: key for key in read(self._path)}
            self._seen = seen


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """One change at a time: of two, the later would bring back or lose the key of the earlier.

    The lock is the folder's, for the file is another one after each change.
    """
    try:
        handle = os.open(path.parent, os.O_RDONLY)
    except OSError as error:
        raise _unreadable(path, error) from error
    try:
        with suppress(OSError):  # a file system without locks
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _unreadable(path: Path, error: OSError) -> BadParams:
    return BadParams(f"the file of keys {path} cannot be read: {error.strerror}")


def _write(path: Path, keys: Sequence[Key]) -> None:
    mode = path.stat().st_mode & 0o777 if path.exists() else 0o600
    write_text(path, "".join(f"{json.dumps(asdict(key))}\n" for key in keys))
    path.chmod(mode)


def _key(line: str) -> Key:
    found = json.loads(line)
    key = Key(
        found["name"], found["sha256"], tuple(found["scopes"]), found.get("rate"), found.get("shared", False)
    )
    if not set(key.scopes) <= set(SCOPES) or len(key.sha256) != 64:
        raise ValueError(line)
    return key
