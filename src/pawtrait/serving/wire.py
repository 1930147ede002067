"""What service and painting processes say to each other: a JSON head and bytes behind it, never a pickle."""

import json
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

from pawtrait.dataset.images import Pixels

PARTS = "parts"  # in a head: how many pieces of bytes follow it


def send(channel: Connection, head: dict[str, Any], *parts: bytes) -> None:
    """Send a head and the bytes that belong to it.

    Raises:
        OSError: the other side is gone.
    """
    channel.send_bytes(json.dumps({**head, PARTS: len(parts)}).encode())
    for part in parts:
        channel.send_bytes(part)


def receive(channel: Connection) -> tuple[dict[str, Any], list[bytes]]:
    """Wait for the next head, and give it with its bytes.

    Raises:
        EOFError, OSError: the other side is gone.
    """
    head: dict[str, Any] = json.loads(channel.recv_bytes())
    return head, [channel.recv_bytes() for _ in range(head.pop(PARTS))]


def packed(pictures: list[Pixels]) -> tuple[list[list[int]], list[bytes]]:
    """Sizes for the head, and the pixels of each picture, uint8 (H, W, 3)."""
    return [list(one.shape[:2]) for one in pictures], [one.tobytes() for one in pictures]


def unpacked(sizes: list[list[int]], parts: list[bytes]) -> list[Pixels]:
    """The pictures again."""
    both = zip(sizes, parts, strict=True)
    return [np.frombuffer(part, np.uint8).reshape(*size, 3) for size, part in both]
