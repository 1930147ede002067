"""The time is the system's, or what PAWTRAIT_NOW says."""

from datetime import UTC, datetime

import pytest

from pawtrait import clock
from pawtrait.errors import BadParams


def test_the_time_is_the_systems(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PAWTRAIT_NOW", raising=False)
    before = datetime.now(UTC)
    assert before <= clock.now() <= datetime.now(UTC)


@pytest.mark.parametrize("said", ["2026-11-01T03:00:00", "2026-11-01T04:00:00+01:00", "2026-11-01T03:00:00Z"])
def test_a_simulated_year_sets_it(monkeypatch: pytest.MonkeyPatch, said: str) -> None:
    monkeypatch.setenv("PAWTRAIT_NOW", said)
    assert clock.now() == datetime(2026, 11, 1, 3, tzinfo=UTC)
    assert clock.month(clock.now()) == "2026-11"


def test_what_is_no_time_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAWTRAIT_NOW", "tomorrow")
    with pytest.raises(BadParams, match=r"^PAWTRAIT_NOW is 'tomorrow'; expected a time such as"):
        clock.now()


@pytest.mark.parametrize(
    ("said", "latest"), [("2026-12-30T23:59:59", "2026-12"), ("2026-12-31T00:00:00", "2027-01")]
)
def test_a_month_still_to_come_is_refused_but_on_its_eve(
    monkeypatch: pytest.MonkeyPatch, said: str, latest: str
) -> None:
    monkeypatch.setenv("PAWTRAIT_NOW", said)
    for month in ("2025-12", "2026-12", latest):
        clock.check_begun(month)
    with pytest.raises(
        BadParams, match=f"^the month 2027-12 is in the future; expected {latest} at the latest$"
    ):
        clock.check_begun("2027-12")
