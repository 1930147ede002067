"""Monitoring and quarantine look at the data behind the champion, wherever it was made last."""

import os
from pathlib import Path

import pytest

from pawtrait import newest


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch):
    """An empty project folder."""
    monkeypatch.chdir(tmp_path)


def made(place: Path, hour: int) -> None:
    for name in (newest.MANIFEST, newest.SPLITS):
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).touch()
    (place / "dvc.lock").touch()
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


def test_nowhere_made_it_is_this_folder_and_the_reader_says_what_is_missing():
    assert newest.root() == Path()
