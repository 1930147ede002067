"""A picture as it was seen: turned by the note of how the camera was held."""

import struct

from PIL import ExifTags, Image

BROKEN = (  # what Pillow's readers let through when a file lies about itself
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    AttributeError,
    AssertionError,
    LookupError,
    ArithmeticError,
    EOFError,
    struct.error,
    MemoryError,
)
_Turn = Image.Transpose
_TURNS = {  # by EXIF's orientation
    2: _Turn.FLIP_LEFT_RIGHT,
    3: _Turn.ROTATE_180,
    4: _Turn.FLIP_TOP_BOTTOM,
    5: _Turn.TRANSPOSE,
    6: _Turn.ROTATE_270,
    7: _Turn.TRANSVERSE,
    8: _Turn.ROTATE_90,
}


def turned(picture: Image.Image, noted: Image.Image) -> Image.Image:
    """Turn a picture by the notes of the file, ``noted``; damaged ones turn nothing.

    ``ImageOps.exif_transpose`` writes all of the EXIF data anew, and fails on what it cannot write.
    """
    try:
        turn = _TURNS.get(noted.getexif().get(ExifTags.Base.Orientation, 1))
    except BROKEN:
        turn = None
    return picture if turn is None else picture.transpose(turn)
