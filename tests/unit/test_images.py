"""One decoder for every kind of file that people send."""

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from pawtrait.dataset import images
from pawtrait.errors import BadImage
from tests.unit import icc

LARGEST = 100_000_000


def decode(data: bytes, largest: int = LARGEST) -> images.Pixels:
    return images.decode(data, largest_pixels=largest, name="cat.jpg")


def encode(picture: Image.Image, kind: str, **options: object) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, kind, **options)
    return stream.getvalue()


@pytest.fixture
def corner() -> Image.Image:
    """60 wide, 40 high: red in the upper left quarter, blue elsewhere."""
    picture = Image.new("RGB", (60, 40), "blue")
    picture.paste("red", (0, 0, 30, 20))
    return picture


def colour(pixels: images.Pixels, x: int, y: int) -> str:
    """The strongest colour at a point, so that a JPEG's rounding does not matter."""
    return ("red", "green", "blue")[int(pixels[y, x].argmax())]


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF"])
def test_every_format_gives_the_same_picture_in_rgb(corner: Image.Image, kind: str) -> None:
    pixels = decode(encode(corner, kind))
    assert pixels.shape == (40, 60, 3)
    assert pixels.dtype == np.uint8
    assert (colour(pixels, 10, 10), colour(pixels, 50, 30)) == ("red", "blue")


def test_opencv_and_pillow_agree_on_every_pixel_of_a_jpeg() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 48, 3), dtype=np.uint8)
    data = encode(Image.fromarray(noise), "JPEG", quality=80)
    assert np.array_equal(decode(data), np.asarray(Image.open(io.BytesIO(data))))


def test_a_png_comes_back_as_it_was_written() -> None:
    noise = np.random.default_rng(1).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    assert np.array_equal(decode(images.encode_png(noise)), noise)


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
@pytest.mark.parametrize(
    ("orientation", "red_at"),
    [
        (1, (10, 10)),
        (2, (50, 10)),
        (3, (50, 30)),
        (4, (10, 30)),
        (5, (10, 10)),
        (6, (30, 10)),
        (7, (30, 50)),
        (8, (10, 50)),
    ],
)
def test_an_exif_rotated_picture_stands_upright(
    corner: Image.Image, kind: str, orientation: int, red_at: tuple[int, int]
) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    pixels = decode(encode(corner, kind, exif=exif))
    assert pixels.shape[:2] == ((40, 60) if orientation < 5 else (60, 40))
    assert colour(pixels, *red_at) == "red"


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_notes_that_nobody_can_write_anew_cost_no_picture(corner: Image.Image, kind: str) -> None:
    """Pillow's own turning writes all notes again, and fails on a maker that is a number."""
    maker = struct.pack("<HHII", 0x010F, 5, 1, 38)  # a fraction, which lies at 38
    turn = struct.pack("<HHIHH", 0x0112, 3, 1, 6, 0)
    notes = b"Exif\0\0II*\0" + struct.pack("<IH", 8, 2) + maker + turn + struct.pack("<III", 0, 1, 2)
    data = encode(corner, kind, exif=notes) + (b"\0" if kind == "JPEG" else b"")  # plain ones OpenCV reads
    pixels = decode(data)
    assert pixels.shape == (60, 40, 3)
    assert colour(pixels, 30, 10) == "red"


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_damaged_notes_turn_nothing(corner: Image.Image, kind: str) -> None:
    data = encode(corner, kind, exif=b"Exif\0\0" + 12 * b"?") + (b"\0" if kind == "JPEG" else b"")
    assert decode(data).shape == (40, 60, 3)


def test_a_cmyk_jpeg_keeps_its_colours(corner: Image.Image) -> None:
    pixels = decode(encode(corner.convert("CMYK"), "JPEG"))
    assert (colour(pixels, 10, 10), colour(pixels, 50, 30)) == ("red", "blue")


def test_a_palette_picture_keeps_its_colours(corner: Image.Image) -> None:
    pixels = decode(encode(corner.quantize(4), "PNG"))
    assert np.array_equal(pixels, np.asarray(corner))


