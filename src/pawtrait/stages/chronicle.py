"""What ledger and registry know of champions, outside DVC: who is one, who was, how good they were."""

from datetime import UTC, date, datetime
from pathlib import Path

from pawtrait.adapters import registry
from pawtrait.adapters.store import database, ledger
from pawtrait.adapters.store.ledger import Decision
from pawtrait.errors import BadRegistry
from pawtrait.evaluation import drawing, months


def champion(day: date | None = None) -> str:
    """The champion now, or at the end of a day (UTC), in one sentence.

    Raises:
        BadRegistry: there is none, or was none yet.
    """
    now = registry.aliases().get(registry.CHAMPION)
    if now is None:
        raise BadRegistry("there is no champion yet; run `pawtrait register`")
    if day is None:
        return f"{_told(now)} is champion"
    with database.opened() as engine:
        version, moves = ledger.on(engine, day), ledger.moves(engine)
    if not any(one.time.date() <= day for one in moves):  # before all moves: the first that was registered
        version = version or (moves[0].champion if moves else None) or now
        _registered_by(version, day)
    return f"{_told(version or now)} was champion on {day}"


def decisions() -> list[Decision]:
    """The ledger, oldest first."""
    with database.opened() as engine:
        return ledger.all(engine)


def draw(told: list[Decision], path: Path) -> None:
    """The champion's macro-F1 over the months as a PNG."""
    rows = [
        months.Row(
            one.month or f"{one.time:%Y-%m-%d}",
            one.action,
            one.version,
            one.champion,
            one.previous,
            one.figures,
        )
        for one in told
    ]
    drawing.save(months.champions(rows), path)


def _told(version: str) -> str:
    known = registry.numbered(version)
    return f"{known.name} version {version} ({known.tags.get('name', 'of unknown kind')})"


def _registered_by(version: str, day: date) -> None:
    since = datetime.fromtimestamp(registry.numbered(version).creation_timestamp / 1000, UTC)
    if day < since.date():
        raise BadRegistry(
            f"on {day} there was no champion yet: version {version}, the first, was registered on"
            f" {since:%Y-%m-%d}"
        )
