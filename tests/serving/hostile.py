"""Files that somebody might send to do harm: made from valid pictures, and by hand."""

import io
import random
import struct
import zipfile
import zlib
from collections.abc import Iterator

import numpy as np
from PIL import Image

from tests.serving.callers import pixels

KINDS = ("JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF")


def corpus(count: int, seed: int = 1) -> Iterator[tuple[str, bytes]]:
    """At least ``count`` files, each with what it is; the same for the same seed."""
    made = list(_by_hand())
    yield from made
    chance = random.Random(seed)
    valid = {kind: encoded(kind) for kind in KINDS}
    for number in range(max(0, count - len(made))):
        kind = KINDS[number % len(KINDS)]
        yield f"{kind} mutated {number}", _mutated(valid[kind], chance)


def bomb(side: int = 30_000) -> bytes:
    """A PNG of ``side`` x ``side`` black pixels in some hundred kilobytes."""
    packer, row = zlib.compressobj(9), b"\0" * (side * 3 + 1)
    data = b"".join(packer.compress(row) for _ in range(side // 100)) + packer.flush()
    return png(side, side, data)


def _by_hand() -> Iterator[tuple[str, bytes]]:
    jpeg, still = encoded("JPEG"), encoded("PNG")
    yield "nothing", b""
    yield "one byte", b"\xff"
    yield "text", b"hello " * 1000
    yield "html", b"<html><script>alert(1)</script>"
    yield "svg", b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>'
    yield "pdf", b"%PDF-1.7\n" + b"\0" * 500
    yield "zip", _zip()
    yield "elf", b"\x7fELF" + b"\0" * 500
    yield "postscript", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n"
    yield "bomb", bomb()
    for side in (2**31 - 1, 65_535, 0):
        yield f"PNG of {side} px", png(side, side, zlib.compress(b"\0" * 100))
        yield f"JPEG of {side & 0xFFFF} px", of_side(jpeg, side & 0xFFFF)
        yield (
            f"BMP of {side} px",
            b"BM" + struct.pack("<IIIIiiHHIIIIII", 60, 0, 54, 40, side, side, 1, 24, *[0] * 6),
        )
        yield (
            f"GIF of {side & 0xFFFF} px",
            b"GIF89a" + struct.pack("<HHBBB", side & 0xFFFF, side & 0xFFFF, 0, 0, 0),
        )
        yield f"WEBP of {side} px", b"RIFF\x20\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0" + b"\xff" * 6
    yield "moving gif", _moving("GIF")
    yield "moving webp", _moving("WEBP")
    yield "moving png", _moving("PNG")
    yield "pages", _moving("TIFF")
    yield "TIFF of one tile", tiled(4200)
    yield "jpeg and zip", jpeg + _zip()
    yield "gif and script", encoded("GIF") + b"<script>alert(1)</script>"
    yield "text that says JPEG", b"\xff\xd8\xff" + b"a" * 5000
    yield "exif without end", jpeg[:2] + b"\xff\xe1\xff\xffExif\0\0MM\0*" + b"\0" * 70_000 + jpeg[2:]
    yield (
        "exif in a circle",
        jpeg[:2]
        + segment(b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x87\x69\0\x04\0\0\0\x01\0\0\0\x08" + b"\0" * 4)
        + jpeg[2:],
    )
    yield (
        "exif of 65535 entries",
        jpeg[:2]
        + segment(b"Exif\0\0II*\0\x08\0\0\0\xff\xff" + b"\x12\x01\x05\0\xff\xff\xff\xff" * 99)
        + jpeg[2:],
    )
    yield "a thousand comments", jpeg[:2] + segment(b"x" * 60_000, 0xFE) * 20 + jpeg[2:]
    yield (
        "png text bomb",
        still[:33] + chunk(b"zTXt", b"a\0\0" + zlib.compress(b"\0" * 5_000_000)) + still[33:],
    )
    yield (
        "png profile bomb",
        still[:33] + chunk(b"iCCP", b"a\0\0" + zlib.compress(b"\0" * 5_000_000)) + still[33:],
    )
    yield "png with a wrong sum", still[:-20] + b"\0" * 4 + still[-16:]
    for kind in KINDS:
        data = encoded(kind)
        for share in (0.1, 0.5, 0.9):
            yield f"{kind} cut at {share}", data[: int(len(data) * share)]
        yield f"{kind} header then zeros", data[:32] + b"\0" * len(data)
        yield f"{kind} twice", data + data


def _mutated(data: bytes, chance: random.Random) -> bytes:
    """A valid file with some bytes changed, taken out, doubled, or cut."""
    made = bytearray(data)
    for _ in range(chance.randint(1, 12)):
        at, length = chance.randrange(len(made)), chance.randint(1, 16)
        way = chance.randrange(5)
        if way == 0:
            made[at : at + length] = chance.randbytes(length)
        elif way == 1:
            made[at] ^= 1 << chance.randrange(8)
        elif way == 2:
            del made[at : at + length]
        elif way == 3:
            made[at:at] = made[at : at + length]
        else:
            made[at : at + 4] = chance.choice((b"\xff\xff\xff\xff", b"\0\0\0\0", b"\x7f\xff\xff\xff"))
        if len(made) < 2:
            return bytes(made)
    return bytes(made[: chance.randrange(1, len(made))]) if chance.random() < 0.15 else bytes(made)


def encoded(kind: str) -> bytes:
    buffer = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "a cat"
    options = {"exif": exif.tobytes()} if kind in ("JPEG", "PNG", "WEBP", "TIFF") else {}
    Image.fromarray(pixels("sad", 64)).save(buffer, kind, **options)
    return buffer.getvalue()


def _moving(kind: str) -> bytes:
    frames = [Image.fromarray(pixels("sad", side).repeat(1, 0)).resize((40, 40)) for side in (40, 41, 42)]
    buffer = io.BytesIO()
    frames[0].save(buffer, kind, save_all=True, append_images=frames[1:])
    return buffer.getvalue()


def png(width: int, height: int, data: bytes) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def tiled(side: int, *more: int, kind: int = 4) -> bytes:
    """A TIFF of one pixel in a tile of ``side`` px a side; ``more`` are sides that it says besides."""
    packer = zlib.compressobj(9)
    data = b"".join(packer.compress(b"\0" * side * 3) for _ in range(side)) + packer.flush()
    tags = [(256, 1), (257, 1), (258, 8), (259, 8), (262, 2), (277, 3)]
    entries = [struct.pack("<HHIHH", tag, 3, 1, value, 0) for tag, value in tags]
    entries += [struct.pack("<HHII", tag, kind, 1, value) for tag in (322, 323) for value in (side, *more)]
    at = 8 + 2 + 12 * (len(entries) + 2) + 4
    entries += [struct.pack("<HHII", tag, 4, 1, value) for tag, value in ((324, at), (325, len(data)))]
    return b"II*\0" + struct.pack("<IH", 8, len(entries)) + b"".join(entries) + b"\0" * 4 + data


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def segment(content: bytes, marker: int = 0xE1) -> bytes:
    return b"\xff" + bytes([marker]) + struct.pack(">H", len(content) + 2) + content


def of_side(data: bytes, side: int) -> bytes:
    """A JPEG whose frame says another size."""
    at = data.index(b"\xff\xc0") + 5
    return data[:at] + struct.pack(">HH", side, side) + data[at + 4 :]


def _zip() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as written:
        written.writestr("run.sh", "echo")
    return buffer.getvalue()


def large(side: int, progressive: bool = False) -> bytes:
    """A JPEG of ``side`` x ``side`` px."""
    buffer = io.BytesIO()
    Image.fromarray(np.full((side, side), 99, np.uint8)).save(buffer, "JPEG", progressive=progressive)
    return buffer.getvalue()
