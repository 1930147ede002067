"""A small project with feedback, for tests of what becomes of it; and a run that dies at a chosen line.

``python feedback_project.py FOLDER`` makes copies of the project in FOLDER, kills the freezing of each at
another line with SIGKILL, lets it run again, and prints what is there afterwards as JSON.
"""

import json
import os
import shutil
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import FrameType
from typing import Any

import cv2
import numpy as np
import pytest

from pawtrait import files, quarantine
from pawtrait.adapters.store import database, feedback, rows, settling
from pawtrait.adapters.store.feedback import Review, Said
from pawtrait.adapters.store.pictures import Pictures
from pawtrait.dataset import images, manifest, scan, snapshots
from pawtrait.dataset.manifest import Record
from pawtrait.stages import freeze

ROOT = Path(__file__).parents[2]
MONTH = "2026-11"
START = datetime(2026, 11, 3, 12, tzinfo=UTC)
MANIFEST, FEEDBACK = Path("data/tables/manifest.csv"), Path("data/feedback")
WATCHED = {module.__file__ for module in (freeze, settling, rows, snapshots, files, quarantine)}


def picture(seed: int, side: int = 64) -> bytes:
    """A PNG of soft blotches, another for each seed."""
    coarse = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    return images.encode_png(np.asarray(cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC)))


def make(root: Path) -> None:
    """Parameters, a manifest with one picture in each split, no feedback yet."""
    root.mkdir(parents=True, exist_ok=True)
    shutil.copy(ROOT / "params.yaml", root)
    known = [
        scan.look(
            picture(1000 + n),
            f"{split}/sad/{n}.png",
            label="sad",
            published=split,
            source="demo",
            largest_pixels=10**6,
        )
        for n, split in enumerate(("train", "valid", "test"))
    ]
    manifest.write(root / MANIFEST, known, Record)


def enter(root: Path, patch: pytest.MonkeyPatch) -> Path:
    """Make it in the current folder, with a store and pictures of its own."""
    patch.delenv("DATABASE_URL", raising=False)
    patch.delenv("PAWTRAIT_PICTURES", raising=False)
    make(root)
    patch.chdir(root)
    return root


def send(
    seed: int, *clients: str, label: str = "sad", minute: int = 0, reviews: str = "", side: int = 64
) -> str:
    """Clients send a picture; ``reviews`` are the first letters of what reviewers r0, r1 … said. Its name."""
    words = {"h": "happy", "s": "sad", "a": "angry", "o": "other", "u": "unusable"}
    name = Pictures().put(picture(seed, side))
    time = START + timedelta(minutes=minute)
    said = [
        Said(id=f"{seed}-{client}", time=time, picture=name, client=client, consent=True, label=label)
        for client in clients
    ]
    seen = [
        Review(id=f"{seed}-{n}", time=time, picture=name, reviewer=f"r{n}", verdict=words[letter])
        for n, letter in enumerate(reviews)
    ]
    with database.opened() as engine:
        feedback.add(engine, said)
        feedback.add_reviews(engine, seen)
    return name


def tree(folder: Path) -> dict[str, str]:
    """Every file below a folder, hidden ones too, with its SHA-256."""
    found = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {path.relative_to(folder).as_posix(): files.sha256(path) for path in found}


def settled() -> list[tuple[str, str | None]]:
    """What the store has settled, by picture."""
    with database.opened() as engine:
        return [(row.picture, row.label) for row in settling.of_month(engine, MONTH)]


def run(again: bool = False) -> freeze.Frozen:
    """Freeze the month in the current folder."""
    return freeze.run(month=MONTH, feedback=FEEDBACK, manifest=MANIFEST, again=again)


def _lines(root: Path) -> list[tuple[str, int]]:
    """The watched lines that a whole run passes, in the order in which it first does."""
    passed: dict[tuple[str, int], None] = {}

    def note(frame: FrameType) -> None:
        passed.setdefault((frame.f_code.co_filename, frame.f_lineno))

    shutil.copytree(root, root.with_name("whole"))
    os.chdir(root.with_name("whole"))
    with _watched(note):
        run()
    return list(passed)


@contextmanager
def _watched(note: Any) -> Iterator[None]:
    """Call ``note`` before each line of the watched modules."""

    def local(frame: FrameType, event: str, argument: Any) -> Any:
        if event == "line":
            note(frame)
        return local

    def called(frame: FrameType, event: str, argument: Any) -> Any:
        return local if frame.f_code.co_filename in WATCHED else None

    sys.settrace(called)
    try:
        yield
    finally:
        sys.settrace(None)


def _die_at(place: tuple[str, int]) -> int:
    """Run in a child that is killed before it runs a line; give how it ended."""
    child = os.fork()
    if child == 0:

        def kill(frame: FrameType) -> None:
            if (frame.f_code.co_filename, frame.f_lineno) == place:
                os.kill(os.getpid(), signal.SIGKILL)

        with _watched(kill):
            run()
        os._exit(0)
    return os.waitpid(child, 0)[1]


def _attempt(root: Path, number: int, place: tuple[str, int]) -> dict[str, Any]:
    """A copy of the project, killed at a line and run again."""
    copy = root.with_name(f"killed-{number}")
    shutil.copytree(root, copy)
    os.chdir(copy)
    end = _die_at(place)
    run()
    result = {"line": f"{Path(place[0]).name}:{place[1]}", "signal": end, "settled": settled()}
    result |= {"tree": tree(FEEDBACK), "pictures": tree(Path("data/inbox"))}
    os.chdir(root)
    shutil.rmtree(copy)
    return result


def main(folder: str, every: str) -> None:
    """Kill at every so many lines; print the whole run's result, then each killed one's."""
    root = Path(folder) / "project"
    make(root)
    os.chdir(root)
    send(1, "ann", reviews="ss")
    send(2, "ben", label="happy", reviews="hh", minute=1)
    send(3, "cem", side=20, minute=2)
    lines = _lines(root)
    os.chdir(root.with_name("whole"))
    whole = {"settled": settled(), "tree": tree(FEEDBACK), "pictures": tree(Path("data/inbox"))}
    print(json.dumps(whole), flush=True)
    for number, place in enumerate(lines):
        if number % int(every) == 0:
            print(json.dumps(_attempt(root, number, place)), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
