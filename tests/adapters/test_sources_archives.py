"""Archives are unpacked, or refused with the name of the member that is at fault."""

import bz2
import gzip
import io
import lzma
import resource
import stat
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pawtrait.adapters.sources import archives
from pawtrait.errors import BadSource

LARGEST = 10_000_000
FILES = {"pets/happy/1.jpg": b"one", "pets/sad/Kätzchen 🐈.jpg": b"two" * 1000, "pets/sad/empty.jpg": b""}


def _zip(path: Path, files: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as box:
        for name, content in files.items():
            box.writestr(name, content)
    return path


def _tar(path: Path, files: dict[str, bytes], mode: str = "w") -> Path:
    with tarfile.open(path, mode) as box:  # type: ignore[call-overload]
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            box.addfile(member, io.BytesIO(content))
    return path


def _odd_tar(path: Path, name: str, kind: bytes, link: str = "") -> Path:
    """A tar with a good picture, then one member of an unusual kind."""
    with tarfile.open(path, "w") as box:
        good = tarfile.TarInfo("happy/1.jpg")
        box.addfile(good, io.BytesIO())
        odd = tarfile.TarInfo(name)
        odd.type, odd.linkname = kind, link
        box.addfile(odd)
    return path


def _unpack(archive: Path, folder: Path, largest: int = LARGEST) -> dict[str, bytes]:
    folder.mkdir(exist_ok=True)
    archives.unpack(archive, folder, largest)
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.fixture(params=["zip", "tar", "tar.gz", "tar.bz2", "tar.xz"])
def pack(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[dict[str, bytes]], Path]:
    """Packs files into an archive of each kind, under a name that tells nothing."""
    kind: str = request.param
    if kind == "zip":
        return lambda files: _zip(tmp_path / "download", files)
    return lambda files: _tar(tmp_path / "download", files, f"w:{kind[4:]}" if kind[4:] else "w")


def test_every_kind_gives_back_its_files(pack: Callable[..., Path], tmp_path: Path) -> None:
    assert _unpack(pack(FILES), tmp_path / "out") == FILES


@pytest.mark.parametrize(
    "name", ["../evil.jpg", "happy/../../evil.jpg", "/evil.jpg", "..\\evil.jpg", "C:\\evil.jpg", "\\evil.jpg"]
)
def test_a_member_that_leads_out_is_refused_by_name(
    name: str, pack: Callable[..., Path], tmp_path: Path
) -> None:
    with pytest.raises(BadSource, match=r"evil\.jpg.*leads out"):
        _unpack(pack({"happy/1.jpg": b"x", name: b"x"}), tmp_path / "out")
    assert not list(tmp_path.rglob("*evil*"))


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE])
def test_a_link_in_a_tar_is_refused_by_name(kind: bytes, tmp_path: Path) -> None:
    archive = _odd_tar(tmp_path / "a.tar", "happy/link.jpg", kind, "happy/1.jpg")
    with pytest.raises(BadSource, match=r"happy/link\.jpg.*is a link"):
        _unpack(archive, tmp_path / "out")


@pytest.mark.parametrize("kind", [tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.GNUTYPE_SPARSE])
def test_a_special_file_in_a_tar_is_refused_by_name(kind: bytes, tmp_path: Path) -> None:
    with pytest.raises(BadSource, match=r"happy/odd\.jpg.*special"):
        _unpack(_odd_tar(tmp_path / "a.tar", "happy/odd.jpg", kind), tmp_path / "out")


@pytest.mark.parametrize(("mode", "why"), [(stat.S_IFLNK, "is a link"), (stat.S_IFIFO, "special")])
def test_a_link_or_special_file_in_a_zip_is_refused_by_name(mode: int, why: str, tmp_path: Path) -> None:
    info = zipfile.ZipInfo("happy/odd.jpg")
    info.create_system, info.external_attr = 3, (mode | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as box:
        box.writestr(info, "/etc/passwd")
    with pytest.raises(BadSource, match=rf"happy/odd\.jpg.*{why}"):
        _unpack(tmp_path / "a.zip", tmp_path / "out")


def test_an_encrypted_member_is_refused_by_name(tmp_path: Path) -> None:
    path = _zip(tmp_path / "a.zip", {"happy/1.jpg": b"x"})
    raw = bytearray(path.read_bytes())
    raw[raw.index(b"PK\1\2") + 8] |= 1  # the flag in the directory
    path.write_bytes(raw)
    with pytest.raises(BadSource, match=r"happy/1\.jpg.*encrypted"):
        _unpack(path, tmp_path / "out")


def test_an_archive_that_grows_too_large_is_refused_at_the_member_that_does_it(
    pack: Callable[..., Path], tmp_path: Path
) -> None:
    with pytest.raises(BadSource, match=r"happy/2\.jpg.*over ingest\.largest_archive = 1500"):
        _unpack(pack({"happy/1.jpg": b"a" * 1000, "happy/2.jpg": b"b" * 1000}), tmp_path / "out", 1500)


def test_a_zip_that_lies_about_a_size_is_caught(tmp_path: Path) -> None:
    path = _zip(tmp_path / "a.zip", {"happy/1.jpg": b"a" * 100_000})
    raw = path.read_bytes().replace((100_000).to_bytes(4, "little"), (10).to_bytes(4, "little"))
    path.write_bytes(raw)
    with pytest.raises(BadSource, match=r"damaged|over ingest"):
        _unpack(path, tmp_path / "out", 1000)
    assert sum(p.stat().st_size for p in (tmp_path / "out").rglob("*") if p.is_file()) <= 1000


def test_an_archive_that_swells_as_bombs_do_is_refused_by_name(
    pack: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, "HARMLESS", 0)
    monkeypatch.setattr(archives, "WORST_RATIO", 0.5)
    with pytest.raises(BadSource, match=r"happy/1\.jpg.*as bombs do"):
        _unpack(pack({"happy/1.jpg": b"\0" * 1_000_000}), tmp_path / "out")


def test_a_real_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "bomb", "w:gz") as box:
        member = tarfile.TarInfo("happy/1.jpg")
        member.size = 100_000_000
        box.addfile(member, io.BytesIO(bytes(member.size)))
    with pytest.raises(BadSource, match=r"happy/1\.jpg.*as bombs do"):
        _unpack(tmp_path / "bomb", tmp_path / "out", 10**12)
    assert not list((tmp_path / "out").rglob("*.jpg"))


