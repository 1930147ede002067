"""What is kept of a picture: its pixels as they came, nothing of where, when or by whom it was taken.

A JPEG, PNG or WebP keeps its compressed pixels byte for byte and loses its notes; of EXIF only the
orientation stays. What follows a picture's end goes too, so that a file that is two things at once is a
picture only. Other formats become PNG.
"""

import hashlib
import hmac
import os
import re
import secrets
import struct
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from PIL import Image

from pawtrait.dataset import images
from pawtrait.dataset.images import Pixels

_START, _END, _SCAN = b"\xff\xd8", b"\xff\xd9", 0xDA
_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_KEEPS = (b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"sBIT")  # colours hang on these
_PNG_NEEDS = (b"IHDR", b"PLTE", b"IDAT", b"IEND")
_WEBP_KEEPS = (b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ICCP")
_ORIENTATION = 0x0112
_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")  # within a scan these are pixels, or fill
_NOTE = re.compile(rb"\xff[\xe0-\xef\xfe]")
MOST = 4_096  # segments behind the first scan


def clean(data: bytes, pixels: Pixels) -> bytes:
    """The picture without notes; decoded it gives the same ``pixels``, which only other formats need."""
    cleaners = {"jpeg": _jpeg, "png": _png, "webp": _webp}
    cleaner = cleaners.get(images.sniff(data))
    try:
        return cleaner(data) if cleaner else images.encode_png(pixels)
    except (ValueError, IndexError, struct.error):  # its structure is not what its decoder made of it
        return images.encode_png(pixels)


def fingerprint(who: str, salt: bytes) -> str:
    """32 hex digits for an address or a key's name, that nobody without the salt can trace back."""
    return hmac.new(salt, who.encode(), hashlib.sha256).hexdigest()[:32]


def salt(given: str, kept: Path) -> bytes:
    """The salt that was given, or one made up once and kept in a file that only its owner can read."""
    if given:
        return given.encode()
    if not kept.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        draft = kept.with_name(f".{kept.name}-{secrets.token_hex(8)}")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
            stream.write(secrets.token_hex(32))
        with suppress(FileExistsError):  # of services that start at once one is the first, for all of them
            os.link(draft, kept)
        draft.unlink()
    return kept.read_text(encoding="utf-8").strip().encode()


def _jpeg(data: bytes) -> bytes:
    """Segments are chosen from, before the first scan and between scans, up to the picture's end."""
    if not data.startswith(_START):
        raise ValueError("no JPEG")
    kept, at, orientation = [_START], 2, 1
    while data[at + 1] != _SCAN:
        length = 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        segment = data[at : at + length]
        if data[at] != 0xFF or length < 4 or len(segment) < length:
            raise ValueError("no segment")
        if segment[1] == 0xE1 and segment[4:10] == b"Exif\0\0":
            orientation = _turned(segment[4:])
        kept.append(_needed(segment))
        at += length
    rest = _scans(data, at)
    if sum(map(len, kept)) + len(rest) == len(data):
        return data
    if orientation != 1:
        exif = _exif(orientation)
        kept.insert(1, b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif)
    return b"".join(kept) + rest


def _needed(segment: bytes) -> bytes:
    """What the pixels hang on: tables, frames, JFIF without thumbnail, a profile, Adobe's transform."""
    marker = segment[1]
    if marker == 0xE0:  # JFIF; a thumbnail would show what was cut away
        plain = segment if len(segment) == 18 else b"\xff\xe0\0\x10" + segment[4:16] + b"\0\0"
        return plain if segment[4:9] == b"JFIF\0" and len(plain) == 18 else b""
    if marker == 0xEE:
        return b"\xff\xee\0\x0e" + segment[4:16] if segment[4:9] == b"Adobe" else b""
    note = marker == 0xFE or 0xE0 <= marker <= 0xEF
    profile = marker == 0xE2 and segment[4:15] == b"ICC_PROFILE"
    return b"" if note and not profile else segment


def _scans(data: bytes, scan: int) -> bytes:
    """From the first scan to the end marker, which no table between two scans can fake; without notes."""
    if data.find(_END, scan) == len(data) - 2 and not _NOTE.search(data, scan):  # nearly always
        return data[scan:]
    kept: list[bytes] = []
    begin, at = scan, scan
    for _ in range(MOST):
        found = _MARKER.search(data, at)
        if found is None:
            break
        at = found.start()
        if data[at + 1] == 0xD9:
            return b"".join(kept) + data[begin : at + 2]
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        if _NOTE.match(data, at):
            kept.append(data[begin:at])
            begin = end
        at = end
    raise ValueError("no end")


def _png(data: bytes) -> bytes:
    kept, orientation = [_PNG], 1
    for kind, chunk, content in _png_chunks(data):
        if kind == b"eXIf":
            orientation = _turned(content)
        elif kind in _PNG_NEEDS or kind in _PNG_KEEPS:
            kept.append(chunk)
    if orientation != 1:
        exif = b"eXIf" + _exif(orientation)[6:]
        kept.insert(2, struct.pack(">I", len(exif) - 4) + exif + struct.pack(">I", zlib.crc32(exif)))
    return b"".join(kept)


def _png_chunks(data: bytes) -> Iterator[tuple[bytes, bytes, bytes]]:
    """Kind, whole chunk and content of each, the end's being the last."""
    at, kind = len(_PNG), b""
    while kind != b"IEND":
        length = int.from_bytes(data[at : at + 4], "big")
        kind, chunk = data[at + 4 : at + 8], data[at : at + 12 + length]
        if len(chunk) < 12 + length:
            raise ValueError("a chunk is cut short")
        yield kind, chunk, chunk[8:-4]
        at += 12 + length


def _webp(data: bytes) -> bytes:
    kept, orientation, at = [], 1, 12
    end = min(len(data), 8 + int.from_bytes(data[4:8], "little"))
    while at + 8 <= end:
        kind, length = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        content = data[at + 8 : at + 8 + length]
        if kind == b"EXIF":
            orientation = _turned(content)
        elif kind in _WEBP_KEEPS:
            kept.append((kind, content))
        at += 8 + length + length % 2
    if orientation != 1:
        kept.append((b"EXIF", _exif(orientation)[6:]))
    parts = [
        _riff(kind, _flagged(content, orientation) if kind == b"VP8X" else content) for kind, content in kept
    ]
    inside = b"WEBP" + b"".join(parts)
    return b"RIFF" + struct.pack("<I", len(inside)) + inside


def _riff(kind: bytes, content: bytes) -> bytes:
    return kind + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)


def _flagged(content: bytes, orientation: int) -> bytes:
    """The extended header's flags: XMP (4) is gone, EXIF (8) where nothing needs turning."""
    return bytes([content[0] & ~0x0C | (0x08 if orientation != 1 else 0)]) + content[1:]


def _turned(exif: bytes) -> int:
    """The orientation, 1 to 8; 1 where it says none."""
    found = Image.Exif()
    try:
        found.load(exif if exif.startswith(b"Exif\0\0") else b"Exif\0\0" + exif)
        said = found.get(_ORIENTATION, 1)
    except Exception:  # whatever Pillow makes of a damaged block; decoding met the same and went on
        return 1
    return said if said in range(1, 9) else 1


def _exif(orientation: int) -> bytes:
    """An EXIF block that holds the orientation alone."""
    entry = struct.pack(">HHIHH", _ORIENTATION, 3, 1, orientation, 0)
    return b"Exif\0\0MM\0*\0\0\0\x08\0\x01" + entry + b"\0\0\0\0"
