"""Reviewed feedback that no model has been trained on: what came in after the last snapshot was frozen.

A month's snapshot goes into the challenger's own training, so it can say nothing about the challenger.
What was sent and agreed on since then is the newest there is; it enters training with the next snapshot, and
until then both models meet it for the first time. A snapshot that no training took in yet counts as well.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from pawtrait import quarantine
from pawtrait.adapters.store import database
from pawtrait.adapters.store.pictures import Pictures
from pawtrait.dataset import manifest as tables
from pawtrait.dataset import snapshots
from pawtrait.dataset.feedback import of_the_set


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture that people agreed on, with its mood."""

    id: str  # SHA-256 of its bytes
    label: str
    data: bytes


def pictures(manifest: Path, feedback: Path, policy: quarantine.Policy) -> list[Picture]:
    """Every such picture, by id; what the data set holds, or a copy of it, is none.

    Args:
        manifest: of the data set that the newest model was made from; older models knew fewer.
        feedback: the folder of all snapshots.

    Raises:
        BadStore: the store or a picture cannot be had. BadFeedback: a snapshot is damaged.
    """
    known = {record.id for record in of_the_set(tables.read(manifest, tables.Record))}
    new = (*_frozen(feedback, known), *_agreed(manifest, policy))
    found = {one.id: one for one in new if one.id not in known}
    return [found[name] for name in sorted(found)]


def _agreed(manifest: Path, policy: quarantine.Policy) -> Iterator[Picture]:
    """What quarantine would accept now, and no snapshot holds yet."""
    place = Pictures()
    with database.opened() as engine:
        quarantine.look(engine, place, policy)
        rulings = quarantine.judge(engine, place, manifest, policy).rulings
    for ruling in rulings:
        if ruling.outcome == "accepted" and ruling.label is not None:
            yield Picture(ruling.picture, ruling.label, place.get(ruling.picture))


def _frozen(feedback: Path, known: Collection[str]) -> Iterator[Picture]:
    """Snapshots of which the data set has nothing at all; of the others it left out what was unfit."""
    for month in snapshots.months(feedback):
        rows = snapshots.read(feedback, month)
        if not any(row.id in known for row in rows):
            for row in rows:
                yield Picture(row.id, row.label, (feedback / month / row.path).read_bytes())