def test_a_folder_that_announces_a_huge_content_is_refused_by_name(tmp_path: Path) -> None:
    folder = tarfile.TarInfo("happy")
    folder.type, folder.size = tarfile.DIRTYPE, 10**13
    (tmp_path / "a").write_bytes(folder.tobuf(tarfile.GNU_FORMAT) + bytes(10_240))
    with pytest.raises(BadSource, match=r"'happy'.*over ingest\.largest_archive"):
        _unpack(tmp_path / "a", tmp_path / "out")


def test_more_files_than_any_set_has_are_refused(
    pack: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, "MOST_MEMBERS", 2)
    with pytest.raises(BadSource, match=r"empty\.jpg.*member number 3"):
        _unpack(pack(FILES), tmp_path / "out")


def test_a_member_of_less_than_no_bytes_is_refused_by_name(tmp_path: Path) -> None:
    """It leads back to the member before it, again and again."""
    good, back = tarfile.TarInfo("happy/1.jpg"), tarfile.TarInfo("happy/2.jpg")
    header = bytearray(back.tobuf(tarfile.GNU_FORMAT))
    header[124:136] = b"\xff" * 10 + b"\xfc\x00"  # -1024 in base 256
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    (tmp_path / "a").write_bytes(good.tobuf(tarfile.GNU_FORMAT) + bytes(header) + bytes(10_240))
    with pytest.raises(BadSource, match=r"'happy/2\.jpg' announces -1024 bytes"):
        _unpack(tmp_path / "a", tmp_path / "out")


def test_headers_count_as_bytes_too(tmp_path: Path) -> None:
    """Folders without content, each under a comment of a megabyte."""
    with tarfile.open(tmp_path / "a", "w:gz", format=tarfile.PAX_FORMAT, compresslevel=1) as box:
        for number in range(80):
            folder = tarfile.TarInfo(f"folder{number}")
            folder.type, folder.pax_headers = tarfile.DIRTYPE, {"comment": "x" * 1_000_000}
            box.addfile(folder)
    with pytest.raises(BadSource, match=r"'folder\d+' and those before it have \d+ bytes of headers"):
        _unpack(tmp_path / "a", tmp_path / "out", 10**12)


def test_a_large_picture_is_no_header(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "HARMLESS", 1000)
    monkeypatch.setattr(archives, "WORST_RATIO", 10**6)
    files = {f"happy/{number}.jpg": bytes(5000) for number in range(3)}
    assert _unpack(_tar(tmp_path / "a", files), tmp_path / "out") == files


def test_a_zip_of_windows_gives_back_its_files(tmp_path: Path) -> None:
    files = {"train\\": b"", "train\\happy\\": b"", "train\\happy\\1.jpg": b"x"}
    assert _unpack(_zip(tmp_path / "a.zip", files), tmp_path / "out") == {"train/happy/1.jpg": b"x"}


def test_a_backslash_within_a_name_is_a_letter(tmp_path: Path) -> None:
    """The second byte of some Japanese letters, in a zip that does not say how its names are written."""
    path = _zip(tmp_path / "a.zip", {"happy/..jpg": b"x"})
    path.write_bytes(path.read_bytes().replace(b"happy/..jpg", b"happy/\x95\\jpg"))
    assert _unpack(path, tmp_path / "out") == {"happy/ò\\jpg": b"x"}


