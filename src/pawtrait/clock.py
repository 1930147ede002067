"""What time it is; ``PAWTRAIT_NOW`` says it for a simulated year, and nobody asks the system for a date."""

import os
from datetime import UTC, datetime, timedelta

from pawtrait.errors import BadParams


def now() -> datetime:
    """The time, in UTC: the system's, or that of ``PAWTRAIT_NOW`` (ISO 8601).

    Raises:
        BadParams: PAWTRAIT_NOW is no time.
    """
    said = os.environ.get("PAWTRAIT_NOW")
    if not said:
        return datetime.now(UTC)
    try:
        told = datetime.fromisoformat(said)
    except ValueError as error:
        raise BadParams(f"PAWTRAIT_NOW is {said!r}; expected a time such as 2026-11-01T03:00:00") from error
    return told.astimezone(UTC) if told.tzinfo else told.replace(tzinfo=UTC)


def month(when: datetime) -> str:
    """YYYY-MM of a time."""
    return f"{when:%Y-%m}"


def check_begun(named: str) -> None:
    """Refuse a month, YYYY-MM, to come: by a slip it would be settled now, and passed over in its time.

    A day early is no slip, where a clock is behind or a zone ahead.

    Raises:
        BadParams: it is still to come.
    """
    latest = month(now() + timedelta(days=1))
    if named > latest:
        raise BadParams(f"the month {named} is in the future; expected {latest} at the latest")
