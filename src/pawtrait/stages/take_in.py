"""Outside DVC: pictures with labels that people in the house made → quarantine, as any feedback."""

import hashlib
import os
from dataclasses import dataclass, replace
from pathlib import Path

from pawtrait import clock, progress
from pawtrait.adapters.store import database, feedback, forgetting
from pawtrait.adapters.store.database import Engine
from pawtrait.adapters.store.feedback import Said
from pawtrait.adapters.store.pictures import Pictures
from pawtrait.dataset import images, labelled
from pawtrait.dataset.labelled import Labelled


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of the entries of a label file."""

    new: int
    known: int  # the annotator had given that label already
    problems: tuple[str, ...]  # a sentence for each entry that was not taken


def run(*, labels: Path, annotator: str) -> Taken:
    """Bring a label file's or a folder's pictures to quarantine; one bad entry stops no other.

    Of what an annotator says of a picture the last word counts, one that goes back to an earlier label too.

    Raises:
        BadFeedback: it is no file or folder of labels. BadStore: the store cannot be had.
    """
    entries = labelled.read(labels, annotator)
    problems = [entry.problem for entry in entries if entry.problem]
    good = [entry for entry in entries if not entry.problem]
    pictures, new = Pictures(), 0
    again: dict[tuple[str, str], Said] = {}  # last words, by annotator and picture, that were said before
    with database.opened() as engine:
        gone = forgetting.pictures(engine)
        for entry in progress.track(good, total=len(good), what="taking in"):
            row = _taken(pictures, entry, gone)
            if isinstance(row, str):
                problems.append(row)
            elif feedback.add(engine, [row]):
                new += 1
                again.pop((row.client, row.picture), None)
            else:
                again[row.client, row.picture] = row
        new += sum(_taken_back(engine, row) for row in again.values())
    return Taken(new, len(entries) - len(problems) - new, tuple(problems))


def _taken(pictures: Pictures, entry: Labelled, gone: set[str]) -> Said | str:
    """Keep one picture and give its row, or what is wrong with it."""
    try:
        data = entry.path.read_bytes()
    except OSError as error:
        return f"{entry.path.name}: {error.strerror}"
    if not images.sniff(data):
        return f"{entry.path.name}: not a picture (expected JPEG, PNG, GIF, WebP, BMP or TIFF)"
    if hashlib.sha256(data).hexdigest() in gone:
        return f"{entry.path.name}: was forgotten on request, and stays out"
    picture = pictures.put(data)
    return Said(
        id=_id(entry.annotator, picture, entry.label),
        time=clock.now(),
        picture=picture,
        client=entry.annotator,
        consent=True,
        source="in-house",
        label=entry.label,
        name=os.fsencode(entry.path.name).decode("utf-8", "replace")[:255],  # Linux' names are bytes
    )


def _taken_back(engine: Engine, row: Said) -> int:
    """Add a label that its annotator gave before and has corrected since; give how many rows were new.

    ``row`` is the last word of the file on that picture, so that one file twice brings nothing new, not even
    where it holds its own corrections.
    """
    said = feedback.about(engine, row.picture)
    own = [one for one in said if (one.source, one.client) == (row.source, row.client)]
    if not own or own[-1].label == row.label:  # none: forgotten just now
        return 0
    return feedback.add(engine, [replace(row, id=_id(row.client, row.picture, f"{row.label}/{own[-1].id}"))])


def _id(annotator: str, picture: str, label: str) -> str:
    """The same for the same label, whenever it comes in."""
    return hashlib.sha256(f"in-house/{annotator}/{picture}/{label}".encode()).hexdigest()[:32]
