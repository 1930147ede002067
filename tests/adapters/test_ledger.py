"""The ledger of decisions, in SQLite and in PostgreSQL."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime

import pytest

from pawtrait.adapters.store import database, ledger
from pawtrait.adapters.store.ledger import Decision
from pawtrait.errors import BadStore


@pytest.fixture(params=["sqlite", "postgres"])
def engine(request, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    sqlite = request.param == "sqlite"
    address = f"sqlite:///{tmp_path}/f.db" if sqlite else request.getfixturevalue("postgres_database")
    with database.opened(address) as opened:
        yield opened


def decided(day, action="promoted", champion="2", previous="1", **more):
    time = datetime.fromisoformat(f"2026-{day}T03:00:00+00:00")
    return Decision(time=time, action=action, actor="retrain", champion=champion, previous=previous, **more)


def test_a_decision_comes_back_as_it_was_written(engine):
    one = decided(
        "11-01",
        version="2",
        month="2026-11",
        reasons=("better by 0.10", "and smaller"),
        figures={"difference": 0.1},
        commit="a" * 40,
        sha256="b" * 64,
    )
    ledger.add(engine, one)
    assert ledger.all(engine) == [one]
    assert ledger.all(engine)[0].time.tzinfo == UTC


def test_decisions_come_in_the_order_of_their_time(engine):
    for day in ("12-01", "11-01"):
        ledger.add(engine, decided(day))
    assert [one.time.month for one in ledger.all(engine)] == [11, 12]


def test_each_day_has_the_champion_of_its_end(engine):
    ledger.add(engine, decided("11-01"))
    ledger.add(engine, decided("12-01", "kept", champion="2", previous="2", version="3"))
    ledger.add(engine, decided("12-05", "rolled-back", champion="1", previous="2", version="1"))
    on = {day: ledger.on(engine, date(2026, *day)) for day in ((10, 31), (11, 1), (12, 4), (12, 5), (12, 31))}
    assert list(on.values()) == ["1", "2", "2", "1", "1"]
    assert ledger.reigning(engine) == "1"


def test_an_empty_ledger_knows_no_champion(engine):
    assert ledger.on(engine, date(2026, 11, 3)) is None
    assert ledger.reigning(engine) is None
    assert ledger.moves(engine) == []


def test_a_month_and_a_model_have_their_own_decisions(engine):
    ledger.add(engine, decided("11-01", month="2026-11"))
    ledger.add(engine, decided("12-01", month="2026-12"))
    ledger.add(engine, decided("12-01", month="2026-12", model="pet-portrait-fast"))
    assert [one.model for one in ledger.of_month(engine, "2026-12")] == ["pet-expression"]


def test_of_two_successions_the_second_waits(engine, monkeypatch):
    """Each reads the champion, thinks, and writes what follows: without waiting, both follow the same one."""
    monkeypatch.setenv("DATABASE_URL", engine.url.render_as_string(hide_password=False))

    def succeed(version):
        with ledger.alone():
            known = ledger.moves(engine)
            time.sleep(0.3)
            champion = known[-1].champion if known else "1"
            ledger.add(engine, decided("11-01", champion=version, previous=champion))

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(succeed, ["2", "3"]))
    first, second = ledger.moves(engine)
    assert (first.previous, second.previous) == ("1", first.champion)


@pytest.mark.parametrize("change", ["DELETE FROM decisions", "UPDATE decisions SET actor = 'nobody'"])
def test_no_row_can_be_changed_or_deleted(engine, change, tmp_path):
    from sqlalchemy import text

    ledger.add(engine, decided("11-01"))
    with (
        pytest.raises(BadStore, match="rows of decisions are never changed"),
        database.opened(engine.url.render_as_string(hide_password=False)) as again,
        again.begin() as connection,
    ):
        connection.execute(text(change))
    assert len(ledger.all(engine)) == 1
