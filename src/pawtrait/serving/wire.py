"""What service and its processes say to each other: a JSON head and bytes behind it, never a pickle."""

import json
import struct
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

from pawtrait.dataset.images import Pixels

Message = tuple[dict[str, Any], list[bytes]]  # a head, and the bytes behind it
PARTS = "parts"  # in a head: how long each piece of bytes behind it is
_LENGTH = struct.Struct("<I")  # of the head, before it


def send(channel: Connection, head: dict[str, Any], *parts: bytes) -> None:
    """Send a head and the bytes that belong to it, as one message.

    Raises:
        OSError: the other side is gone.
    """
    said = json.dumps({**head, PARTS: [len(part) for part in parts]}).encode()
    channel.send_bytes(b"".join((_LENGTH.pack(len(said)), said, *parts)))


def receive(channel: Connection) -> Message:
    """Wait for the next head, and give it with its bytes.

    Raises:
        EOFError, OSError: the other side is gone.
    """
    message = channel.recv_bytes()
    at = _LENGTH.size + _LENGTH.unpack_from(message)[0]
    head: dict[str, Any] = json.loads(message[_LENGTH.size : at])
    parts = []
    for length in head.pop(PARTS):
        parts.append(message[at : at + length])
        at += length
    return head, parts


def packed(pictures: list[Pixels]) -> tuple[list[list[int]], list[bytes]]:
    """Sizes for the head, and the pixels of each picture, uint8 (H, W, 3)."""
    return [list(one.shape[:2]) for one in pictures], [one.tobytes() for one in pictures]


def unpacked(sizes: list[list[int]], parts: list[bytes]) -> list[Pixels]:
    """The pictures again."""
    both = zip(sizes, parts, strict=True)
    return [np.frombuffer(part, np.uint8).reshape(*size, 3) for size, part in both]
