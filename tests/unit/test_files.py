"""A final name holds the whole file or what was there before."""

import hashlib
import re
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from pawtrait.files import sha256, whole_folder, write_text


def test_text_is_written_with_its_folders(tmp_path: Path) -> None:
    write_text(tmp_path / "a" / "b" / "é.txt", "schön\n")
    assert (tmp_path / "a" / "b" / "é.txt").read_bytes() == "schön\n".encode()


@pytest.fixture
def full_disk() -> Iterator[None]:
    """The kernel refuses what goes beyond 4 KiB in a file, as a full disk would."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.usefixtures("full_disk")
def test_a_full_disk_leaves_the_old_file_and_nothing_half_written(tmp_path: Path) -> None:
    target = tmp_path / "table.csv"
    target.write_text("old")
    with pytest.raises(OSError, match="too large"):
        write_text(target, "new" * 10_000)
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.usefixtures("full_disk")
def test_a_full_disk_leaves_no_half_folder(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="too large"), whole_folder(tmp_path / "docs") as draft:
        (draft / "small.txt").write_text("fits")
        (draft / "large.txt").write_text("new" * 10_000)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_fails_halfway_leaves_the_old_one(tmp_path: Path) -> None:
    target = tmp_path / "docs"
    target.mkdir()
    (target / "index.html").write_text("old")
    with pytest.raises(RuntimeError), whole_folder(target) as draft:
        (draft / "index.html").write_text("new")
        raise RuntimeError
    assert (target / "index.html").read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_folder_replaces_the_old_one_entirely(tmp_path: Path) -> None:
    target = tmp_path / "docs"
    target.mkdir()
    (target / "stale.html").touch()
    with whole_folder(target) as draft:
        (draft / "index.html").touch()
    assert [path.name for path in target.iterdir()] == ["index.html"]


def test_written_files_and_folders_can_be_read_by_others(tmp_path: Path) -> None:
    write_text(tmp_path / "a.txt", "")
    with whole_folder(tmp_path / "b"):
        pass
    assert (tmp_path / "a.txt").stat().st_mode & 0o777 == 0o644
    assert (tmp_path / "b").stat().st_mode & 0o777 == 0o755


def test_the_hash_is_sha256(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"pet")
    assert sha256(tmp_path / "a") == hashlib.sha256(b"pet").hexdigest()
    assert re.fullmatch("[0-9a-f]{64}", sha256(tmp_path / "a"))
