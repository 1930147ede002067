"""The way of a picture through quarantine: sent, looked at, settled in a month's snapshot, once."""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from string import ascii_lowercase

from sqlalchemy import Engine, select, true

from pawtrait.adapters.store import rows as stored
from pawtrait.adapters.store.feedback import Review, Said, spoken
from pawtrait.adapters.store.tables import feedback, forgotten, looks, reviews, settled, snapshots
from pawtrait.dataset.feedback import Candidate, Earlier, Sent, Verdict
from pawtrait.dataset.manifest import Record
from pawtrait.errors import BadFeedback

LETTERS = ascii_lowercase[1:]  # of a month's parts after the first


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of a picture."""

    picture: str
    month: str  # YYYY-MM, or YYYY-MMb of a part
    time: datetime
    label: str | None  # that it enters training with; None where it was rejected
    reason: str


def a_month(word: str) -> str:
    """The same word, which is a month: part of one would be read as several.

    Raises:
        BadFeedback: it is no month.
    """
    if not re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", word):
        raise BadFeedback(f"{word!r} is not a month; expected YYYY-MM, such as 2026-11")
    return word


def next_month(month: str) -> str:
    """YYYY-MM after a YYYY-MM.

    Raises:
        BadFeedback: it is no month.
    """
    a_month(month)
    year, number = map(int, month.split("-"))
    return f"{year + number // 12}-{number % 12 + 1:02d}"


def candidates(engine: Engine, until: datetime) -> list[Candidate]:
    """Every picture sent for training before ``until``, not settled and not forgotten, with all said of it.

    What was sent without consent is not read at all.
    """
    done = select(settled.c.picture).union(
        select(forgotten.c.picture).where(forgotten.c.picture.is_not(None))
    )
    fresh = feedback.c.consent & (feedback.c.time < until) & feedback.c.picture.not_in(done)
    sent: dict[str, list[Sent]] = defaultdict(list)
    for said in spoken(engine, fresh):
        sent[said.picture].append(_sent(said))
    verdicts: dict[str, list[Verdict]] = defaultdict(list)
    for review in stored.where(engine, reviews, Review, reviews.c.picture.not_in(done)):
        verdicts[review.picture].append(Verdict(review.reviewer, review.verdict, review.reason))
    return [Candidate(one, tuple(said), tuple(verdicts[one])) for one, said in sent.items()]


def earlier(engine: Engine) -> list[Earlier]:
    """Every settled picture, with what was sent of it until then; of what was forgotten nobody knows more."""
    rows = {row.picture: row for row in stored.where(engine, settled, Settled, true())}
    sent: dict[str, list[Sent]] = defaultdict(list)
    of_them = feedback.c.consent & feedback.c.picture.in_(select(settled.c.picture))
    for said in spoken(engine, of_them):
        if said.time <= rows[said.picture].time:
            sent[said.picture].append(_sent(said))
    return [
        Earlier(name, row.month[:7], row.label is not None, tuple(sent[name])) for name, row in rows.items()
    ]


def look(engine: Engine, records: Sequence[Record], now: datetime) -> None:
    """Remember what pictures look like; what was seen first stays."""
    with engine.begin() as connection:
        facts = [{"picture": record.id, "time": now, "facts": asdict(record)} for record in records]
        stored.insert(connection, looks, facts)


def looked(engine: Engine) -> dict[str, Record]:
    """All that was looked at, settled pictures too."""
    with engine.connect() as connection:
        found = connection.execute(select(looks.c.picture, looks.c.facts)).tuples()
        return {picture: Record(**facts) for picture, facts in found}


def settle(engine: Engine, month: str, rows: Sequence[Settled], now: datetime) -> None:
    """Close a month with these rows, all or none; a month that is closed already stays as it is.

    What was forgotten while the rows were decided about is left out.
    """
    with engine.begin() as connection:
        marker = {"month": month, "time": now}
        if stored.insert(connection, snapshots, [marker]):  # a second process waits here for the first
            gone = set(connection.scalars(select(forgotten.c.picture)))
            stored.insert(connection, settled, [asdict(row) for row in rows if row.picture not in gone])


def parts(engine: Engine, month: str) -> list[str]:
    """The snapshots that a month has settled, oldest first: itself, then a part for each turn more."""
    with engine.connect() as connection:
        found = connection.execute(select(snapshots.c.month).where(snapshots.c.month.startswith(month)))
        return sorted(found.scalars())


def next_part(month: str, settled_parts: Sequence[str]) -> str:
    """The name of a month's next snapshot: the month itself, then with b, c …

    Raises:
        BadFeedback: the alphabet is at its end.
    """
    if len(settled_parts) > len(LETTERS):
        raise BadFeedback(
            f"{month} has {len(settled_parts)} snapshots, the most for a month; wait for the next month"
        )
    return month if not settled_parts else month + LETTERS[len(settled_parts) - 1]


def of_month(engine: Engine, month: str) -> list[Settled]:
    """What a month settled in all its parts, by part and picture."""
    rows = stored.where(engine, settled, Settled, settled.c.month.startswith(month))
    return sorted(rows, key=lambda row: (row.month, row.picture))


def accepted(engine: Engine) -> list[Settled]:
    """Every picture that entered a snapshot, oldest snapshot first."""
    rows = stored.where(engine, settled, Settled, settled.c.label.is_not(None))
    return sorted(rows, key=lambda row: (row.month, row.picture))


def _sent(said: Said) -> Sent:
    """A thumb up is a vote for what the model said."""
    label = said.label or (said.predicted if said.thumbs == 1 else None)
    return Sent(said.client, said.time, label, said.source == "in-house")