def test_grey_gets_three_equal_channels() -> None:
    pixels = decode(encode(Image.new("L", (9, 8), 77), "PNG"))
    assert pixels.shape == (8, 9, 3)
    assert np.all(pixels == 77)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize(
    ("profile", "srgb"),  # by the matrices of CSS Color 4, for display-p3 and a98-rgb
    [(icc.DISPLAY_P3, [215, 93, 73]), (icc.ADOBE_RGB, [227, 100, 78])],
)
def test_colours_are_what_the_profile_says(kind: str, profile: bytes, srgb: list[int]) -> None:
    options = {"quality": 100} if kind in ("JPEG", "WEBP") else {}
    data = encode(Image.new("RGB", (16, 16), (200, 100, 80)), kind, icc_profile=profile, **options)
    assert decode(data)[8, 8].tolist() == pytest.approx(srgb, abs=2)


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
@pytest.mark.parametrize("mode", ["L", "RGBA"])
def test_a_profile_turns_no_white_or_grey(kind: str, mode: str) -> None:
    picture = Image.new("L", (8, 8), 128).convert(mode if kind == "PNG" else "L")
    assert np.all(decode(encode(picture, kind, icc_profile=icc.DISPLAY_P3)) == 128)


_SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
_LAB = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()


@pytest.mark.parametrize(
    "profile",
    [_SRGB, _LAB, icc.DISPLAY_P3[:200], b"?", icc.DISPLAY_P3 + bytes(1 << 17)],
    ids=["of sRGB itself", "not of RGB", "cut", "none", "huge"],
)
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_profile_that_says_nothing_of_use_changes_no_pixel(kind: str, profile: bytes) -> None:
    noise = Image.fromarray(np.random.default_rng(2).integers(0, 256, (16, 16, 3), dtype=np.uint8))
    plain, noted = encode(noise, kind), encode(noise, kind, icc_profile=profile)
    assert np.array_equal(decode(noted), decode(plain))


def test_a_profiled_photo_stands_upright(corner: Image.Image) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    pixels = decode(encode(corner, "JPEG", exif=exif, icc_profile=icc.DISPLAY_P3))
    assert pixels.shape == (60, 40, 3)
    assert colour(pixels, 30, 10) == "red"


def test_transparent_parts_lie_on_white() -> None:
    picture = Image.new("RGBA", (20, 10), (255, 0, 0, 0))
    picture.paste((0, 0, 255, 255), (10, 0, 20, 10))
    pixels = decode(encode(picture, "PNG"))
    assert pixels[5, 5].tolist() == [255, 255, 255]
    assert pixels[5, 15].tolist() == [0, 0, 255]


def test_a_palette_with_a_transparent_entry_lies_on_white() -> None:
    picture = Image.new("P", (8, 8), 0)
    picture.putpalette([0, 0, 0, 255, 0, 0])
    assert np.all(decode(encode(picture, "PNG", transparency=0)) == 255)


def test_a_colour_that_stands_for_transparent_turns_white() -> None:
    data = encode(Image.new("RGB", (8, 8), "red"), "PNG", transparency=(255, 0, 0))
    assert np.all(decode(data) == 255)


def test_sixteen_bits_are_scaled_not_cut() -> None:
    ramp = np.array([[0, 257, 128 * 257, 65535]], np.uint16)
    pixels = decode(encode(Image.fromarray(ramp), "PNG"))
    assert pixels[0, :, 0].tolist() == [0, 1, 128, 255]


def test_sixteen_bit_colour_is_scaled_too() -> None:
    assert decode(_png(2, 1, depth=16, colour=2, row=struct.pack(">6H", 65535, 0, 0, 0, 0, 32896)))[
        0
    ].tolist() == [
        [255, 0, 0],
        [0, 0, 128],
    ]


def test_an_animated_gif_gives_its_first_frame(corner: Image.Image) -> None:
    second = Image.new("RGB", corner.size, "green")
    pixels = decode(encode(corner, "GIF", save_all=True, append_images=[second], duration=50))
    assert (colour(pixels, 10, 10), colour(pixels, 50, 30)) == ("red", "blue")


def test_a_20000_px_picture_is_refused_before_it_is_decoded() -> None:
    for data in (
        _png(20_000, 20_000, depth=8, colour=2, row=b""),
        _png(20_000, 20_000, depth=1, colour=0, row=b""),
    ):
        with pytest.raises(BadImage, match=r"cat\.jpg: (20000x20000 px|more than 100000000)"):
            decode(data)


def test_a_bomb_that_pillow_finds_first_is_refused_in_our_words() -> None:
    tiny = encode(Image.new("1", (1, 1)), "GIF")
    with pytest.raises(BadImage, match=r"cat\.jpg: more than 5000 pixels"):
        decode(tiny.replace(b"\1\0\1\0", b"\xff\xff\xff\xff", 1), largest=5000)


