"""The folder of finished portraits cannot grow."""

import os
import time
from dataclasses import replace

import pytest

from pawtrait.serving.job import View
from pawtrait.serving.shelf import AFTER_ALL, Shelf

A, B, C, D = (letter * 32 for letter in "abcd")


def done(key, of=6, seconds=1.25):
    return View(key, "nst", "done", 1, done=of, of=of, seconds=seconds)


def names(folder):
    return sorted(path.name[0] for path in folder.iterdir())


def aged(folder, key, seconds):
    (path,) = folder.glob(f"{key}*")
    os.utime(path, (time.time() - seconds,) * 2)


def test_what_is_put_there_is_found_until_it_is_dropped(tmp_path):
    shelf = Shelf(tmp_path / "shelf", seconds=60, most=3)
    shelf.put(done(A), b"picture")
    assert shelf.get(A) == b"picture" and shelf.get(B) is None
    shelf.drop(A)
    shelf.drop(A)
    assert shelf.get(A) is shelf.find(A) is None


def test_another_one_knows_whose_portrait_it_is_until_its_time_is_over(tmp_path):
    Shelf(tmp_path, seconds=60, most=3).put(done(A), b"picture")
    later = Shelf(tmp_path, seconds=60, most=3)
    assert later.find(A) == replace(done(A), number=AFTER_ALL) and later.find(B) is None
    aged(tmp_path, A, 61)
    assert later.find(A) is None


@pytest.mark.parametrize("key", ["*", "a*", "?" * 32, "../shelf/" + A, A[:31], A + "a", "", A.upper()])
def test_what_is_no_key_finds_and_drops_nothing(tmp_path, key):
    shelf = Shelf(tmp_path / "shelf", seconds=60, most=3)
    shelf.put(done(A), b"picture")
    assert shelf.find(key) is shelf.get(key) is None
    shelf.drop(key)
    assert shelf.get(A) == b"picture"


def test_the_oldest_make_room(tmp_path):
    shelf = Shelf(tmp_path, seconds=60, most=2)
    for age, key in enumerate((D, C, B, A)):
        shelf.put(done(key), b"picture")
        aged(tmp_path, key, 40 - 10 * age)
    shelf.sweep()
    assert names(tmp_path) == ["a", "b"]


def test_what_an_earlier_service_left_goes_when_its_time_is_over(tmp_path):
    for key in (A, B):
        Shelf(tmp_path, seconds=60, most=5).put(done(key), b"picture")
    aged(tmp_path, A, 61)
    Shelf(tmp_path, seconds=60, most=5).sweep()
    assert names(tmp_path) == ["b"]


def test_what_somebody_else_put_there_stays(tmp_path):
    """However old it is, and however much of it."""
    others = ("notes.txt", "cat.png", f"{A}.png", f"{A}.nst.six.1.{'a' * 64}.png")
    for name in others:
        (tmp_path / name).write_text("somebody's")
        os.utime(tmp_path / name, (0, 0))
    (tmp_path / "folder").mkdir()
    left = tmp_path / f".{B}.nst.6.x1y2z3"  # by one of ours that was killed
    left.touch()
    os.utime(left, (0, 0))
    shelf = Shelf(tmp_path, seconds=60, most=1)
    shelf.put(done(C), b"picture")
    shelf.sweep()
    assert shelf.get(C) == b"picture" and shelf.find(A) is None
    assert {path.name for path in tmp_path.iterdir()} >= {*others, "folder"} and not left.exists()


def test_what_cannot_be_removed_stays_and_the_rest_goes(tmp_path, caplog):
    shelf = Shelf(tmp_path, seconds=60, most=5)
    shelf.put(done(A), b"picture")
    aged(tmp_path, A, 61)
    stuck = tmp_path / f"{B}.nst.6.1250..png"
    stuck.mkdir()
    os.utime(stuck, (0, 0))
    shelf.sweep()
    assert names(tmp_path) == ["b"] and "cannot be removed" in caplog.text


def test_portraits_of_jobs_that_are_gone_go_along(tmp_path):
    shelf = Shelf(tmp_path, seconds=60, most=5)
    for key in (A, B):
        shelf.put(done(key), b"picture")
    shelf.sweep([B, C])
    assert names(tmp_path) == ["a"]


def test_a_folder_that_was_there_keeps_its_mode_and_portraits_are_closed_themselves(tmp_path):
    tmp_path.chmod(0o755)
    Shelf(tmp_path, seconds=60, most=5).put(done(A), b"picture")
    (path,) = tmp_path.iterdir()
    assert (tmp_path.stat().st_mode & 0o777, path.stat().st_mode & 0o777) == (0o755, 0o600)


def test_nobody_else_may_look_into_it(tmp_path):
    Shelf(tmp_path / "shelf", seconds=60, most=5)
    assert (tmp_path / "shelf").stat().st_mode & 0o077 == 0
