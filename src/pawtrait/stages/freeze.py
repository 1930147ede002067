"""Outside DVC: a month's feedback → ``data/feedback/YYYY-MM``, once and for ever; again, a part more."""

from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path

from filelock import FileLock

from pawtrait import clock, params, quarantine
from pawtrait.adapters.store import database, settling
from pawtrait.adapters.store.pictures import Pictures
from pawtrait.adapters.store.settling import Settled
from pawtrait.dataset import snapshots
from pawtrait.dataset.snapshots import Accepted, Refused
from pawtrait.files import whole_folder

LOCK = Path(".cache/freeze.lock")


@dataclass(frozen=True, slots=True)
class Frozen:
    """What a month's feedback came to."""

    month: str
    accepted: int
    rejected: int
    folders: tuple[Path, ...]  # of its snapshots; none where nothing was accepted


def run(*, month: str, feedback: Path, manifest: Path, again: bool = False) -> Frozen:
    """Settle what was sent before the month's end, and write what was accepted, whole or not at all.

    First the store settles the month, all of it or nothing, then the folder follows from that; so a run that
    died goes on, and the same month gives the same bytes. What still waits comes with a later month, or with
    ``again`` as a part of this one, if it can be decided now.

    Raises:
        BadFeedback: no such month. BadParams: it is still to come. BadData: no manifest.
        BadStore: the store or a picture cannot be had.
    """
    end = datetime.fromisoformat(f"{settling.next_month(month)}-01").replace(tzinfo=UTC)
    clock.check_begun(month)
    pictures = Pictures()
    LOCK.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(LOCK), database.opened() as engine:
        settled = settling.parts(engine, month)
        if again or not settled:
            name = settling.next_part(month, settled)
            _settle(engine, pictures, name, end, manifest)
        rows = settling.of_month(engine, month)
    folders = []
    for name, part in groupby(rows, key=lambda row: row.month):
        folders += _folder(feedback / name, list(part), pictures)
    accepted = sum(row.label is not None for row in rows)
    done = Frozen(month, accepted, len(rows) - accepted, tuple(folders))
    print(_told(done))
    return done


def _settle(engine: database.Engine, pictures: Pictures, month: str, end: datetime, manifest: Path) -> None:
    """Close the month with what can be decided; a month with nothing to decide stays open."""
    knobs = params.load()
    policy = quarantine.Policy(knobs.feedback, knobs.validate_, knobs.manifest)
    quarantine.look(engine, pictures, policy)
    rulings = quarantine.judge(engine, pictures, manifest, policy, end, month[:7]).rulings
    now = clock.now()
    rows = [
        Settled(ruling.picture, month, now, ruling.label, ruling.reason)
        for ruling in rulings
        if ruling.outcome in ("accepted", "rejected")
    ]
    if rows:
        settling.settle(engine, month, rows, now)


def _folder(folder: Path, rows: list[Settled], pictures: Pictures) -> list[Path]:
    """The snapshot's folder, from what the store settled; none where nothing was accepted."""
    if not any(row.label for row in rows):
        return []
    with FileLock(LOCK):
        if not folder.exists() or snapshots.damage(folder):
            _write(folder, rows, pictures)
    return [folder]


def _write(folder: Path, rows: list[Settled], pictures: Pictures) -> None:
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
    if not done.folders:
        return f"{done.month}: nothing new was accepted, {done.rejected} rejected; no snapshot"
    where = ", ".join(map(str, done.folders))
    return f"{done.month}: {done.accepted} accepted, {done.rejected} rejected; {where}"
