"""Monitoring and quarantine look at the data behind the champion, wherever it was made last."""

import hashlib
import os
from pathlib import Path

import pytest
import yaml

from pawtrait import newest


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch):
    """An empty project folder."""
    monkeypatch.chdir(tmp_path)


def made(place: Path, hour: int) -> None:
    for name in (newest.MANIFEST, newest.SPLITS):
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).touch()
    (place / "dvc.lock").write_text("schema: '2.0'\n")
    os.utime(place / "dvc.lock", (3600 * hour, 3600 * hour))


def test_without_a_clone_it_is_this_folder():
    made(Path(), 1)
    assert newest.root() == Path()


def test_a_folder_without_data_looks_into_the_clone():
    made(newest.CLONE, 1)
    assert newest.root() == newest.CLONE


@pytest.mark.parametrize(("here", "clone", "expected"), [(1, 2, newest.CLONE), (2, 1, Path())])
def test_of_both_the_one_renewed_last_counts(here, clone, expected):
    made(Path(), here)
    made(newest.CLONE, clone)
    assert newest.root() == expected


def test_a_clone_in_the_middle_of_its_tables_does_not_count():
    made(Path(), 1)
    made(newest.CLONE, 2)
    (newest.CLONE / newest.SPLITS).unlink()
    assert newest.root() == Path()


def lock(place: Path, hour: int, **tables: str) -> None:
    """A dvc.lock whose stages made tables of these contents; a later stage reads what they were once."""
    stages = {
        name: {"outs": [{"path": f"data/tables/{name}.csv", "hash": "md5", "md5": md5(content)}]}
        for name, content in tables.items()
    }
    stages["augment"] = {"deps": [{"path": str(newest.SPLITS), "md5": md5("of another month")}]}
    (place / "dvc.lock").write_text(yaml.safe_dump({"schema": "2.0", "stages": stages}))
    os.utime(place / "dvc.lock", (3600 * hour, 3600 * hour))


def md5(content: str) -> str:
    return hashlib.md5(content.encode()).hexdigest()


@pytest.mark.parametrize("table", ["manifest", "splits"])
def test_a_lock_that_a_merge_renewed_over_old_tables_does_not_count(table):
    made(Path(), 1)
    made(newest.CLONE, 1)
    for place in (Path(), newest.CLONE):
        lock(place, 2, manifest="", splits="")
    assert newest.root() == newest.CLONE  # of two as good as each other
    (newest.CLONE / f"data/tables/{table}.csv").write_text("new")
    now = {"manifest": "", "splits": "", table: "new"}
    lock(newest.CLONE, 2, **now)
    lock(Path(), 3, **now)
    assert newest.root() == newest.CLONE
    (newest.TABLES / f"{table}.csv").write_text("new")  # as `dvc pull` brings it
    assert newest.root() == Path()


def test_a_lock_with_the_marks_of_a_merge_does_not_count():
    made(Path(), 2)
    made(newest.CLONE, 1)
    (Path() / "dvc.lock").write_text("schema: '2.0'\n<<<<<<< HEAD\nstages: {}\n=======\n>>>>>>> retrain\n")
    assert newest.root() == newest.CLONE


@pytest.mark.parametrize("half", ["", "schema", "stages:\n  split", "stages:\n  split:\n    outs:\n    - pa"])
def test_half_a_lock_of_a_dvc_that_was_killed_does_not_count(half):
    made(Path(), 2)
    made(newest.CLONE, 1)
    Path("dvc.lock").write_text(half)
    assert newest.root() == newest.CLONE


def test_of_two_places_that_are_as_no_lock_says_the_one_renewed_last_counts():
    """In the middle of a month, say: better than a folder that nobody made anything in."""
    made(Path(), 1)
    made(newest.CLONE, 1)
    lock(Path(), 1, manifest="else")
    lock(newest.CLONE, 2, manifest="else")
    assert newest.root() == newest.CLONE


def test_nowhere_made_it_is_this_folder_and_the_reader_says_what_is_missing():
    assert newest.root() == Path()
