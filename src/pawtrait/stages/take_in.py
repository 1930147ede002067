"""Outside DVC: pictures with labels that people in the house made → quarantine, as any feedback."""

import hashlib
import os
from dataclasses import dataclass
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
    known: int  # the same label by the same annotator was there already
    problems: tuple[str, ...]  # a sentence for each entry that was not taken


def run(*, labels: Path, annotator: str) -> Taken:
    """Bring a label file's or a folder's pictures to quarantine; one bad entry stops no other.

    Raises:
        BadFeedback: it is no file or folder of labels. BadStore: the store cannot be had.
    """
    entries = labelled.read(labels, annotator)
    problems = [entry.problem for entry in entries if entry.problem]
    good = [entry for entry in entries if not entry.problem]
    pictures, new = Pictures(), 0
    with database.opened() as engine:
        gone = forgetting.pictures(engine)
        for entry in progress.track(good, total=len(good), what="taking in"):
            problem, added = _take(engine, pictures, entry, gone)
            problems += [problem] if problem else []
            new += added
    return Taken(new, len(entries) - len(problems) - new, tuple(problems))


def _take(engine: Engine, pictures: Pictures, entry: Labelled, gone: set[str]) -> tuple[str, int]:
    """Keep one picture, then its row; give what is wrong with it, and how many rows were new."""
    try:
        data = entry.path.read_bytes()
    except OSError as error:
        return f"{entry.path.name}: {error.strerror}", 0
    if not images.sniff(data):
        return f"{entry.path.name}: not a picture (expected JPEG, PNG, GIF, WebP, BMP or TIFF)", 0
    if hashlib.sha256(data).hexdigest() in gone:
        return f"{entry.path.name}: was forgotten on request, and stays out", 0
    picture = pictures.put(data)
    mark = hashlib.sha256(f"in-house/{entry.annotator}/{picture}/{entry.label}".encode()).hexdigest()
    row = Said(
        id=mark[:32],
        time=clock.now(),
        picture=picture,
        client=entry.annotator,
        consent=True,
        source="in-house",
        label=entry.label,
        name=os.fsencode(entry.path.name).decode("utf-8", "replace")[:255],  # Linux' names are bytes
    )
    return "", feedback.add(engine, [row])
