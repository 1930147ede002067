"""A month of feedback as a folder that never changes: accepted pictures with their moods, and all reasons.

``data/feedback/YYYY-MM/`` holds ``pictures/LABEL/SHA16.EXT``, ``accepted.csv`` (path, label, id, reason),
``rejected.csv`` (id, reason) and ``SHA256SUMS`` over them. A month that was turned again has parts beside it:
YYYY-MMb, YYYY-MMc …
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pawtrait.dataset import images, manifest
from pawtrait.dataset.layout import is_junk
from pawtrait.errors import BadFeedback
from pawtrait.files import sha256, write_csv, write_text

MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])[b-z]?")
SUMS, ACCEPTED, REJECTED = "SHA256SUMS", "accepted.csv", "rejected.csv"
KINDS = {"jpeg": "jpg"}  # endings that differ from the format's name


@dataclass(frozen=True, slots=True)
class Accepted:
    """A picture that enters training, and why."""

    path: str  # pictures/LABEL/SHA16.EXT, relative to the snapshot
    label: str
    id: str  # SHA-256
    reason: str


@dataclass(frozen=True, slots=True)
class Refused:
    """A picture that does not, and why."""

    id: str
    reason: str


def months(feedback: Path) -> list[str]:
    """The snapshots here, oldest first: months, and parts of months."""
    return sorted(path.name for path in feedback.glob("*") if path.is_dir() and MONTH.fullmatch(path.name))


def read(feedback: Path, month: str) -> list[Accepted]:
    """What a snapshot brings to training, by path; every byte was compared with its sum.

    Raises:
        BadFeedback: a file is missing, too many, or not the one that was frozen.
        BadData: accepted.csv is no such table.
    """
    folder = feedback / month
    problem = damage(folder)
    if problem:
        raise BadFeedback(
            f"{folder}: {problem}; bring it back by `dvc checkout`, or `pawtrait feedback freeze`"
        )
    rows = manifest.read(folder / ACCEPTED, Accepted)
    for row in rows:
        if not re.fullmatch(r"pictures/\w+/[0-9a-f]{16}\.\w+", row.path):
            raise BadFeedback(f"{folder / ACCEPTED}: {row.path!r} is no path of a picture in a snapshot")
    return rows


def damage(folder: Path) -> str:
    """What is wrong with a snapshot, or nothing."""
    try:
        lines = (folder / SUMS).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return f"{SUMS} is missing"
    sums = {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
    found = set(_files(folder))
    if found != sums.keys():
        return f"{min(found ^ sums.keys())} is {'missing' if found < sums.keys() else 'missing or too many'}"
    changed = (name for name, digest in sums.items() if sha256(folder / name) != digest)
    return next((f"{name} is not the file that was frozen" for name in changed), "")


def place(label: str, picture: str, data: bytes) -> str:
    """Where a picture lies in its snapshot; its ending follows from its content."""
    kind = images.sniff(data)
    return f"pictures/{label}/{picture[:16]}.{KINDS.get(kind, kind)}"


def write(draft: Path, accepted: Sequence[Accepted], refused: Sequence[Refused]) -> None:
    """Add tables and sums to a folder that holds the pictures."""
    manifest.write(draft / ACCEPTED, accepted, Accepted)
    rows = ({"id": row.id, "reason": row.reason} for row in sorted(refused, key=lambda row: row.id))
    write_csv(draft / REJECTED, rows, ["id", "reason"])
    sums = [f"{sha256(draft / name)}  {name}\n" for name in sorted(_files(draft))]
    write_text(draft / SUMS, "".join(sums))


def holding(feedback: Path, picture: str) -> list[str]:
    """The months here whose snapshot holds a picture."""
    found = (path.parent.parent.parent.name for path in feedback.glob(f"*/pictures/*/{picture[:16]}.*"))
    return sorted(month for month in found if MONTH.fullmatch(month))


def _files(folder: Path) -> Iterator[str]:
    """All that was frozen; what an operating system leaves where somebody looks is nothing of it."""
    everything = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return (name for name in everything if name != SUMS and not is_junk(name))
