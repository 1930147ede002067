"""Photos made fit for a page: upright, small, without what a camera wrote into them."""

from io import BytesIO

from PIL import Image, ImageOps, UnidentifiedImageError

PIXELS = 40_000_000  # more is not decoded for a preview; the service has its say on the photo itself


def small(data: bytes, side: int) -> bytes:
    """A JPEG of at most ``side`` px a side; b"" where the bytes are no picture that could be shown."""
    try:
        with Image.open(BytesIO(data)) as opened:
            if opened.width * opened.height > PIXELS:
                return b""
            opened.draft("RGB", (2 * side, 2 * side))  # JPEGs are read at a fraction of their size
            upright = ImageOps.exif_transpose(opened)
            shown = _on_white(upright)
    except (OSError, ValueError, SyntaxError, UnidentifiedImageError, Image.DecompressionBombError):
        return b""
    shown.thumbnail((side, side), Image.Resampling.LANCZOS)
    stream = BytesIO()
    shown.save(stream, "JPEG", quality=88)
    return stream.getvalue()


def like(data: bytes, model: bytes) -> bytes:
    """``data`` as a JPEG of the size of ``model``, so that both lie on top of each other; both encoded."""
    with Image.open(BytesIO(model)) as other, Image.open(BytesIO(data)) as opened:
        shown = _on_white(ImageOps.exif_transpose(opened)).resize(other.size, Image.Resampling.LANCZOS)
    stream = BytesIO()
    shown.save(stream, "JPEG", quality=90)
    return stream.getvalue()


def _on_white(picture: Image.Image) -> Image.Image:
    """RGB, transparent parts on white."""
    if picture.has_transparency_data:
        seen = picture.convert("RGBA")
        ground = Image.new("RGBA", seen.size, "white")
        return Image.alpha_composite(ground, seen).convert("RGB")
    return picture.convert("RGB")
