"""Databases as files and back, in SQLite and in PostgreSQL."""

from uuid import uuid4

import pytest
from sqlalchemy import create_engine, text

from pawtrait.adapters.store import dumps
from pawtrait.errors import BadStore


@pytest.fixture(params=["sqlite", "postgres"])
def two(request, tmp_path):
    """Addresses of a database with a table of places in it, and of an empty one."""
    if request.param == "sqlite":
        addresses = [f"sqlite:///{tmp_path}/{name}.db" for name in ("old", "new")]
        _fill(addresses[0])
        yield addresses
        return
    first = request.getfixturevalue("postgres_database")
    name = f"t{uuid4().hex}"
    engine = create_engine(_driven(first), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
        _fill(first)
        yield [first, first.rpartition("/")[0] + f"/{name}"]
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    engine.dispose()


def _driven(address):
    return address.replace("postgresql://", "postgresql+psycopg://")


def _fill(address):
    engine = create_engine(_driven(address))
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE runs (id INTEGER PRIMARY KEY, place TEXT)"))
        for number, place in enumerate(["/a/b", "/a/b/c é", "/a/bc", None, "s3://a/b"]):
            row = {"number": number, "place": place}
            connection.execute(text("INSERT INTO runs VALUES (:number, :place)"), row)
    engine.dispose()


def test_what_was_saved_comes_back(two, tmp_path):
    dumps.save(two[0], tmp_path / "dump")
    assert dumps.empty(two[1])
    dumps.load(two[1], tmp_path / "dump", {})
    assert not dumps.empty(two[1])
    assert dumps.values(two[1], "runs", "place") == dumps.values(two[0], "runs", "place")


def test_places_move_whole_or_not_at_all(two, tmp_path):
    """/a/bc lies beside /a/b and not in it."""
    dumps.save(two[0], tmp_path / "dump")
    dumps.load(two[1], tmp_path / "dump", {("runs", "place"): {"/a/b": "/new place"}})
    assert dumps.values(two[1], "runs", "place") == ["/a/bc", "/new place", "/new place/c é", "s3://a/b"]


def test_nothing_is_written_over(two, tmp_path):
    dumps.save(two[0], tmp_path / "dump")
    with pytest.raises(BadStore, match="is not empty; nothing was restored over it") as caught:
        dumps.load(two[0], tmp_path / "dump", {})
    assert two[0].startswith("sqlite") or ":***@" in str(caught.value)


def test_what_is_no_dump_is_one_line_and_leaves_nothing(two, tmp_path):
    (tmp_path / "dump").write_text("hello")
    with pytest.raises(BadStore) as caught:
        dumps.load(two[1], tmp_path / "dump", {("runs", "place"): {"/a": "/b"}})
    assert "\n" not in str(caught.value)
    assert dumps.empty(two[1])


def test_a_database_in_use_is_saved_at_one_moment(tmp_path):
    """What stands in SQLite's log beside the file is in the copy, what is not committed is not."""
    address = f"sqlite:///{tmp_path}/old.db"
    _fill(address)
    writer = create_engine(address)
    with writer.connect() as connection:
        connection.execute(text("PRAGMA journal_mode=WAL"))
        connection.execute(text("INSERT INTO runs VALUES (8, 'committed')"))
        connection.commit()
        connection.execute(text("INSERT INTO runs VALUES (9, 'open')"))
        dumps.save(address, tmp_path / "dump")
    writer.dispose()
    dumps.load(f"sqlite:///{tmp_path}/new.db", tmp_path / "dump", {})
    found = dumps.values(f"sqlite:///{tmp_path}/new.db", "runs", "place")
    assert "committed" in found and "open" not in found


def test_a_missing_program_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(BadStore, match="pg_dump is not installed"):
        dumps.save("postgresql://nobody:secret@localhost/none", tmp_path / "dump")


@pytest.mark.parametrize(("login", "password"), [("ann", "exported"), ("ann:its-own", "its-own")])
def test_an_exported_password_holds_where_the_address_has_none(tmp_path, monkeypatch, login, password):
    program = tmp_path / "pg_dump"
    program.write_text(f'#!/bin/sh\nprintf %s "$PGPASSWORD" > {tmp_path}/password\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PGPASSWORD", "exported")
    dumps.save(f"postgresql://{login}@localhost/none", tmp_path / "dump")
    assert (tmp_path / "password").read_text() == password


def test_an_address_as_hosts_write_it_is_postgresql(postgres_database, tmp_path):
    _fill(postgres_database)
    short = postgres_database.replace("postgresql://", "postgres://")
    assert dumps.backend(short) == "postgresql" and not dumps.empty(short)
    dumps.save(short, tmp_path / "dump")
    assert (tmp_path / "dump").stat().st_size
