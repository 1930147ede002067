"""The folder of finished portraits cannot grow."""

import os
import time

from pawtrait.serving.shelf import Shelf


def test_what_is_put_there_is_found_until_it_is_dropped(tmp_path):
    shelf = Shelf(tmp_path / "shelf", seconds=60, most=3)
    shelf.put("a", b"picture")
    assert shelf.get("a") == b"picture"
    shelf.drop("a")
    shelf.drop("a")
    assert shelf.get("a") is None


def test_the_oldest_make_room(tmp_path):
    shelf = Shelf(tmp_path, seconds=60, most=2)
    for age, key in enumerate("dcba"):
        shelf.put(key, b"picture")
        os.utime(tmp_path / f"{key}.png", (time.time() - 40 + 10 * age,) * 2)
    shelf.sweep()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.png", "b.png"]


def test_what_an_earlier_service_left_goes_when_its_time_is_over(tmp_path):
    (tmp_path / "old.png").write_bytes(b"picture")
    os.utime(tmp_path / "old.png", (time.time() - 61,) * 2)
    (tmp_path / "young.png").write_bytes(b"picture")
    Shelf(tmp_path, seconds=60, most=5).sweep()
    assert [path.name for path in tmp_path.iterdir()] == ["young.png"]


def test_nobody_else_may_look_into_it(tmp_path):
    Shelf(tmp_path / "shelf", seconds=60, most=5)
    assert (tmp_path / "shelf").stat().st_mode & 0o077 == 0