def test_a_monstrous_tar_header_is_not_read_into_memory(tmp_path: Path) -> None:
    header = tarfile.TarInfo("long")
    header.type, header.size = tarfile.GNUTYPE_LONGNAME, 50_000_000
    (tmp_path / "a").write_bytes(gzip.compress(header.tobuf(tarfile.GNU_FORMAT) + bytes(header.size), 1))
    with pytest.raises(BadSource, match="header asks for"):
        _unpack(tmp_path / "a", tmp_path / "out", 10**12)


def test_two_members_of_one_name_are_both_kept(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as box:
        for content in (b"one", b"three"):
            member = tarfile.TarInfo("happy/1.jpg")
            member.size = len(content)
            box.addfile(member, io.BytesIO(content))
    assert _unpack(tmp_path / "a.tar", tmp_path / "out") == {
        "happy/1.jpg": b"one",
        "happy/1~2.jpg": b"three",
    }


def test_a_file_that_turns_into_a_folder_is_refused(pack: Callable[..., Path], tmp_path: Path) -> None:
    with pytest.raises(BadSource, match=r"happy/1\.jpg.*file as a folder"):
        _unpack(pack({"happy": b"x", "happy/1.jpg": b"x"}), tmp_path / "out")


def test_utf8_names_without_the_flag_are_understood(tmp_path: Path) -> None:
    path = _zip(tmp_path / "a.zip", {"happy/Kätzchen.jpg": b"x"})
    raw = bytearray(path.read_bytes())
    raw[raw.index(b"PK\3\4") + 7] &= ~8 & 255  # bit 11 of the flags, here and in the directory
    raw[raw.index(b"PK\1\2") + 9] &= ~8 & 255
    path.write_bytes(raw)
    assert _unpack(path, tmp_path / "out") == {"happy/Kätzchen.jpg": b"x"}


@pytest.mark.parametrize("keep", [0.5, 0.8])
def test_a_cut_off_archive_is_damaged_not_short(
    keep: float, pack: Callable[..., Path], tmp_path: Path
) -> None:
    path = pack({f"happy/{n}.jpg": bytes([n]) * 600 for n in range(40)})
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * keep)])
    with pytest.raises(BadSource, match="damaged"):
        _unpack(path, tmp_path / "out")


def test_a_tar_cut_off_between_two_members_is_damaged(tmp_path: Path) -> None:
    path = _tar(tmp_path / "a.tar", {"happy/1.jpg": b"a" * 512, "happy/2.jpg": b"b" * 512})
    path.write_bytes(path.read_bytes()[:1024])
    with pytest.raises(BadSource, match="ends too early"):
        _unpack(path, tmp_path / "out")


@pytest.mark.parametrize(
    "content",
    [b"", b"<html>not found</html>", b"PK\3\4 no more", *(z.compress(b"no tar") for z in (gzip, bz2, lzma))],
    ids=["nothing", "html", "zip", "gzip", "bzip2", "xz"],  # gzip writes the time, workers want equal names
)
def test_what_is_no_archive_is_told_in_one_line(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(content)
    with pytest.raises(BadSource, match=r"^a\.zip is no zip or tar.*fetch it again$"):
        _unpack(tmp_path / "a.zip", tmp_path / "out")


@pytest.fixture
def tiny_disk() -> Iterator[None]:
    """No file may grow beyond 100 kB: a real refusal from the operating system at a real write."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_version_of_zip_that_there_is_not_is_told_in_one_line(tmp_path: Path) -> None:
    whole = bytearray(_zip(tmp_path / "a.zip", FILES).read_bytes())
    whole[whole.index(b"PK\1\2") + 6] = 255  # the version that the first entry needs
    (tmp_path / "a.zip").write_bytes(whole)
    with pytest.raises(BadSource, match="or damaged: zip file version"):
        _unpack(tmp_path / "a.zip", tmp_path / "out")


def test_headers_that_name_each_other_for_ever_are_told_in_one_line(tmp_path: Path) -> None:
    name = tarfile.TarInfo("././@LongLink")
    name.type, name.size = tarfile.GNUTYPE_LONGNAME, 5
    long = name.tobuf(tarfile.GNU_FORMAT) + b"name".ljust(512, b"\0")
    (tmp_path / "a.tar").write_bytes(long * 3000 + tarfile.TarInfo("x").tobuf() + bytes(1024))
    with pytest.raises(BadSource, match="or damaged: maximum recursion depth"):
        _unpack(tmp_path / "a.tar", tmp_path / "out")


def test_a_full_disk_is_told_in_one_line(tmp_path: Path, tiny_disk: None) -> None:
    path = _zip(tmp_path / "a.zip", {"happy/1.jpg": b"x" * 200_000})
    with pytest.raises(BadSource, match=r"^a\.zip: .*large.*free some space"):
        _unpack(path, tmp_path / "out")


def test_a_packed_tar_whose_checksum_is_wrong_is_damaged(tmp_path: Path) -> None:
    path = _tar(tmp_path / "a.tar.gz", FILES, "w:gz")
    raw = bytearray(path.read_bytes())
    raw[-8] ^= 1
    path.write_bytes(raw)
    with pytest.raises(BadSource, match="damaged: CRC"):
        _unpack(path, tmp_path / "out")
