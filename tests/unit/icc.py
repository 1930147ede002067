"""ICC profiles of three primaries, written by hand: Display P3 and Adobe RGB."""

import struct
from collections.abc import Sequence

# Of red, green and blue, each as XYZ under D50.
P3 = ((0.5151, 0.2412, -0.0011), (0.2920, 0.6922, 0.0419), (0.1571, 0.0666, 0.7841))
ADOBE = ((0.6097, 0.3111, 0.0195), (0.2053, 0.6257, 0.0609), (0.1492, 0.0632, 0.7446))
WHITE = (0.9642, 1.0, 0.8249)  # D50
SRGB_CURVE = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)


def profile(primaries: Sequence[Sequence[float]], curve: Sequence[float]) -> bytes:
    """A display's profile, version 4; ``curve`` is a gamma alone, or the five numbers of sRGB's."""
    tone = b"para" + bytes(4) + struct.pack(">HH", 3 if len(curve) == 5 else 0, 0) + _fixed(curve)
    places = zip((b"rXYZ", b"gXYZ", b"bXYZ", b"wtpt"), (*primaries, WHITE), strict=True)
    tags = [(name, b"XYZ " + bytes(4) + _fixed(place)) for name, place in places]
    tags += [(name, tone) for name in (b"rTRC", b"gTRC", b"bTRC")]
    table, body, start = b"", b"", 132 + 12 * len(tags)
    for name, content in tags:
        table += name + struct.pack(">II", start + len(body), len(content))
        body += content
    head = struct.pack(">I4xI12s", start + len(body), 0x04000000, b"mntrRGB XYZ ") + bytes(12) + b"acsp"
    head += bytes(28) + _fixed(WHITE)
    return head.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body


def _fixed(numbers: Sequence[float]) -> bytes:
    return b"".join(struct.pack(">i", round(number * 65536)) for number in numbers)


DISPLAY_P3 = profile(P3, SRGB_CURVE)
ADOBE_RGB = profile(ADOBE, (2.19921875,))
