"""API keys: hashed in a file, scoped, each with its rate. A key is shown once, when it is made.

The file has a JSON object a line: {"name", "sha256", "scopes", "rate"}; ``rate`` (requests a minute) may be
left out. A key is 256 bits of chance, so a plain SHA-256 of it cannot be guessed at.
"""

import hashlib
import json
import secrets
from collections.abc import Collection
from dataclasses import asdict, dataclass
from pathlib import Path

from pawtrait.errors import BadParams

SCOPES = ("read", "feedback", "review", "admin")
PREFIX = "paw_"


@dataclass(frozen=True, slots=True)
class Key:
    """Who may do what."""

    name: str
    sha256: str
    scopes: tuple[str, ...]
    rate: int | None = None  # requests a minute; the service's own where None


def make(name: str, scopes: Collection[str], rate: int | None = None) -> tuple[str, str]:
    """A new key, and the line of the file that stands for it.

    Raises:
        BadParams: a scope is none.
    """
    unknown = set(scopes) - set(SCOPES)
    if unknown or not scopes:
        raise BadParams(
            f"scope {', '.join(sorted(unknown)) or 'missing'}; expected some of {', '.join(SCOPES)}"
        )
    secret = PREFIX + secrets.token_urlsafe(32)
    key = Key(name, digest(secret), tuple(one for one in SCOPES if one in scopes), rate)
    return secret, json.dumps(asdict(key))


def digest(secret: str) -> str:
    """What the file holds of a key."""
    return hashlib.sha256(secret.encode()).hexdigest()


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
            seen = (stat.st_mtime_ns, stat.st_size)
            if seen != self._seen:
                lines = self._path.read_text(encoding="utf-8").splitlines()
                self._known = {key.sha256: key for line in lines if line.strip() for key in [_key(line)]}
                self._seen = seen
        except OSError as error:
            raise BadParams(
                f"PAWTRAIT_KEYS names {self._path}, which cannot be read: {error.strerror}"
            ) from error
        except (ValueError, TypeError, KeyError) as error:
            raise BadParams(
                f"{self._path} has a line that is no key; make them with `pawtrait keys add`"
            ) from error


def _key(line: str) -> Key:
    found = json.loads(line)
    key = Key(found["name"], found["sha256"], tuple(found["scopes"]), found.get("rate"))
    if not set(key.scopes) <= set(SCOPES) or len(key.sha256) != 64:
        raise ValueError(line)
    return key
