"""Photos made fit for a page: upright, in sRGB, small, without what a camera wrote into them."""

import threading
from contextlib import nullcontext
from io import BytesIO

from PIL import Image

from pawtrait.dataset import colours, tiff
from pawtrait.dataset.upright import BROKEN, turned

FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF")  # the service's; Pillow runs a program for others
PIXELS = 40_000_000  # more is not decoded for a preview; the service has its say on the photo itself
LARGE = 4_000_000  # pixels from which on one picture is decoded at a time
Resampling = Image.Resampling
DEEP = ("I", "I;16", "I;16B", "I;16L")  # 16 bits of grey
BLENDING = ("L", "LA", "RGB", "RGBA", "CMYK", "YCbCr")  # modes in which neighbouring pixels can be mixed

_large = threading.Lock()


def small(data: bytes, side: int) -> bytes:
    """A JPEG of at most ``side`` px a side; b"" where the bytes are no picture that could be shown."""
    shown = _fitting(data, side)
    return b"" if shown is None else _jpeg(shown, 88)


def too_large(data: bytes) -> bool:
    """Whether it is a picture, and has too many pixels to be shown."""
    try:
        with Image.open(BytesIO(data), formats=FORMATS) as opened:
            return _too_large(opened, data)
    except Image.DecompressionBombError:  # Pillow's own limit, far above
        return True
    except BROKEN:
        return False


def like(data: bytes, model: bytes) -> bytes:
    """``data`` as a JPEG of the size of ``model``, so that both lie on top of each other; both encoded.

    White where ``data`` is no picture that could be shown.
    """
    with Image.open(BytesIO(model)) as other:
        size = other.size
    shown = _fitting(data, max(size))
    return _jpeg(shown.resize(size, Resampling.LANCZOS) if shown else Image.new("RGB", size, "white"), 90)


def _fitting(data: bytes, side: int) -> Image.Image | None:
    """sRGB, upright, at most ``side`` px a side; None where it cannot be shown.

    It is shrunk before anything else is done to it, and large ones take turns: many visitors' photos at
    their full size would fill the memory.
    """
    try:
        with Image.open(BytesIO(data), formats=FORMATS) as opened:
            if _too_large(opened, data):
                return None
            with _large if opened.width * opened.height > LARGE else nullcontext():
                opened.draft("RGB", (2 * side, 2 * side))  # JPEGs are read at a fraction of their size
                shown = _blending(opened)
                shown.thumbnail((side, side), Resampling.LANCZOS)
            upright = _on_white(turned(shown, opened))
            change = colours.to_srgb(opened.info.get("icc_profile"))
            return change(upright) if change else upright
    except (*BROKEN, Image.DecompressionBombError):
        return None


def _too_large(opened: Image.Image, data: bytes) -> bool:
    return opened.width * opened.height > PIXELS or (
        opened.format == "TIFF" and tiff.tile(data) > tiff.MOST_TILE
    )


def _jpeg(picture: Image.Image, quality: int) -> bytes:
    stream = BytesIO()
    picture.save(stream, "JPEG", quality=quality)
    return stream.getvalue()


def _blending(picture: Image.Image) -> Image.Image:
    """As it is, or as its palette, its one transparent colour or its 16 bits mean it."""
    if picture.mode in DEEP:
        return picture.convert("I").point(lambda value: value * (1 / 256)).convert("L")
    if picture.mode in BLENDING and "transparency" not in picture.info:
        return picture
    return picture.convert("RGBA" if picture.has_transparency_data else "RGB")


def _on_white(picture: Image.Image) -> Image.Image:
    """RGB, transparent parts on white."""
    if picture.has_transparency_data:
        seen = picture.convert("RGBA")
        ground = Image.new("RGBA", seen.size, "white")
        return Image.alpha_composite(ground, seen).convert("RGB")
    return picture.convert("RGB")
