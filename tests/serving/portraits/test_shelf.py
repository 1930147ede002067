"""The folder of finished portraits cannot grow."""

import os
import time

import pytest

from pawtrait.serving.job import View
from pawtrait.serving.shelf import Shelf

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
    assert later.find(A) == done(A) and later.find(B) is None
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


def test_nobody_else_may_look_into_it(tmp_path):
    Shelf(tmp_path / "shelf", seconds=60, most=5)
    assert (tmp_path / "shelf").stat().st_mode & 0o077 == 0
