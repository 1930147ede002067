"""A final name holds the whole file or what was there before."""

import hashlib
import re
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pawtrait.files import scratch_folder, sha256, whole_folder, write_text


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


WRITER = """
import sys
from pathlib import Path
from pawtrait import files

with getattr(files, sys.argv[1])(Path(sys.argv[2])) as draft:
    (draft / "half.txt").write_text("half")
    print("begun", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def writer(tmp_path: Path) -> "Iterator[subprocess.Popen[str]]":
    """A process that has begun to write the folder `docs`, and ends when its input does."""
    yield from _begun("whole_folder", tmp_path / "docs")


@pytest.fixture
def user(tmp_path: Path) -> "Iterator[subprocess.Popen[str]]":
    """A process that has put something into a scratch folder, and ends when its input does."""
    yield from _begun("scratch_folder", tmp_path / "source")


def _begun(kind: str, folder: Path) -> "Iterator[subprocess.Popen[str]]":
    command = [sys.executable, "-c", WRITER, kind, str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        yield process
        process.kill()


def test_what_a_killed_writer_left_goes_when_the_next_begins(
    tmp_path: Path, writer: "subprocess.Popen[str]"
) -> None:
    writer.kill()
    writer.wait()
    (left,) = tmp_path.iterdir()
    assert left.name.startswith(".docs.")
    with whole_folder(tmp_path / "docs"):
        assert not left.exists()
    assert list(tmp_path.iterdir()) == [tmp_path / "docs"]


def test_what_a_living_writer_writes_stays_when_another_begins(
    tmp_path: Path, writer: "subprocess.Popen[str]"
) -> None:
    with whole_folder(tmp_path / "docs") as draft:
        (draft / "mine.txt").touch()
    writer.communicate("")
    assert writer.returncode == 0
    assert [path.name for path in (tmp_path / "docs").iterdir()] == ["half.txt"]


def test_a_scratch_folder_is_empty_and_gone_after_its_block(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), scratch_folder(tmp_path / "cache" / "source") as folder:
        assert list(folder.iterdir()) == []
        (folder / "1.jpg").touch()
        raise RuntimeError
    assert list((tmp_path / "cache").iterdir()) == []


def test_what_a_killed_process_left_in_a_scratch_folder_goes_when_the_next_begins(
    tmp_path: Path, user: "subprocess.Popen[str]"
) -> None:
    user.kill()
    user.wait()
    (left,) = tmp_path.iterdir()
    with scratch_folder(tmp_path / "source") as folder:
        assert list(tmp_path.iterdir()) == [folder] != [left]
    assert list(tmp_path.iterdir()) == []


def test_a_living_process_keeps_its_scratch_folder(tmp_path: Path, user: "subprocess.Popen[str]") -> None:
    with scratch_folder(tmp_path / "source") as folder:
        (other,) = set(tmp_path.iterdir()) - {folder}
    assert (other / "half.txt").read_text() == "half"
    user.communicate("")
    assert (user.returncode, list(tmp_path.iterdir())) == (0, [])


def test_other_hidden_things_beside_the_folder_stay(tmp_path: Path) -> None:
    others = [tmp_path / name for name in (".docs.old", ".docs.12345678.bak", ".other.12345678")]
    for other in others:
        other.mkdir()
    (tmp_path / ".docs.a_file__").touch()
    with whole_folder(tmp_path / "docs"):
        pass
    assert sorted(tmp_path.glob(".*")) == sorted([*others, tmp_path / ".docs.a_file__"])


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
