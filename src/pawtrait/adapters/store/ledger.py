"""The ledger: who promoted what, when and why. Rows are added, and the database refuses to change one."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime, time

from filelock import FileLock
from sqlalchemy import Engine, func, insert, select

from pawtrait.adapters.store import database
from pawtrait.adapters.store import rows as stored
from pawtrait.adapters.store.tables import decisions
from pawtrait.champion import MODEL

LOCK = 20260711  # any number that nobody else locks in this database
MOVES = ("promoted", "rolled-back")  # what changes the champion


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """One row: what was decided of a challenger, or that there was nothing to decide."""

    time: datetime  # with its zone
    action: str  # promoted | kept | waiting | rolled-back | skipped | failed
    actor: str  # a person's name, or `retrain`
    champion: str | None  # after it
    previous: str | None  # the champion before it
    version: str | None = None  # the challenger, or what a rollback goes to
    month: str | None = None  # YYYY-MM of the retraining; None for what was done by hand
    model: str = MODEL  # registered name
    reasons: tuple[str, ...] = ()
    figures: Mapping[str, float] = field(default_factory=dict)
    commit: str | None = None
    sha256: str | None = None  # of the champion's model.onnx, where it moved


@contextmanager
def alone() -> Iterator[None]:
    """One succession at a time, wherever the others run: the lock belongs to the ledger, not to a folder."""
    with database.opened() as engine:
        if engine.dialect.name == "postgresql":
            with engine.connect() as connection:  # PostgreSQL lets go when it ends, however it ends
                connection.execute(select(func.pg_advisory_lock(LOCK)))
                yield
            return
        with FileLock(f"{engine.url.database}.lock"):
            yield


def add(engine: Engine, decision: Decision) -> None:
    """Write a decision down."""
    row = asdict(decision) | {"reasons": list(decision.reasons), "figures": dict(decision.figures)}
    with engine.begin() as connection:
        connection.execute(insert(decisions), row)


def all(engine: Engine) -> list[Decision]:
    """Every decision on a classifier, oldest first; of one time in the order in which they were written."""
    found = stored.where(engine, decisions, Decision, decisions.c.model == MODEL)
    return [_read(one) for one in found]


def of_month(engine: Engine, month: str) -> list[Decision]:
    """The decisions of one month's retraining, oldest first."""
    return [one for one in all(engine) if one.month == month]


def moves(engine: Engine) -> list[Decision]:
    """The decisions that made a champion, oldest first."""
    return [one for one in all(engine) if one.action in MOVES]


def reigning(engine: Engine) -> str | None:
    """The version that is champion by the newest move, whatever this clock says: one that moved was ahead."""
    known = moves(engine)
    return known[-1].champion if known else None


def on(engine: Engine, day: date) -> str | None:
    """The version that was champion at the end of a day (UTC); None where the ledger knows of none yet.

    Before the first move the champion is the one that it took over from: the ledger does not say since when.
    """
    end = datetime.combine(day, time.max, UTC)  # the next day's midnight: the last day of all has none
    known = moves(engine)
    earlier = [one for one in known if one.time <= end]
    if earlier:
        return earlier[-1].champion
    return known[0].previous if known else None


def _read(one: Decision) -> Decision:
    return Decision(**{**asdict(one), "reasons": tuple(one.reasons), "figures": dict(one.figures)})
