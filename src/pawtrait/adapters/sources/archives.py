"""Zip and tar, unpacked member by member: what could do harm is refused, and named."""

import bz2
import gzip
import io
import lzma
import re
import shutil
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from pawtrait.adapters.sources.trouble import plainly
from pawtrait.errors import BadSource
from pawtrait.progress import bar

MOST_MEMBERS = 500_000  # more than any set of pictures here; millions would fill a disk's tables, and memory
WORST_RATIO = 200  # pictures hardly shrink, tables do tenfold; bombs swell a thousandfold and more
HARMLESS = 64_000_000  # bytes unpacked; below, no ratio matters
LONGEST_HEADER = 16_000_000  # bytes; tarfile reads a header at one go, however long it says it is
CHUNK = 1 << 20  # bytes

_ZIP = (b"PK\3\4", b"PK\5\6")  # the first bytes decide; a name may be wrong
_OPENERS: dict[bytes, Callable[[IO[bytes]], Any]] = {
    b"\x1f\x8b": gzip.open,
    b"BZh": bz2.open,
    b"\xfd7zXZ\0": lzma.open,
}
_DAMAGED = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    struct.error,
    ValueError,
    NotImplementedError,  # a version of zip that there is not
    RecursionError,  # one header that says the next one's name, and so on
)


def unpack(archive: Path, into: Path, largest: int) -> None:
    """Unpack a zip or tar(.gz/.bz2/.xz) into an empty folder: regular files only, at most ``largest`` bytes.

    ``into`` may hold some files when this fails: give it a scratch folder.

    Raises:
        BadSource: the file is no such archive, is damaged, or has a member that leads out of the folder, is a
            link or a special file, is encrypted, or makes the whole larger than allowed; the member is named.
    """
    with plainly(archive.name), _undamaged(archive.name):
        with archive.open("rb") as stream:
            start = stream.read(512)
        shelf = _Shelf(archive, into, largest)
        with bar() as display:
            task = display.add_task(f"unpack {archive.name}", total=archive.stat().st_size, note="")
            for done in _unzip(archive, shelf) if start.startswith(_ZIP) else _untar(archive, start, shelf):
                display.update(task, completed=done)


class _Shelf:
    """The folder that takes the members, within a budget of files and bytes."""

    def __init__(self, archive: Path, folder: Path, largest: int) -> None:
        self.name = archive.name
        self.folder = folder
        self.largest = largest
        self.bearable = max(HARMLESS, WORST_RATIO * archive.stat().st_size)
        self.members = 0
        self.bytes = 0
        self.variants: dict[Path, int] = {}

    def refuse(self, member: str, why: str) -> BadSource:
        """The error for one member."""
        return BadSource(f"{self.name}: the member {member[:200]!r} {why}; the archive is refused")

    def weigh(self, member: str, size: int) -> None:
        """Check that a member of so many bytes is within the budget.

        Raises:
            BadSource: they are not.
        """
        if size < 0:  # tarfile would go back, and read the same members for ever
            raise self.refuse(member, f"announces {size} bytes")
        total = self.bytes + size
        if total > self.largest:
            raise self.refuse(
                member, f"brings it to {total} bytes, over ingest.largest_archive = {self.largest}"
            )
        if total > self.bearable:
            raise self.refuse(member, f"swells it more than {WORST_RATIO}-fold, as bombs do")

    def count(self, member: str) -> None:
        """Check that one member more, file or folder, is not too many.

        Raises:
            BadSource: it is.
        """
        self.members += 1
        if self.members > MOST_MEMBERS:
            raise self.refuse(member, f"is member number {self.members}, over {MOST_MEMBERS}")

    def read(self, member: str, offset: int) -> None:
        """Check how much of the unpacked bytes up to ``offset`` is headers, which nothing else bounds.

        Raises:
            BadSource: it is too much.
        """
        headers = offset - self.bytes
        if headers > HARMLESS + 2048 * self.members:
            raise self.refuse(member, f"and those before it have {headers} bytes of headers")

    def parts(self, member: str) -> tuple[str, ...]:
        """The member's path below the folder, in parts.

        Raises:
            BadSource: the path is absolute or climbs up.
        """
        name = member if "/" in member else member.replace("\\", "/")  # some Windows programs write zips so
        parts = tuple(part for part in name.split("/") if part not in ("", "."))
        if name.startswith("/") or re.match(r"[A-Za-z]:", name) or ".." in parts:
            raise self.refuse(member, "leads out of the archive")
        return parts

    def put(self, member: str, size: int, stream: IO[bytes]) -> None:
        """Write one member's content; both readers give at most the ``size`` that was announced.

        Raises:
            BadSource: the member is refused.
        """
        self.weigh(member, size)
        self.bytes += size
        try:
            target = self._free(self.folder.joinpath(*self.parts(member)))
            target.parent.mkdir(parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError) as error:
            raise self.refuse(member, "treats a file as a folder") from error
        with target.open("xb") as out:
            shutil.copyfileobj(stream, out, CHUNK)

    def _free(self, target: Path) -> Path:
        """The path, or a variant of it if a member had that name before: nothing is lost."""
        if target == self.folder:
            raise FileExistsError
        free, number = target, self.variants.get(target, 1)
        while free.exists():
            number += 1
            free = target.with_name(f"{target.stem}~{number}{target.suffix}")
        if number > 1:
            self.variants[target] = number  # else the next one would try each of them again
        return free


