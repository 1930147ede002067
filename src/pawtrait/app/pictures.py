"""Photos made fit for a page: upright, small, without what a camera wrote into them."""

import struct
from io import BytesIO

from PIL import ExifTags, Image

PIXELS = 40_000_000  # more is not decoded for a preview; the service has its say on the photo itself
BROKEN = (  # what Pillow raises over damaged files
    OSError,
    ValueError,
    SyntaxError,
    TypeError,
    AttributeError,
    LookupError,
    ArithmeticError,
    struct.error,
)
Turn = Image.Transpose
TURNS = {  # by EXIF's orientation
    2: Turn.FLIP_LEFT_RIGHT,
    3: Turn.ROTATE_180,
    4: Turn.FLIP_TOP_BOTTOM,
    5: Turn.TRANSPOSE,
    6: Turn.ROTATE_270,
    7: Turn.TRANSVERSE,
    8: Turn.ROTATE_90,
}
DEEP = ("I", "I;16", "I;16B", "I;16L")  # 16 bits of grey


def small(data: bytes, side: int) -> bytes:
    """A JPEG of at most ``side`` px a side; b"" where the bytes are no picture that could be shown."""
    try:
        with Image.open(BytesIO(data)) as opened:
            if opened.width * opened.height > PIXELS:
                return b""
            opened.draft("RGB", (2 * side, 2 * side))  # JPEGs are read at a fraction of their size
            shown = _on_white(_upright(opened))
    except (*BROKEN, Image.DecompressionBombError):
        return b""
    shown.thumbnail((side, side), Image.Resampling.LANCZOS)
    stream = BytesIO()
    shown.save(stream, "JPEG", quality=88)
    return stream.getvalue()


def like(data: bytes, model: bytes) -> bytes:
    """``data`` as a JPEG of the size of ``model``, so that both lie on top of each other; both encoded.

    White where ``data`` is no picture that could be shown.
    """
    with Image.open(BytesIO(model)) as other:
        size = other.size
    try:
        with Image.open(BytesIO(data)) as opened:
            shown = _on_white(_upright(opened)).resize(size, Image.Resampling.LANCZOS)
    except (*BROKEN, Image.DecompressionBombError):
        shown = Image.new("RGB", size, "white")
    stream = BytesIO()
    shown.save(stream, "JPEG", quality=90)
    return stream.getvalue()


def _upright(picture: Image.Image) -> Image.Image:
    """As it was seen; a damaged note of how it was held turns nothing.

    ``ImageOps.exif_transpose`` writes all of the EXIF data anew, and fails on what it cannot write.
    """
    try:
        turn = TURNS.get(picture.getexif().get(ExifTags.Base.Orientation, 1))
    except BROKEN:
        turn = None
    return picture if turn is None else picture.transpose(turn)


def _on_white(picture: Image.Image) -> Image.Image:
    """RGB, transparent parts on white."""
    if picture.mode in DEEP:
        picture = picture.convert("I").point(lambda value: value * (1 / 256)).convert("L")
    if picture.has_transparency_data:
        seen = picture.convert("RGBA")
        ground = Image.new("RGBA", seen.size, "white")
        return Image.alpha_composite(ground, seen).convert("RGB")
    return picture.convert("RGB")
