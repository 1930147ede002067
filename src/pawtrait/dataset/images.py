"""The one decoder and the one resize: training, evaluation and serving see the same pixels.

OpenCV reads plain JPEGs and PNGs, which is nearly all of them, at twice Pillow's speed, to the same pixels.
Pillow reads what OpenCV would read wrongly or not at all: CMYK, palettes, alpha, 16 bits, GIF, WebP, BMP and
TIFF. The content decides, never the name.
"""

import io
import struct
from contextlib import suppress
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pawtrait.dataset import colours
from pawtrait.dataset.upright import BROKEN, turned
from pawtrait.errors import BadImage

Pixels = NDArray[np.uint8]

_MAGIC = (
    (b"\xff\xd8\xff", "jpeg"),
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"GIF8", "gif"),
    (b"BM", "bmp"),
    (b"II*\0", "tiff"),
    (b"MM\0*", "tiff"),
)


def decode(data: bytes, *, largest_pixels: int, name: str) -> Pixels:
    """Decode one encoded picture, turned upright by its EXIF tag, its colours brought to sRGB by its profile.

    Out: uint8 (H, W, 3), RGB in 0..255. Transparent parts lie on white, 16 bits are scaled to 8, an animation
    gives its first frame. ``name`` only serves the message.

    Raises:
        BadImage: empty, no picture, truncated, or more than ``largest_pixels`` (seen before decoding).
    """
    size = _plain_size(data)
    if size is None:
        return _by_pillow(data, largest_pixels, name)
    check_size(*size, largest_pixels=largest_pixels, name=name)
    pixels = _by_opencv(data)
    if pixels is None:
        return _by_pillow(data, largest_pixels, name)
    change = colours.to_srgb(_profile(data, largest_pixels, name))
    return np.array(change(Image.fromarray(pixels)), np.uint8) if change else pixels


def read(path: Path, *, largest_pixels: int, name: str | None = None) -> Pixels:
    """Decode a picture file; ``name`` serves the message, its own if left out. Raises as ``decode`` does."""
    return decode(path.read_bytes(), largest_pixels=largest_pixels, name=name or path.name)


