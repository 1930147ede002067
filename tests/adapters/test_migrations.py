"""The schema: migrations go up and down, and end in the tables that the code speaks of."""

import os
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, inspect, text

from pawtrait.adapters.store import database, feedback, forgetting, tables
from pawtrait.adapters.store.feedback import Said
from pawtrait.errors import BadStore

ROOT = Path(__file__).parents[2]


@pytest.fixture(params=["sqlite", "postgres"])
def address(request, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    sqlite = request.param == "sqlite"
    return f"sqlite:///{tmp_path}/f.db" if sqlite else request.getfixturevalue("postgres_database")


@pytest.fixture
def connection(address):
    """A connection to an empty database."""
    engine = create_engine(address.replace("postgresql://", "postgresql+psycopg://"))
    with engine.connect() as opened:
        yield opened
    engine.dispose()


def _config(connection=None):
    config = Config()
    config.set_main_option("script_location", str(database.MIGRATIONS))
    config.attributes["connection"] = connection
    return config


def test_the_migrations_end_in_exactly_the_tables_of_the_code(connection):
    command.upgrade(_config(connection), "head")
    context = MigrationContext.configure(connection, opts={"compare_type": True})
    assert compare_metadata(context, tables.metadata) == []


def test_every_migration_can_be_taken_back_and_done_again(connection):
    revisions = [one.revision for one in ScriptDirectory.from_config(_config()).walk_revisions()]
    command.upgrade(_config(connection), "head")
    for _ in revisions:
        command.downgrade(_config(connection), "-1")
    assert inspect(connection).get_table_names() == ["alembic_version"]
    command.upgrade(_config(connection), "head")
    assert set(tables.metadata.tables) <= set(inspect(connection).get_table_names())


def test_a_store_of_a_newer_pawtrait_is_refused_in_one_line(address, connection):
    command.upgrade(_config(connection), "head")
    connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    connection.commit()
    with pytest.raises(BadStore, match=r"is of a newer pawtrait: .*; update this one"):
        database.opened(address).__enter__()


def test_an_address_that_is_none_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for address in ("nonsense", "oracle9://x/y", f"sqlite:///{tmp_path}/no/folder/f.db"):
        with pytest.raises(BadStore, match="DATABASE_URL"), database.opened(address):
            pass


def test_a_password_is_never_shown(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with (
        pytest.raises(BadStore) as caught,
        database.opened("postgresql://me:s3cret@127.0.0.1:1/x?connect_timeout=2"),
    ):
        pass
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("writes", (3, 12, 20))
def test_a_death_between_two_tables_leaves_a_store_that_can_be_migrated(tmp_path, writes):
    """The process is gone after so many statements; the next one finds all of the tables, or none."""
    code = (
        "import os, sqlite3\nfrom sqlalchemy import event\nfrom sqlalchemy.engine import Engine\n"
        "from pawtrait.adapters.store import database\ncount = 0\n"
        "def die(*_):\n    global count\n    count += 1\n"
        f"    if count > {writes}: os._exit(9)\n"
        "event.listen(Engine, 'after_cursor_execute', die)\n"
        f"with database.opened('sqlite:///{tmp_path}/f.db'): pass"
    )
    told = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    died = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=told, check=False)
    code = code.replace("os._exit(9)", "pass")
    whole = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=told, check=False)
    assert (died.returncode, whole.returncode) == (9, 0)


def test_many_processes_in_folders_of_their_own_migrate_one_store_at_once(address, tmp_path):
    code = (
        "from pawtrait.adapters.store import database, ledger\n"
        f"with database.opened({address!r}) as engine: ledger.all(engine)"
    )
    told = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    started = []
    for number in range(4):
        (tmp_path / str(number)).mkdir()
        command_line = [sys.executable, "-c", code]
        started.append(subprocess.Popen(command_line, cwd=tmp_path / str(number), env=told))
    assert [process.wait(120) for process in started] == [0] * 4


def test_nothing_is_written_where_the_store_does_not_lie(tmp_path, monkeypatch):
    (tmp_path / "store").mkdir()
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    with database.opened(f"sqlite:///{tmp_path}/store/f.db"):
        pass
    assert list((tmp_path / "here").iterdir()) == []


def test_what_a_service_kept_in_a_file_of_its_own_comes_over_once_by_the_changelogs_lines(
    tmp_path, monkeypatch, capsys
):
    """And nothing about a picture that was forgotten meanwhile."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path}/new.db")
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    lines = re.search(r"<<'END'\n(.*?)^END$", text, re.MULTILINE | re.DOTALL)[1]
    now, old = datetime(2026, 11, 28, tzinfo=UTC), f"sqlite:///{tmp_path}/feedback.db"
    said = [Said(id=one, time=now, picture=one * 64, client="ann", consent=True, label="sad") for one in "ab"]
    with database.opened(old) as engine, database.opened() as new:
        feedback.add(engine, said)
        forgetting.forget(engine, "c" * 64, ["c" * 64], ["2026-10"], now)
        forgetting.forget(new, "b" * 64, ["b" * 64], [], now)
    for _ in range(2):
        exec(lines.replace("sqlite:////app/state/feedback.db", old), {})
    assert [line for line in capsys.readouterr().out.splitlines() if not line.endswith(" 0")] == [
        "feedback 1",
        "forgotten 1",
    ]
    with database.opened() as new:
        assert feedback.between(new, now, now.replace(year=2027)) == said[:1]
        assert forgetting.pictures(new) == {"b" * 64, "c" * 64}
        assert forgetting.months(new) == {"2026-10"}
