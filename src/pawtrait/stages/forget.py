"""Outside DVC: what an id leads to is deleted, and older snapshots that hold it are named."""

from dataclasses import dataclass
from pathlib import Path

from pawtrait import clock, reviewing
from pawtrait.adapters.store import database, forgetting
from pawtrait.adapters.store.pictures import NAME, Pictures
from pawtrait.dataset import snapshots
from pawtrait.errors import BadFeedback
from pawtrait.monitoring import shown


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What was deleted, and what was not."""

    pictures: int  # files
    rows: int
    months: tuple[str, ...]  # snapshots that hold a picture; they are immutable, and DVC's


def run(*, what: str, feedback: Path) -> Forgotten:
    """Delete the pictures that an id leads to, on monitoring pages too, then every row about them.

    Raises:
        BadFeedback: nothing is known by that id. BadStore: the store or the pictures cannot be had.
    """
    what, pictures = _tidy(what), Pictures()
    with database.opened() as engine:
        found = forgetting.trace(engine, what)
        there = [one for one in found.pictures if pictures.has(one)]
        if not (found.rows or there or found.before):
            raise BadFeedback(
                f"nothing is known under {what[:80]!r}; expected a request's or feedback's id, or a SHA-256"
            )
        held = {month for one in found.pictures for month in snapshots.holding(feedback, one)}
        months = tuple(sorted(held | set(found.months)))
        for picture in found.pictures:
            pictures.forget(picture)
            reviewing.hide(picture)
        shown.forget(shown.PAGES, found.pictures)
        if found.rows or there:
            forgetting.forget(engine, what, found.pictures, months, clock.now())
    return Forgotten(len(there), found.rows, months)


def _tidy(what: str) -> str:
    """As the store writes it: tools print sums in capitals too, and copying brings blanks along."""
    plain = what.strip()
    return plain.lower() if NAME.fullmatch(plain.lower()) else plain