def sniff(data: bytes) -> str:
    """The format by its first bytes: jpeg, png, gif, webp, bmp, tiff, or "" where it is none of them."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "webp"
    return next((kind for magic, kind in _MAGIC if data.startswith(magic)), "")


def open_header(data: bytes, *, largest_pixels: int, name: str) -> Image.Image:
    """Read the header alone: Pillow's picture with ``size`` (before EXIF turns it) and ``mode``, undecoded.

    Raises:
        BadImage: empty, no picture, or more than ``largest_pixels``.
    """
    if not data:
        raise BadImage(f"{name}: the file is empty; expected a picture")
    kind = sniff(data)
    if not kind:
        raise BadImage(f"{name}: not a picture (expected JPEG, PNG, GIF, WebP, BMP or TIFF)")
    try:  # as what it was seen to be: Pillow would try everything, and runs a program for some formats
        picture = Image.open(io.BytesIO(data), formats=(kind.upper(),))
    except Image.DecompressionBombError as error:
        limit = min(largest_pixels, 2 * (Image.MAX_IMAGE_PIXELS or 0))  # Pillow's own, whatever ours is
        raise BadImage(f"{name}: more than {limit} pixels; make it smaller") from error
    except BROKEN as error:
        raise BadImage(f"{name}: the header is damaged; send the picture again") from error
    check_size(*picture.size, largest_pixels=largest_pixels, name=name)
    return picture


def check_size(width: int, height: int, *, largest_pixels: int, name: str) -> None:
    """Refuse a picture by its size.

    Raises:
        BadImage: width times height is zero or more than ``largest_pixels``.
    """
    if not 0 < width * height <= largest_pixels:
        raise BadImage(f"{name}: {width}x{height} px, expected 1 to {largest_pixels} pixels; make it smaller")


def resize(picture: Pixels, side: int) -> Pixels:
    """Stretch to a square, as the study did: uint8 (H, W, 3) → (side, side, 3)."""
    return stretch(picture, side, side)


def middle(picture: Pixels) -> Pixels:
    """The largest square in the middle of uint8 (H, W, 3)."""
    height, width = picture.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return picture[top : top + side, left : left + side]


def fit(picture: Pixels, longer_side: int) -> Pixels:
    """Shrink or enlarge until the longer side is as asked; the aspect is kept, no side falls under 1 px."""
    height, width = picture.shape[:2]
    scale = longer_side / max(height, width)
    return stretch(picture, max(round(height * scale), 1), max(round(width * scale), 1))


def stretch(picture: Pixels, height: int, width: int) -> Pixels:
    """Bring to a size, whatever that does to the aspect.

    In: uint8 (H, W, 3). Out: uint8 (height, width, 3). An axis that shrinks is averaged by area, so nothing
    aliases; an axis that grows is interpolated linearly.
    """
    rows, columns = picture.shape[:2]
    small = cv2.resize(picture, (min(columns, width), min(rows, height)), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)


def encode_png(picture: Pixels) -> bytes:
    """Encode uint8 (H, W, 3), RGB, as a PNG without loss.

    Raises:
        BadImage: OpenCV cannot write it.
    """
    done, encoded = cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    if not done:
        raise BadImage(f"a picture of shape {picture.shape} cannot be written as PNG")
    return bytes(encoded)


def _plain_size(data: bytes) -> tuple[int, int] | None:
    """Width and height where OpenCV reads the file right; None sends it to Pillow."""
    if data.startswith(b"\xff\xd8\xff"):
        return _plain_jpeg(data)
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return _plain_png(data)
    return None


def _plain_jpeg(data: bytes) -> tuple[int, int] | None:
    """The size of a whole 8-bit grey or three-colour JPEG; OpenCV before 5 fills a cut one with grey."""
    if not data.endswith(b"\xff\xd9"):
        return None
    at = 2
    while at + 10 <= len(data) and data[at] == 0xFF:
        marker, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4], "big")
        if marker < 0xC0 or 0xD0 <= marker <= 0xDA or marker == 0xFF:  # no segment: others may see more in it
            return None
        if marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):  # a start-of-frame segment
            precision, height, width, channels = struct.unpack(">BHHB", data[at + 4 : at + 10])
            return (width, height) if precision == 8 and channels in (1, 3) else None
        at += 2 + length
    return None


def _plain_png(data: bytes) -> tuple[int, int] | None:
    """The size of a whole 8-bit grey or RGB PNG without transparency, orientation or animation."""
    if not data.endswith(b"IEND\xaeB`\x82") or len(data) < 33 or data[8:16] != b"\0\0\0\rIHDR":
        return None
    width, height, depth, colour = struct.unpack(">IIBB", data[16:26])
    special = any(chunk in data for chunk in (b"tRNS", b"eXIf", b"acTL", b"fcTL")) or data.count(b"IHDR") > 1
    return (width, height) if depth == 8 and colour in (0, 2) and not special else None


def _by_opencv(data: bytes) -> Pixels | None:
    """Decode and turn upright; None where OpenCV gives up."""
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB)
    except cv2.error:
        return None
    return None if pixels is None else np.asarray(pixels, np.uint8)


def _profile(data: bytes, largest_pixels: int, name: str) -> bytes | None:
    """The ICC profile of a JPEG or PNG, which OpenCV passes over."""
    if b"ICC_PROFILE\0" in data or b"iCCP" in data:  # few have one, and this takes no time
        with suppress(BadImage):
            header = open_header(data, largest_pixels=largest_pixels, name=name)
            profile: bytes | None = header.info.get("icc_profile")
            return profile
    return None


def _by_pillow(data: bytes, largest_pixels: int, name: str) -> Pixels:
    picture = open_header(data, largest_pixels=largest_pixels, name=name)
    try:
        picture.load()
        upright = _on_white(turned(picture, picture))
        change = colours.to_srgb(picture.info.get("icc_profile"))
        return np.array(change(upright) if change else upright, np.uint8)
    except BROKEN as error:
        raise BadImage(f"{name}: truncated or damaged ({error}); send the picture again") from error


def _on_white(picture: Image.Image) -> Image.Image:
    """Bring any mode to RGB: 16 bits scaled to 8, transparency laid on white."""
    if picture.mode in ("I", "F"):
        raise ValueError(f"mode {picture.mode} holds measurements, not colours")
    if picture.mode.startswith("I;16"):
        return Image.fromarray((np.asarray(picture).astype(np.uint32) // 257).astype(np.uint8)).convert("RGB")
    if not picture.has_transparency_data:
        return picture.convert("RGB")
    layers = picture.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", layers.size, "white"), layers).convert("RGB")
