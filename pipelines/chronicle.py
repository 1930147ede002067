"""What a year's project went through, read from its own stores: a row a month, for people and documents."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from rich.table import Table

from pawtrait.adapters.store import database, ledger, settling
from pawtrait.adapters.store.database import Engine
from pawtrait.monitoring import shown

HEADINGS = ("month", "what happened", "alarms", "accepted", "decision", "why", "champion")


@dataclass(frozen=True, slots=True)
class Row:
    """One month, in words.

    Attributes:
        why: the sentence that decided.
        champion: the version after it.
    """

    month: str
    happened: str
    alarms: str
    accepted: str
    decision: str
    why: str
    champion: str


def rows(months: Sequence[tuple[str, str, datetime]]) -> list[Row]:
    """What became of each month: name, story and when it ended, in the project of the current folder."""
    with database.opened() as engine:
        return [_row(engine, *month) for month in months]


def table(told: Sequence[Row]) -> Table:
    """For a terminal."""
    drawn = Table(*HEADINGS)
    for row in told:
        drawn.add_row(*asdict(row).values())
    return drawn


def results(told: Sequence[Row], minutes: float, commit: str, machine: str) -> dict[str, Any]:
    """For docs/results: the rows, and docs/months.md's lines made of them."""
    lines = [f"| {' | '.join(HEADINGS)} |", "|---" * len(HEADINGS) + "|"]
    lines += [f"| {' | '.join(asdict(row).values())} |" for row in told]
    measured = (
        f"{len(told)} months in {minutes:.1f} minutes on {machine}; commit `{commit[:10]}{commit[40:]}`."
    )
    return {
        "commit": commit,
        "minutes": round(minutes, 1),
        "months": [asdict(row) for row in told],
        "sentences": [*lines, "", measured],
    }


def _row(engine: Engine, month: str, story: str, ended: datetime) -> Row:
    rulings = settling.of_month(engine, month)
    accepted = sum(one.label is not None for one in rulings)
    said = [one for one in ledger.of_month(engine, month) if one.action != "failed"]
    last = said[-1] if said else None
    return Row(
        month=month,
        happened=story,
        alarms=_alarms(ended),
        accepted=f"{accepted} of {len(rulings)}" if rulings else "–",
        decision=last.action if last else "–",
        why=_deciding(last.action, last.reasons) if last else "–",
        champion=f"version {last.champion}" if last else "–",
    )


def _deciding(action: str, reasons: Sequence[str]) -> str:
    """Of a promotion the last sentence, which sums it up; else the first, the gravest objection."""
    return (reasons[-1] if action == "promoted" else reasons[0]) if reasons else "–"


def _alarms(ended: datetime) -> str:
    """What the look at the month's people was alarmed by, in few words."""
    note = shown.PAGES / f"{ended:%Y-%m-%d}.json"
    if not note.exists():
        return "–"
    told: list[str] = json.loads(note.read_text(encoding="utf-8"))["alarms"]
    return "; ".join(alarm.partition(":")[0] for alarm in told) or "none"