def test_the_size_counts_for_files_that_pillow_reads(corner: Image.Image) -> None:
    with pytest.raises(BadImage, match="60x40 px, expected 1 to 1000"):
        decode(encode(corner, "WEBP"), largest=1000)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP"])
def test_a_truncated_file_is_refused(kind: str) -> None:
    noise = np.random.default_rng(2).integers(0, 256, (90, 90, 3), dtype=np.uint8)
    whole = encode(Image.fromarray(noise), kind)
    with pytest.raises(BadImage, match=r"^cat\.jpg: .*(truncated|damaged)"):
        decode(whole[: len(whole) // 2])


@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow's, on what is left of a TIFF
@pytest.mark.parametrize("cut", range(1, 40))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP"])
def test_a_file_cut_in_its_header_is_a_bad_image_and_no_other_error(
    corner: Image.Image, kind: str, cut: int
) -> None:
    with pytest.raises(BadImage):
        decode(encode(corner, kind)[:cut])


def test_text_named_jpg_is_no_picture() -> None:
    with pytest.raises(BadImage, match=r"cat\.jpg: not a picture"):
        decode(b"this is not a photograph\n")


def test_a_zero_byte_file_is_called_empty() -> None:
    with pytest.raises(BadImage, match=r"cat\.jpg: the file is empty"):
        decode(b"")


@pytest.mark.parametrize(
    ("kind", "name"),
    [("JPEG", "jpeg"), ("PNG", "png"), ("GIF", "gif"), ("WEBP", "webp"), ("BMP", "bmp"), ("TIFF", "tiff")],
)
def test_the_content_says_what_a_file_is(corner: Image.Image, kind: str, name: str) -> None:
    assert images.sniff(encode(corner, kind)) == name


def test_shrinking_averages_so_a_fine_chequer_turns_grey() -> None:
    chequer = np.indices((256, 256)).sum(axis=0) % 2 * 255
    small = images.resize(np.repeat(chequer[:, :, None], 3, axis=2).astype(np.uint8), 128)
    assert np.unique(small).tolist() == [128]


def test_resizing_stretches_to_a_square_and_averages_only_the_axis_that_shrinks() -> None:
    wide = np.zeros((16, 256, 3), np.uint8)
    wide[:, ::4] = 200  # a quarter of each four; a linear filter would look at the two in the middle
    square = images.resize(wide, 64)
    assert square.shape == (64, 64, 3)
    assert np.unique(square).tolist() == [50]


def test_a_picture_of_the_right_size_stays_as_it_is() -> None:
    noise = np.random.default_rng(3).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    assert np.array_equal(images.resize(noise, 32), noise)


def test_real_photographs_are_read_alike_by_both_readers() -> None:
    folder = Path("../shared/pets/Master Folder/valid/happy")
    if not folder.is_dir():
        pytest.skip("needs the pets beside the repository")
    by_pillow: Callable[[Path], images.Pixels] = lambda path: np.asarray(Image.open(path))  # noqa: E731
    photos = list(folder.glob("*.jpg"))
    assert photos and all(np.array_equal(decode(one.read_bytes()), by_pillow(one)) for one in photos)


def _png(width: int, height: int, *, depth: int, colour: int, row: bytes) -> bytes:
    """A PNG of one row, written by hand: Pillow writes no 16-bit colour, and 20,000 px not cheaply."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    parts = chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(b"\0" + row)), chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


@pytest.mark.parametrize(("height", "width"), [(40, 60), (4000, 6000), (2, 3)])
def test_fitting_keeps_the_aspect(height: int, width: int) -> None:
    assert images.fit(np.zeros((height, width, 3), np.uint8), 96).shape == (64, 96, 3)


def test_the_thinnest_picture_keeps_a_pixel_of_height() -> None:
    assert images.fit(np.zeros((1, 5000, 3), np.uint8), 64).shape == (1, 64, 3)


def test_stretching_averages_what_shrinks_and_keeps_plain_areas_that_grow() -> None:
    halves = np.repeat(np.array([[0, 100, 40, 40]], np.uint8)[:, :, None], 3, axis=2)
    assert images.stretch(halves, 3, 2)[:, :, 0].tolist() == [[50, 40]] * 3
