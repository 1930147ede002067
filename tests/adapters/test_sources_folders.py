"""Folders as sources: what is listed, what makes another fingerprint, how pictures are copied."""

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pawtrait import params
from pawtrait.adapters.sources import folders, origin
from pawtrait.dataset.layout import Spot
from pawtrait.errors import BadSource


@pytest.fixture
def pets(tmp_path: Path) -> Path:
    for name in ("happy/1.jpg", "sad/Kätzchen 🐈.jpg", "sad/.DS_Store"):
        path = tmp_path / "pets" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    return tmp_path / "pets"


def _digest(folder: Path) -> str:
    return folders.digest(folders.listing(folder))


def test_every_file_is_listed_and_junk_has_no_hash(pets: Path) -> None:
    files = folders.listing(pets)
    assert list(files) == ["happy/1.jpg", "sad/.DS_Store", "sad/Kätzchen 🐈.jpg"]
    assert [len(content) for content in files.values()] == [64, 0, 64]


def test_in_a_clone_a_relative_source_is_the_projects(
    pets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clone = tmp_path / "clone"
    clone.mkdir()
    monkeypatch.chdir(clone)
    with pytest.raises(BadSource, match="'pets' is not here"):
        origin.kind("pets")
    monkeypatch.setenv("PAWTRAIT_PROJECT", str(tmp_path))
    source = origin.pets("pets", params.Demo(train=4, valid=4, test=4, side=64, seed=1, faults=False))
    known = origin.fingerprint(source)
    assert (known["kind"], known["name"], known["files"]) == ("folder", "pets", 2)
    with origin.opened(source, 10**6, known, clone / ".cache") as tree:
        assert tree == pets
    assert folders.located(str(pets)) == pets


def test_a_byte_changed_in_place_changes_the_digest(pets: Path) -> None:
    before = _digest(pets)
    (pets / "happy/1.jpg").write_bytes(b"hAppy/1.jpg")
    assert _digest(pets) != before


def test_a_new_name_changes_the_digest(pets: Path) -> None:
    before = _digest(pets)
    (pets / "happy/1.jpg").rename(pets / "happy/2.jpg")
    assert _digest(pets) != before


def test_times_and_system_files_do_not_change_the_digest(pets: Path) -> None:
    before = _digest(pets)
    os.utime(pets / "happy/1.jpg", (0, 0))
    (pets / "sad/.DS_Store").write_bytes(b"something else")
    (pets / "Thumbs.db").touch()
    assert _digest(pets) == before


def test_a_name_of_undecodable_bytes_is_listed_and_digested(pets: Path) -> None:
    before = _digest(pets)
    try:
        Path(os.fsdecode(os.fsencode(pets) + b"/happy/\xff.jpg")).touch()
    except OSError:
        pytest.skip("this file system takes no such name")
    assert _digest(pets) != before


def test_links_are_followed_but_never_in_circles(pets: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "2.jpg").touch()
    (pets / "angry").symlink_to(outside)
    (pets / "happy" / "up").symlink_to(pets)
    assert set(folders.listing(pets)) == {
        "angry/2.jpg",
        "happy/1.jpg",
        "sad/.DS_Store",
        "sad/Kätzchen 🐈.jpg",
    }


def test_a_broken_link_and_a_pipe_are_logged_and_stay_out(
    pets: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (pets / "happy" / "gone.jpg").symlink_to(pets / "nowhere")
    os.mkfifo(pets / "happy" / "pipe.jpg")
    assert "happy/gone.jpg" not in folders.listing(pets)
    assert "gone.jpg" in caplog.text and "pipe.jpg" in caplog.text


@pytest.fixture
def locked(pets: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Makes a folder of the pets that cannot be listed, for root neither."""
    look = os.scandir

    def lock(name: str) -> None:
        (pets / name).mkdir(exist_ok=True)

        def scandir(place: str) -> Any:
            if Path(place) == pets / name:
                raise PermissionError(errno.EACCES, "Permission denied", place)
            return look(place)

        monkeypatch.setattr(os, "scandir", scandir)

    return lock


@pytest.mark.parametrize("name", ["lost+found", ".Trashes", "happy/.Spotlight-V100"])
def test_a_disk_is_a_source_though_its_system_s_own_folders_cannot_be_listed(
    pets: Path, locked: Callable[[str], None], name: str
) -> None:
    before = folders.listing(pets)
    locked(name)
    assert folders.listing(pets) == before


@pytest.mark.parametrize("name", [".", "happy"])
def test_pictures_that_cannot_be_listed_are_no_source(
    pets: Path, locked: Callable[[str], None], name: str
) -> None:
    locked(name)
    with pytest.raises(BadSource, match="Permission denied; give yourself the right"):
        folders.listing(pets)


def test_a_copy_is_a_file_of_its_own(pets: Path, tmp_path: Path) -> None:
    (pets / "happy/1.jpg").chmod(0o400)
    folders.copy(pets, [Spot("happy/1.jpg", "unsplit/happy/1.jpg")], tmp_path / "raw")
    copied = tmp_path / "raw/unsplit/happy/1.jpg"
    assert copied.stat().st_ino != (pets / "happy/1.jpg").stat().st_ino
    assert copied.stat().st_nlink == 1
    copied.write_bytes(b"changed")
    assert (pets / "happy/1.jpg").read_bytes() == b"happy/1.jpg"


def test_what_a_link_points_to_is_copied_not_the_link(pets: Path, tmp_path: Path) -> None:
    (pets / "happy/2.jpg").symlink_to(pets / "happy/1.jpg")
    folders.copy(pets, [Spot("happy/2.jpg", "train/happy/2.jpg")], tmp_path / "raw")
    assert not (tmp_path / "raw/train/happy/2.jpg").is_symlink()


def test_a_file_that_vanishes_is_told_in_one_line(pets: Path, tmp_path: Path) -> None:
    with pytest.raises(BadSource, match=r"^train/happy/9\.jpg: 9\.jpg: No such file"):
        folders.copy(pets, [Spot("happy/9.jpg", "train/happy/9.jpg")], tmp_path / "raw")
