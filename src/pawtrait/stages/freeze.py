"""Outside DVC: a month's feedback → ``data/feedback/YYYY-MM``, once and for ever."""

import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock

from pawtrait import clock, params, quarantine
from pawtrait.adapters.store import database, settling
from pawtrait.adapters.store.pictures import Pictures
from pawtrait.adapters.store.settling import Settled
from pawtrait.dataset import snapshots
from pawtrait.dataset.snapshots import Accepted, Refused
from pawtrait.files import whole_folder

log = logging.getLogger(__name__)

LOCK = Path(".cache/freeze.lock")


@dataclass(frozen=True, slots=True)
class Frozen:
    """What a month's feedback came to."""

    month: str
    accepted: int
    rejected: int
    folder: Path | None  # of the snapshot; None where nothing was accepted


def run(*, month: str, feedback: Path, manifest: Path) -> Frozen:
    """Settle what was sent before the month's end, and write what was accepted, whole or not at all.

    First the store settles the month, all of it or nothing, then the folder follows from that; so a run that
    died goes on, and the same month gives the same bytes. What still waits comes with a later month.

    Raises:
        BadFeedback: no such month. BadData: no manifest. BadStore: the store or a picture cannot be had.
    """
    end = datetime.fromisoformat(f"{settling.next_month(month)}-01").replace(tzinfo=UTC)
    pictures = Pictures()
    LOCK.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(LOCK), database.opened() as engine:
        if not settling.closed(engine, month):
            _settle(engine, pictures, month, end, manifest)
        rows = settling.of_month(engine, month)
    folder = feedback / month
    accepted = [row for row in rows if row.label]
    if accepted:
        with FileLock(LOCK):
            _write(folder, rows, pictures)
    done = Frozen(month, len(accepted), len(rows) - len(accepted), folder if accepted else None)
    print(_told(done))
    return done


def _settle(engine: database.Engine, pictures: Pictures, month: str, end: datetime, manifest: Path) -> None:
    """Close the month with what can be decided; a month with nothing to decide stays open."""
    knobs = params.load()
    policy = quarantine.Policy(knobs.feedback, knobs.validate_, knobs.manifest)
    quarantine.look(engine, pictures, largest_pixels=knobs.manifest.largest_pixels)
    rulings = quarantine.judge(engine, pictures, manifest, policy, end).rulings
    now = clock.now()
    rows = [
        Settled(ruling.picture, month, now, ruling.label, ruling.reason)
        for ruling in rulings
        if ruling.outcome in ("accepted", "rejected")
    ]
    if rows:
        settling.settle(engine, month, rows, now)


def _write(folder: Path, rows: list[Settled], pictures: Pictures) -> None:
    """Make the snapshot's folder from what the store settled; one that is whole is left alone."""
    if folder.exists() and not snapshots.damage(folder):
        return
    with whole_folder(folder) as draft:
        accepted = []
        for row in rows:
            if row.label:
                data = pictures.get(row.picture)
                path = snapshots.place(row.label, row.picture, data)
                (draft / path).parent.mkdir(parents=True, exist_ok=True)
                (draft / path).write_bytes(data)
                accepted.append(Accepted(path, row.label, row.picture, row.reason))
        snapshots.write(draft, accepted, [Refused(row.picture, row.reason) for row in rows if not row.label])


def _told(done: Frozen) -> str:
    if done.folder is None:
        return f"{done.month}: nothing new was accepted, {done.rejected} rejected; no snapshot"
    return f"{done.month}: {done.accepted} accepted, {done.rejected} rejected; {done.folder}"
