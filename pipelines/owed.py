"""What a month that was decided still owes: its page, its image, its news. A note in the clone remembers it.

The ledger's line is what makes a month done, so whatever comes after that line would be lost with a run that
dies there; and the first champion's line is written by the registration, before anything is judged.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from pawtrait.errors import BadData
from pawtrait.files import write_text

PLACE = ".cache/owed-{}.json"  # of a month, in the clone


@dataclass(frozen=True, slots=True)
class Note:
    """How far the newest turn of a month came.

    Attributes:
        before: how many decisions the month had when the turn began.
        reason: why it was turned, where it is not the calendar.
        judged: whether what follows is known: the decision came next.
        said: what the stages came to.
        verdict: the gate's; None where there was nothing to judge.
    """

    before: int
    reason: str
    judged: bool = False
    said: str = ""
    verdict: Mapping[str, Any] | None = None


def read(clone: Path, month: str) -> Note | None:
    """The month's note, or None where its last word was told.

    Raises:
        BadData: it cannot be read.
    """
    place = _place(clone, month)
    try:
        return Note(**json.loads(place.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError) as error:
        raise BadData(f"{place} cannot be read: {error!r}; remove it and run the month again") from error


def months(clone: Path) -> list[str]:
    """The months that have a note, oldest first."""
    before, after = PLACE.split("{}")
    found = (place.relative_to(clone).as_posix() for place in clone.glob(PLACE.format("*")))
    return sorted(name.removeprefix(before).removesuffix(after) for name in found)


def begin(clone: Path, month: str, reason: str, count: int) -> Note:
    """Note that a turn begins when the month has ``count`` decisions; one that died keeps its own count."""
    earlier = read(clone, month)
    note = Note(min(earlier.before, count) if earlier else count, reason)
    _write(clone, month, note)
    return note


def judge(clone: Path, month: str, note: Note, said: str, verdict: Mapping[str, Any] | None) -> None:
    """Note, before the ledger hears it, what is to be shown and told of the decision."""
    _write(clone, month, replace(note, judged=True, said=said, verdict=verdict))


def settle(clone: Path, month: str) -> None:
    """All was told."""
    _place(clone, month).unlink(missing_ok=True)


def _write(clone: Path, month: str, note: Note) -> None:
    write_text(_place(clone, month), json.dumps(asdict(note)))


def _place(clone: Path, month: str) -> Path:
    return clone / PLACE.format(month)
