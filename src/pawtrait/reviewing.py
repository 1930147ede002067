"""Blind reviews: a reviewer sees a picture and nothing else, in a terminal or in a folder with a sheet."""

import csv
import glob
import hashlib
import logging
from collections.abc import Collection, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from pawtrait import clock
from pawtrait.adapters.store.feedback import VERDICTS, Review
from pawtrait.adapters.store.pictures import Damaged, NoPicture, Pictures
from pawtrait.dataset import labelled, snapshots
from pawtrait.errors import BadFeedback
from pawtrait.files import scratch_folder, whole_folder, write_csv

SHOWN = Path(".cache/review")  # a folder for each session, of pictures under names that viewers open
SHEET = "sheet.csv"
COLUMNS = ("file", "picture", "verdict", "reason")

log = logging.getLogger(__name__)


def session() -> AbstractContextManager[Path]:
    """A folder for one reviewer's pictures; it goes with the session, however that ends."""
    return scratch_folder(SHOWN / "session")


def show(pictures: Pictures, picture: str, folder: Path) -> Path | None:
    """Put a picture where a viewer can open it, under a name that says nothing of what it shows.

    None where it was forgotten meanwhile, or is damaged, which is told.
    """
    try:
        data = pictures.get(picture)
    except NoPicture:
        return None
    except Damaged as error:
        log.warning("%s", error)
        return None
    path = folder / Path(snapshots.place("-", picture, data)).name
    path.write_bytes(data)
    return path


def hide(picture: str) -> None:
    """Remove what any session shows of a picture.

    Path's own glob stumbles over a session that ends meanwhile.
    """
    name = f"**/{picture[:16]}.*"
    for copy in glob.glob(name, root_dir=SHOWN, recursive=True, include_hidden=True):  # noqa: PTH207
        (SHOWN / copy).unlink(missing_ok=True)


def export(pictures: Pictures, queue: Sequence[str], out: Path) -> int:
    """Write a folder of pictures and a sheet with an empty line for each; how many could be shown.

    Raises:
        BadFeedback: the folder is there and not empty.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise BadFeedback(f"{out} already exists; name an empty folder or a new one")
    with whole_folder(out) as draft:
        shown = [(show(pictures, picture, draft), picture) for picture in queue]
        rows = [{"file": path.name, "picture": picture} for path, picture in shown if path]
        write_csv(draft / SHEET, rows, COLUMNS)
    return len(rows)


def answers(sheet: Path, reviewer: str, known: Collection[str]) -> tuple[list[Review], int]:
    """A filled-in sheet as reviews, and how many lines are about pictures that are settled meanwhile.

    Lines without a verdict are left for later. ``known`` are the pictures in quarantine.

    Raises:
        BadFeedback: it is no sheet, or a verdict is none of ours; nothing counts then.
    """
    try:
        with sheet.open(encoding="utf-8-sig", newline="") as stream:
            rows = list(enumerate(csv.DictReader(stream, strict=True), 2))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BadFeedback(
            f"{sheet}: {getattr(error, 'strerror', None) or 'is not a sheet of pictures'}"
        ) from error
    if rows and not {"picture", "verdict"} <= rows[0][1].keys():
        raise BadFeedback(f"{sheet}: expected the columns {','.join(COLUMNS)}")
    filled = [(line, row) for line, row in rows if (row["verdict"] or "").strip()]
    reviews = [
        review(row["picture"], reviewer, verdict(row["verdict"], f"{sheet}, line {line}"), row.get("reason"))
        for line, row in filled
    ]
    fresh = [one for one in reviews if one.picture in known]
    return fresh, len(reviews) - len(fresh)


def verdict(word: str, where: str) -> str:
    """A verdict from its word or its first letters.

    Raises:
        BadFeedback: it is none, or could be two.
    """
    typed = word.strip().casefold()
    fitting = [one for one in VERDICTS if typed and one.startswith(typed)]
    if len(fitting) != 1:
        raise BadFeedback(f"{where}: {word[:40]!r}; expected one of {', '.join(VERDICTS)}")
    return fitting[0]


def review(picture: str, reviewer: str, verdict: str, reason: str | None = None) -> Review:
    """A review of now; a reviewer has one on each picture, so its id follows from both."""
    who = labelled.person(reviewer)
    return Review(
        id=hashlib.sha256(f"{picture}/{who}".encode()).hexdigest()[:32],
        time=clock.now(),
        picture=picture,
        reviewer=who,
        verdict=verdict,
        reason=(reason or "").strip() or None,
    )