class _Bounded(io.RawIOBase):
    """A decompressed stream that refuses to be read at one go, as tarfile does for a header of any length."""

    def __init__(self, stream: IO[bytes], name: str) -> None:
        self.stream = stream
        self.name = name  # of the archive

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self.stream.seek(offset, whence)

    def tell(self) -> int:
        return self.stream.tell()

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= LONGEST_HEADER:
            raise BadSource(f"{self.name}: a header asks for {size} bytes; the archive is refused")
        return self.stream.read(size)


@contextmanager
def _undamaged(name: str) -> Iterator[None]:
    """Turn the unpackers' errors into one line.

    Raises:
        BadSource: the archive is damaged.
    """
    try:
        yield
    except (*_DAMAGED, OSError) as error:
        if isinstance(error, OSError) and error.errno:  # the disk's trouble, not the archive's
            raise
        said = " ".join(str(error).split()) or "it ends too early"
        raise BadSource(
            f"{name} is no zip or tar(.gz/.bz2/.xz), or damaged: {said}; fetch it again"
        ) from error


def _unzip(archive: Path, shelf: _Shelf) -> Iterator[int]:
    """Unpack a zip; yield how far into the file it is, in bytes."""
    with zipfile.ZipFile(archive) as box:
        for info in box.infolist():
            name = _zip_name(info)
            shelf.count(name)
            kind = stat.S_IFMT(info.external_attr >> 16)  # 0 where the writer knew no Unix
            if kind == stat.S_IFLNK:
                raise shelf.refuse(name, "is a link")
            if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise shelf.refuse(name, "is a special file")
            if info.flag_bits & 1:
                raise shelf.refuse(name, "is encrypted")
            if shelf.parts(name) and not (kind == stat.S_IFDIR or name.endswith(("/", "\\"))):
                with _readable(box, info, shelf) as stream:
                    shelf.put(name, info.file_size, stream)
            yield info.header_offset + info.compress_size


@contextmanager
def _readable(box: zipfile.ZipFile, info: zipfile.ZipInfo, shelf: _Shelf) -> Iterator[IO[bytes]]:
    try:
        stream = box.open(info)
    except NotImplementedError as error:
        raise shelf.refuse(info.filename, "is compressed in a way unknown here") from error
    with stream:
        yield stream


def _zip_name(info: zipfile.ZipInfo) -> str:
    """The member's name; several programs write UTF-8 without the flag that says so."""
    if info.flag_bits & 0x800:
        return info.filename
    try:
        return info.orig_filename.encode("cp437").decode("utf-8")
    except UnicodeError:
        return info.filename


def _untar(archive: Path, start: bytes, shelf: _Shelf) -> Iterator[int]:
    """Unpack a tar; yield how far into the file it is, in bytes."""
    pack = next((open_ for magic, open_ in _OPENERS.items() if start.startswith(magic)), None)
    with archive.open("rb") as raw, pack(raw) if pack else raw as plain:
        box = tarfile.open(fileobj=_Bounded(plain, shelf.name), mode="r:")  # noqa: SIM115  (plain is closed)
        for member in box:
            shelf.count(member.name)
            shelf.weigh(member.name, member.size)  # even a folder may announce content, to be skipped over
            shelf.read(member.name, box.offset - member.size)
            box.members.clear()  # type: ignore[attr-defined]  # else it keeps every header it has read
            if member.issym() or member.islnk():
                raise shelf.refuse(member.name, "is a link")
            if not (member.isreg() or member.isdir()) or member.issparse():
                raise shelf.refuse(member.name, "is a special file")
            if shelf.parts(member.name) and member.isreg():
                stream = box.extractfile(member)
                assert stream is not None  # regular files have content
                shelf.put(member.name, member.size, stream)
            yield raw.tell()
        plain.seek(box.offset)
        if plain.read(512) != bytes(512):  # tarfile takes any nonsense after the first member for the end
            raise tarfile.ReadError("it ends too early")
        for _ in range(LONGEST_HEADER // CHUNK):  # the packed stream's own checksum stands at its end
            if not plain.read(CHUNK):
                break
