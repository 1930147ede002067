"""A picture's colours as sRGB, which networks here learn from and screens expect.

The numbers of a photo in Display P3, as iPhones take it, or in Adobe RGB look pale where they pass for sRGB.
"""

from collections.abc import Callable
from functools import lru_cache
from io import BytesIO
from itertools import chain, product

from PIL import Image, ImageChops, ImageCms

from pawtrait.dataset.upright import BROKEN

LONGEST = 1 << 17  # bytes of a profile; those of cameras and editors have some hundreds to some thousands
SAME = 2  # levels of 255; the profiles of sRGB that are about differ by so much

_LEVELS = bytes(chain.from_iterable(product(range(0, 256, 51), repeat=3)))  # 216 colours, RGB


def to_srgb(profile: bytes | None) -> Callable[[Image.Image], Image.Image] | None:
    """What brings an RGB picture with this ICC profile to sRGB, in place.

    None where nothing is to be done: no profile, one of sRGB itself, a damaged one, or one that is not made
    of three primaries and their curves.
    """
    return _conversion(profile) if profile and len(profile) <= LONGEST else None


@lru_cache(16)  # most pictures share a few profiles
def _conversion(profile: bytes) -> Callable[[Image.Image], Image.Image] | None:
    try:
        opened = ImageCms.ImageCmsProfile(BytesIO(profile))
        if opened.profile.xcolor_space != "RGB " or not opened.profile.is_matrix_shaper:
            return None
        srgb = ImageCms.createProfile("sRGB")
        intent = ImageCms.Intent.RELATIVE_COLORIMETRIC
        change = ImageCms.buildTransform(opened, srgb, "RGB", "RGB", intent).apply_in_place
    except (*BROKEN, ImageCms.PyCMSError):
        return None
    levels = Image.frombytes("RGB", (6, 36), _LEVELS)
    moved = ImageChops.difference(levels, change(levels.copy())).tobytes()
    return change if max(moved) > SAME else None
